// Values of flags: which texts are accepted, and which are refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseMap, databases, listenAddress, natRule } from '../../../src/cli/flags/kinds.ts';

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

test('natRule takes names, IPv4, and IPv6 in brackets, each with its port', () => {
  for (const [text, announced, reachable] of [
    ['10.0.0.1:6379=127.0.0.1:7001', { host: '10.0.0.1', port: 6379 }, { host: '127.0.0.1', port: 7001 }],
    ['node-1.example:1=localhost:65535', { host: 'node-1.example', port: 1 }, { host: 'localhost', port: 65_535 }],
    ['[2001:db8::1]:6379=[::1]:7001', { host: '2001:db8::1', port: 6379 }, { host: '::1', port: 7001 }],
  ] as const) {
    assert.deepEqual(natRule.parse(text), { announced, reachable }, text);
  }
});

test('natRule refuses a rule that is not whole', () => {
  for (const text of [
    '',
    '=',
    'a:1',
    'a:1=',
    '=b:2',
    'a:1=b',
    'a=b:2',
    'a:1=b:2=c:3',
    'a:1=b:2,c:3=d:4',
    'a:1=redis://b:2',
    'a:1=:pass@b:2',
    'a:1=b:2/0',
    ' a:1=b:2',
  ]) {
    assert.throws(() => assert.notEqual(natRule.parse(text), undefined), text);
  }
  for (const text of ['a:0=b:2', 'a:1=b:65536', '::1:1=b:2', '[a]:1=b:2']) {
    assert.throws(() => natRule.parse(text), { code: 'ADDRESS' }, text);
  }
});

test('listenAddress takes a port alone as one of this machine, and a host with its port', () => {
  const local = { host: '127.0.0.1', port: 9121 };
  for (const [given, expected] of [
    ['9121', local],
    [':9121', local],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['0.0.0.0:65535', { host: '0.0.0.0', port: 65_535 }],
    ['[::1]:9121', { host: '::1', port: 9121 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
  ] as const)
    assert.deepEqual(listenAddress.parse(given), expected, given);
  for (const given of [
    '',
    'x',
    'x:',
    '65536',
    '-1',
    '1.5',
    '::1:80',
    '[::1]',
    '[x]:80',
    'a]:1',
    'http://h:80',
    'u@h:80',
    'h:80/',
  ])
    assert.equal(listenAddress.parse(given), undefined, given);
});
