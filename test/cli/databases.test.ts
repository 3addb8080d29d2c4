// Databases, and maps of them, as operators write them, and what is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseMap } from '../../src/cli/database-map.ts';
import { databases } from '../../src/cli/databases.ts';

test('databases takes numbers in their order, or all', () => {
  for (const [text, value] of [
    ['0', [0]],
    ['3,0,15', [3, 0, 15]],
    ['999999999', [999_999_999]],
    ['all', 'all'],
  ] as const) {
    assert.deepEqual(databases.parse(text), value, text);
  }
});

test('databases refuses what is no number, and a number that comes twice', () => {
  for (const text of [
    '',
    ',',
    '0,',
    ',0',
    '0,,1',
    '0, 1',
    '-1',
    '0-3',
    'ALL',
    'all,0',
    '1e1',
    '1,01',
    '0,3,0',
    '9999999999',
  ]) {
    assert.equal(databases.parse(text), undefined, text);
  }
});

test('databaseMap takes pairs of source and target', () => {
  assert.deepEqual(
    databaseMap.parse('0:5,3:0'),
    new Map([
      [0, 5],
      [3, 0],
    ]),
  );
  assert.deepEqual(databaseMap.parse('7:7'), new Map([[7, 7]]));
});

test('databaseMap refuses what is no pair, and a source that comes twice', () => {
  for (const text of [
    '',
    '0',
    '0:',
    ':0',
    '0:1,',
    '0:1,2',
    '0:1:2',
    '0=1',
    '0: 1',
    'all:1',
    '0:-1',
    '0:1,0:2',
    '0:1,0:1',
  ]) {
    assert.equal(databaseMap.parse(text), undefined, text);
  }
});
