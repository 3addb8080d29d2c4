// Keys of which something is told, each once, in a bound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyId } from '../../../src/flow/key-id.ts';
import { KeyList } from '../../../src/flow/key-list.ts';

function keyOf(name: string | number, db = 0): KeyId {
  return { db, key: Buffer.from(String(name)) };
}

function namesOf(list: KeyList<string>): string[] {
  return Array.from(list.named, ({ db, key, what }) => `${db}:${key.toString()} ${what}`);
}

test('KeyList keeps each key once, with what was told last, until it is taken out', () => {
  const list = new KeyList<string>();
  assert.ok(list.add(keyOf('a'), 'first'));
  assert.ok(list.add(keyOf('a', 1), 'of another database'));
  assert.ok(!list.add(keyOf('a'), 'second'));
  assert.deepEqual(namesOf(list), ['0:a second', '1:a of another database']);
  assert.ok(list.delete(keyOf('a')));
  assert.ok(!list.delete(keyOf('a')));
  assert.equal(list.length, 1);
});

test('KeyList tells keys apart for which it has no names, and takes them out as well', () => {
  const list = new KeyList<string>();
  const keys = Array.from({ length: 12_000 }, (_, i) => keyOf(i));
  for (const key of [...keys, ...keys, keyOf('x'.repeat(5000))]) list.add(key, '');
  assert.equal(list.length, 12_001);
  assert.equal(list.more, 2001, 'ten thousand by name, and none that is long');
  for (const key of keys) assert.ok(list.delete(key));
  assert.equal(list.length, 1);
  assert.ok(list.add(keyOf('again'), ''));
  assert.deepEqual(namesOf(list), ['0:again '], 'there is room for names again');
});

test('KeyList keeps names in a bound of bytes, and counts what was there before', () => {
  const list = new KeyList<string>(3);
  for (let i = 0; i < 600; i++) list.add(keyOf(`${i}`.padStart(4000)), '');
  assert.equal(list.length, 603);
  assert.equal(list.more, 603 - Math.floor((1024 * 1024) / 4000));
});

test('KeyList.growing() hands out each name once, however the list changes meanwhile', () => {
  const list = new KeyList<string>();
  for (let i = 0; i < 5000; i++) list.add(keyOf(i), '');
  const sizes: number[] = [];
  for (const some of list.growing()) {
    sizes.push(some.length);
    for (const key of some) list.delete(key);
    list.add(keyOf(`new ${sizes.length}`), '');
  }
  assert.deepEqual(sizes.slice(0, 5), [1, 1, 2, 4, 8]);
  assert.equal(Math.max(...sizes), 1000);
  assert.equal(
    sizes.reduce((sum, size) => sum + size),
    5000,
  );
});
