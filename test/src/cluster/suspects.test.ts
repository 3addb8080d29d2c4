import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Suspects } from '../../../src/cluster/suspects.ts';
import type { KeyId } from '../../../src/flow/key-id.ts';

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
