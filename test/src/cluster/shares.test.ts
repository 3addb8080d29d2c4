// Shares of the slots of a cluster: every slot is in one, and in one alone, and they weigh about the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { evenSlots, sharesOf, type WeighedNode } from '../../../src/cluster/shares.ts';
import { SLOTS, SlotSet } from '../../../src/cluster/slot.ts';

/** Nodes of some keys each, of which the last ones may serve no slot, and which take turns with runs of slots. */
function nodesOf(keys: readonly number[], runs = keys.length, served = SLOTS): WeighedNode[] {
  const nodes = keys.map((count) => ({ slots: new SlotSet(), keys: count }));
  for (let run = 0; run < runs; run++) {
    const [first, end] = [run, run + 1].map((edge) => Math.floor((edge * served) / runs));
    if (end! > first!) nodes[run % nodes.length]!.slots.addRange(first!, end! - 1);
  }
  return nodes;
}

function assertWhole(shares: readonly SlotSet[]): void {
  const times = new Uint8Array(SLOTS);
  for (const slots of shares) for (const slot of slots) times[slot]!++;
  assert.ok(times.every((count) => count === 1));
}

test('sharesOf() and evenSlots() have every slot in one share, and in one alone', () => {
  const cluster = fc.record({
    keys: fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 12 }),
    runs: fc.integer({ min: 12, max: 300 }),
    served: fc.integer({ min: 600, max: SLOTS }),
    workers: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(cluster, ({ keys, runs, served, workers }) => {
      const shares = sharesOf(nodesOf(keys, runs, served), workers);
      assert.equal(shares.length, workers);
      assertWhole(shares.map(({ slots }) => slots));
      assert.ok(shares.every(({ slots, nodes }) => slots.size > 0 && nodes.length > 0));
      assert.equal(
        shares.some(({ isCut }) => isCut),
        workers > keys.length,
      );
      assertWhole(Array.from({ length: workers }, (_, i) => evenSlots(i + 1, workers)));
    }),
    { numRuns: 60 },
  );
});

test('sharesOf() gives whole nodes to fewer workers, the largest first, so that each has about as many keys', () => {
  const shares = sharesOf(nodesOf([900, 100, 500, 400, 300, 600]), 3);
  assert.deepEqual(
    shares.map(({ keys }) => keys).toSorted((one, other) => one - other),
    [900, 900, 1000],
  );
  assert.ok(shares.every(({ isCut }) => !isCut));
  // Nodes without keys may get some.
  assert.deepEqual(
    sharesOf(nodesOf([0, 0, 0, 0]), 2).map(({ nodes }) => nodes.length),
    [2, 2],
  );
});

test('sharesOf() cuts those nodes for more workers that have the most keys', () => {
  const shares = sharesOf(nodesOf([800, 200, 100]), 6);
  assert.deepEqual(
    shares.map(({ keys, isCut }) => [keys, isCut]),
    [...Array.from({ length: 4 }, () => [200, true]), [200, false], [100, false]],
  );
  const [first, second] = shares.map(({ slots }) => slots.size);
  assert.ok(Math.abs(first! - second!) <= 1);
});

test('evenSlots() are runs of slots in the order of the parts', () => {
  assert.deepEqual(
    [1, 2, 3].map((part) => evenSlots(part, 3).describe()),
    ['0-5460', '5461-10921', '10922-16383'],
  );
});
