// Keys that break connections: how they are found, and what becomes of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BREAKS, Breaks, Suspects } from '../../../src/cluster/suspects.ts';
import type { KeyId } from '../../../src/flow/key-id.ts';
import { ConnectionError, RespError } from '../../../resp/errors.ts';

function keys(from: number, count: number): KeyId[] {
  return Array.from({ length: count }, (_, i) => ({ db: 0, key: Buffer.from(`key:${from + i}`) }));
}

test('Suspects: after one break nothing is treated in another way', () => {
  const suspects = new Suspects();
  assert.equal(suspects.broke(keys(0, 1000)), false);
  assert.equal(suspects.isEmpty, true);
});

test('Suspects: a few keys that were under way at two breaks go alone, and no others', () => {
  const suspects = new Suspects();
  suspects.broke(keys(0, 20));
  assert.equal(suspects.broke(keys(17, 500)), true);
  assert.deepEqual(
    keys(0, 25).map((id) => suspects.goesAlone(id)),
    Array.from({ length: 25 }, (_, i) => i >= 17 && i < 20),
  );
  assert.equal(suspects.atOnce, Infinity);
});

test('Suspects: the same name in another database is another key', () => {
  const suspects = new Suspects();
  const [id] = keys(0, 1) as [KeyId];
  suspects.broke([id]);
  assert.equal(suspects.goesAlone(id), true);
  assert.equal(suspects.goesAlone({ ...id, db: 1 }), false);
});

for (const size of [17, 600, 16_384]) {
  test(`Suspects find the one key among ${size} that breaks each connection, in a few breaks`, () => {
    const suspects = new Suspects();
    const all = keys(0, size);
    const guilty = all[Math.floor(size / 3)]!;
    let breaks = 0;
    for (let left = all; !suspects.goesAlone(guilty); breaks++) {
      assert.ok(breaks < 6);
      suspects.broke(left);
      const tried = left.filter((id) => suspects.has(id));
      // In the order in which they were sent, so many at once.
      const from = tried.indexOf(guilty) - (tried.indexOf(guilty) % suspects.atOnce);
      left = tried.length === 0 ? left : tried.slice(from, from + suspects.atOnce);
    }
    assert.ok(all.filter((id) => suspects.goesAlone(id)).length <= 16);
  });
}

test('Suspects: one that comes back behind others is known at the break after the next', () => {
  const suspects = new Suspects();
  const [late, other] = keys(0, 2) as [KeyId, KeyId];
  suspects.broke([late, other]);
  assert.equal(suspects.broke(keys(100, 2)), false);
  assert.equal(suspects.broke([late, ...keys(200, 1)]), true);
  assert.equal(suspects.goesAlone(late), true);
});

test('Suspects: how often a key broke a connection of its own is kept until it is acquitted', () => {
  const suspects = new Suspects();
  const [id] = keys(0, 1) as [KeyId];
  suspects.broke([id]);
  suspects.brokeAlone(id);
  assert.equal(suspects.breaksOf(id), 1);
  suspects.broke([id]);
  assert.equal(suspects.breaksOf(id), 1);
  suspects.acquit(id);
  assert.equal(suspects.goesAlone(id), false);
});

const ID = { db: 3, key: Buffer.from('key') };
const RESET = new ConnectionError('ECONNRESET', 'Lost the connection', { retryable: true });
const KIB = 1024;

test('Breaks: with each break the pieces are a quarter of what they were, and then the key fails by name', () => {
  const breaks = new Breaks('was sent');
  const sizes: number[] = [];
  let error: unknown = RESET;
  for (let bytes = 1024 * KIB; error === RESET; bytes = breaks.pieceBytesOf(ID)) {
    sizes.push(bytes / KIB);
    error = breaks.note(ID, bytes, RESET);
  }
  assert.deepEqual(sizes, [1024, 256, 64, 16, 16]);
  assert.ok(error instanceof RespError && error.code === BREAKS && !error.retryable);
  assert.equal(error.message, 'The connection was lost each time that it was sent (ECONNRESET)');
  assert.equal(breaks.pieceBytesOf(ID), Infinity);
});

test('Breaks: one connection may break for any reason, however small the pieces are', () => {
  const breaks = new Breaks('was asked for');
  assert.equal(breaks.note(ID, 10 * KIB, RESET), RESET);
  assert.equal(breaks.forget(ID), true);
  assert.equal(breaks.note(ID, 10 * KIB, RESET), RESET);
  assert.equal((breaks.note(ID, 10 * KIB, RESET) as RespError).code, BREAKS);
});

test('Breaks: a server that will not work now has broken nothing', () => {
  const breaks = new Breaks('was sent');
  const loading = new RespError('LOADING', 'Cannot write', { retryable: true });
  assert.equal(breaks.note(ID, Infinity, loading), loading);
  assert.equal(breaks.pieceBytesOf(ID), Infinity);
});

test('Breaks.forget() says whether there was anything', () => {
  const breaks = new Breaks('was sent');
  breaks.note(ID, 1024 * KIB, RESET);
  assert.equal(breaks.forget(ID), true);
  assert.equal(breaks.forget(ID), false);
});
