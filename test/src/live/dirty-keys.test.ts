// Names of changed keys: each once, in their order, within bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { KeyId } from '../../../src/flow/key-id.ts';
import { DirtyKeys } from '../../../src/live/dirty-keys.ts';
import { count, runs } from '../../support/tier.ts';

const LIMITS = { mostKeys: 1_000_000, mostBytes: 200 * 1024 * 1024 };
const MANY = count(250_000, LIMITS.mostKeys);

test('DirtyKeys hands out each name once, in the order in which it changed first', () => {
  const name = fc.record({ db: fc.nat(2), key: fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)) });
  fc.assert(
    fc.property(fc.array(fc.array(name, { maxLength: 300 }), { maxLength: 4 }), (batches) => {
      const dirty = new DirtyKeys(LIMITS);
      for (const batch of batches) {
        for (const { db, key } of batch) assert.ok(dirty.add(db, key));
        const expected = [...new Map(batch.map((id) => [textOf(id), id])).keys()];
        assert.equal(dirty.length, expected.length);
        for (const { db, key } of batch) assert.ok(dirty.has(db, key));
        dirty.take();
        assert.equal(dirty.length, 0);
        assert.deepEqual(drain(dirty).map(textOf), expected);
        assert.equal(dirty.held, 0);
      }
    }),
    runs(50),
  );
});

test('DirtyKeys gathers anew while those before are handed out', () => {
  const dirty = new DirtyKeys(LIMITS);
  const [one, two] = [Buffer.from('one'), Buffer.from('two')];
  dirty.add(0, one);
  dirty.add(0, two);
  dirty.take();
  assert.deepEqual(dirty.next(), { db: 0, key: one });
  dirty.add(0, one);
  assert.deepEqual(dirty.next(), { db: 0, key: two });
  assert.equal(dirty.next(), undefined);
  dirty.take();
  assert.deepEqual(drain(dirty).map(textOf), ['0:one']);
});

test('DirtyKeys has no room for more names than it may hold, those that are taken included', () => {
  const dirty = new DirtyKeys({ ...LIMITS, mostKeys: 3 });
  assert.ok(['a', 'b', 'c', 'a'].every((key) => dirty.add(0, Buffer.from(key))));
  assert.equal(dirty.add(0, Buffer.from('d')), false);
  dirty.take();
  assert.equal(dirty.add(0, Buffer.from('d')), false);
  dirty.next();
  assert.equal(dirty.add(0, Buffer.from('d')), true);
});

test('DirtyKeys is half full by number and by bytes, with all that counts towards the same limits', () => {
  const none = { held: 0, bytes: 0 };
  const dirty = new DirtyKeys({ mostKeys: 4, mostBytes: 1024 * 1024 });
  for (const key of ['a', 'b']) dirty.add(0, Buffer.from(key));
  assert.equal(dirty.isHalfFull(none), false);
  assert.ok(dirty.isHalfFull({ held: 1, bytes: 0 }));
  assert.ok(dirty.isHalfFull({ held: 0, bytes: 512 * 1024 }));
  dirty.beside = { held: 1, bytes: 0 };
  assert.ok(dirty.isHalfFull(none));
});

test('DirtyKeys holds names of any length within its bytes, and gives them back', () => {
  const dirty = new DirtyKeys({ ...LIMITS, mostBytes: 8 * 1024 * 1024 });
  let added = 0;
  while (dirty.add(0, Buffer.alloc(1024 * 1024, added))) added++;
  assert.ok(added >= 6 && added <= 8, `${added} names of 1 MiB`);
  assert.ok(dirty.bytes <= 9 * 1024 * 1024);
  dirty.take();
  assert.equal(drain(dirty).length, added);
  assert.ok(dirty.bytes < 1024 * 1024, `${dirty.bytes} bytes are held of nothing`);
});

test(`DirtyKeys holds ${MANY.toLocaleString('en')} names in a fraction of their bytes`, () => {
  const dirty = new DirtyKeys(LIMITS);
  let refused = 0;
  for (let i = 0; i < MANY; i++) if (!dirty.add(0, Buffer.from(`user:${i}:profile`))) refused++;
  assert.equal(refused, 0);
  assert.equal(dirty.length, MANY);
  assert.ok(dirty.bytes < MANY * 84, `${dirty.bytes} bytes`);
});

function drain(dirty: DirtyKeys): KeyId[] {
  const keys: KeyId[] = [];
  for (let key = dirty.next(); key !== undefined; key = dirty.next()) keys.push(key);
  return keys;
}

function textOf({ db, key }: KeyId): string {
  return `${db}:${key.toString('latin1')}`;
}
