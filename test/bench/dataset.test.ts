// The datasets are the same data every time, and of the kinds that they are described with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandsOf, datasets, scaled } from './dataset.ts';

test('commandsOf() gives the same bytes each time', () => {
  const mixed = scaled(datasets.mixed, 0.001);
  assert.deepEqual([...commandsOf(mixed)], [...commandsOf(mixed)]);
});

test('The small dataset is strings of 70 bytes, half of them with an expiry', () => {
  const commands = [...commandsOf(scaled(datasets.small, 0.001))];
  assert.equal(commands.length, 1000);
  assert.ok(commands.every(([name, , value]) => name === 'SET' && typeof value === 'string' && value.length === 70));
  assert.equal(commands.filter((command) => command[3] === 'PX').length, 500);
});

test('The mixed dataset has every type among a hundred keys', () => {
  const keys = [...commandsOf({ ...datasets.mixed, keys: 100 })].map((command) => String(command[1]));
  const types = new Set(keys.filter((key) => key.includes(':')).map((key) => key.split(':')[0]));
  assert.deepEqual(types, new Set(['string', 'hash', 'set', 'list', 'zset', 'wide', 'stream']));
});
