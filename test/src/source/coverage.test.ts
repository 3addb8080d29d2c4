// Every slot is walked where it is, and followed where it goes, until all were covered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlotSet } from '../../../src/cluster/slot-set.ts';
import { SlotWatch } from '../../../src/cluster/slot-watch.ts';
import { Topology } from '../../../src/cluster/topology.ts';
import type { Reply } from '../../../resp/reply.ts';
import { Coverage } from '../../../src/source/coverage.ts';

/** Who serves which range; `c` lives and serves none. */
function topologyOf(...ranges: readonly (readonly [first: number, last: number, id: string])[]): Topology {
  const slots: Reply = ranges.map(([first, last, id]) => [first, last, [Buffer.from(id), 1, Buffer.from(id), []]]);
  return Topology.parse(slots, Buffer.from('c c:1@2 master - 0 0 3 connected\n'), (announced) => announced);
}

function seen(...slots: readonly string[]): SlotWatch {
  const watch = new SlotWatch();
  for (const text of slots) watch.observe(`me x:1@2 myself,master - 0 0 1 connected ${text}\n`);
  return watch;
}

function planOf(coverage: Coverage, topology: Topology): Record<string, number> {
  return Object.fromEntries([...coverage.plan(topology)].map(([{ id }, slots]) => [id, slots.size]));
}

const BOTH = topologyOf([0, 9, 'a'], [10, 16_383, 'b']);

test('Coverage.plan() has each node for the slots that it serves', () => {
  const coverage = new Coverage();
  coverage.demand(SlotSet.all());
  assert.deepEqual(planOf(coverage, BOTH), { a: 10, b: 16_374 });
});

test('Coverage.walked() is done with what stayed', () => {
  const coverage = new Coverage();
  coverage.demand(SlotSet.all());
  for (const [node, slots] of coverage.plan(BOTH)) {
    assert.equal(coverage.walked(slots, seen(node.id === 'a' ? '0-9' : '10-16383'), BOTH), true);
  }
  assert.equal(coverage.left, 0);
});

test('Coverage follows a slot to the node that it was on the way to, also one that serves none', () => {
  const coverage = new Coverage();
  coverage.demand([3, 4]);
  coverage.walked(coverage.plan(BOTH).values().next().value!, seen('0-9', '0-9 [3->-c]'), BOTH);
  assert.equal(coverage.left, 1);
  const plan = [...coverage.plan(BOTH)];
  assert.deepEqual(
    plan.map(([{ id }, slots]) => [id, ...slots]),
    [['c', 3]],
  );
  coverage.walked(plan[0]![1], seen('[3-<-a]'), BOTH);
  assert.equal(coverage.left, 0);
});

test('Coverage goes back to the owner where a slot went to a node that is not there', () => {
  const coverage = new Coverage();
  coverage.demand([3]);
  const leaving = seen('0-9 [3->-ghost]');
  assert.equal(coverage.walked(coverage.plan(BOTH).values().next().value!, leaving, BOTH), true);
  assert.deepEqual(planOf(coverage, BOTH), { a: 1 });
  // Nothing new: whoever walks on like this has to give up some time.
  assert.equal(coverage.walked(coverage.plan(BOTH).values().next().value!, leaving, BOTH), false);
});

test('Coverage follows the slots of a node that was lost to their new owner', () => {
  const coverage = new Coverage();
  coverage.demand([3]);
  const later = topologyOf([0, 16_383, 'b']);
  assert.equal(coverage.walked(coverage.plan(BOTH).values().next().value!, new SlotWatch(), later), true);
  assert.deepEqual(planOf(coverage, later), { b: 1 });
});

test('Coverage.plan() leaves slots that nobody serves for later', () => {
  const coverage = new Coverage();
  coverage.demand([20]);
  assert.deepEqual(planOf(coverage, topologyOf([0, 9, 'a'])), {});
  assert.equal(coverage.left, 1);
});
