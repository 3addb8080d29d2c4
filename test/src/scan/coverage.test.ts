// Every slot is walked where it is, and followed where it goes, until all were covered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlotSet } from '../../../src/cluster/slot.ts';
import { SlotWatch, Coverage, type SlotWatchState } from '../../../src/scan/coverage.ts';
import { Topology, type Node } from '../../../src/cluster/topology.ts';
import type { Reply } from '../../../resp/reply.ts';

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

/** The first node of the plan is walked, and that is seen there. */
function walk(coverage: Coverage, planned: Topology, watch: SlotWatch, topology: Topology = planned): boolean {
  const [[node, slots]] = [...coverage.plan(planned)] as [[Node, SlotSet]];
  return coverage.walked(node, slots, watch, topology);
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
    assert.equal(coverage.walked(node, slots, seen(node.id === 'a' ? '0-9' : '10-16383'), BOTH), true);
  }
  assert.equal(coverage.left.size, 0);
});

test('Coverage follows a slot to the node that it was on the way to, also one that serves none', () => {
  const coverage = new Coverage();
  coverage.demand([3, 4]);
  walk(coverage, BOTH, seen('0-9', '0-9 [3->-c]'));
  assert.equal(coverage.left.size, 1);
  const plan = [...coverage.plan(BOTH)];
  assert.deepEqual(
    plan.map(([{ id }, slots]) => [id, ...slots]),
    [['c', 3]],
  );
  coverage.walked(...plan[0]!, seen('[3-<-a]'), BOTH);
  assert.equal(coverage.left.size, 0);
});

test('Coverage is done with a slot that its owner is giving to a node which has no part of it', () => {
  const coverage = new Coverage();
  coverage.demand([3]);
  walk(coverage, BOTH, seen('0-9 [3->-b]'));
  assert.deepEqual(planOf(coverage, BOTH), { b: 1 });
  assert.equal(walk(coverage, BOTH, seen('10-16383')), true);
  assert.equal(coverage.left.size, 0);
});

test('Coverage looks at the owner again where the other node had a part of the slot for a while, or where the owner changed', () => {
  for (const [other, later] of [
    [seen('10-16383 [3-<-a]', '10-16383'), BOTH],
    [seen('10-16383'), topologyOf([0, 2, 'a'], [3, 3, 'd'], [4, 9, 'a'], [10, 16_383, 'b'])],
  ] as const) {
    const coverage = new Coverage();
    coverage.demand([3]);
    walk(coverage, BOTH, seen('0-9 [3->-b]'));
    walk(coverage, BOTH, other, later);
    assert.deepEqual(planOf(coverage, later), { [later.ownerOf(3)!.id]: 1 });
  }
});

test('Coverage walks no node again for a slot that is on the way to a node which is not there', () => {
  const coverage = new Coverage();
  coverage.demand([3]);
  const leaving = seen('0-9 [3->-ghost]');
  assert.equal(walk(coverage, BOTH, leaving), true);
  assert.deepEqual(planOf(coverage, BOTH), {});
  const [[owner, slots]] = [...coverage.stranded(BOTH)] as [[Node, SlotSet]];
  assert.deepEqual([owner.id, ...slots], ['a', 3]);
  // Nothing new: whoever looks on like this has to give up some time.
  assert.equal(coverage.walked(owner, slots, leaving, BOTH), false);
  assert.equal(coverage.walked(owner, slots, seen('0-9'), BOTH), true);
  assert.equal(coverage.left.size, 0);
});

test('Coverage counts one walk of a node that does not say what it holds', () => {
  const coverage = new Coverage();
  coverage.demand([3]);
  const blind = new SlotWatch('a');
  blind.observe('x x:1@2 master - 0 0 1 connected 0-9\n');
  assert.equal(walk(coverage, BOTH, blind), true);
  assert.equal(coverage.left.size, 0);
});

test('Coverage follows the slots of a node that was lost to their new owner', () => {
  const coverage = new Coverage();
  coverage.demand([3]);
  const later = topologyOf([0, 16_383, 'b']);
  assert.equal(walk(coverage, BOTH, new SlotWatch(), later), true);
  assert.deepEqual(planOf(coverage, later), { b: 1 });
});

test('Coverage.plan() leaves slots that nobody serves for later', () => {
  const coverage = new Coverage();
  coverage.demand([20]);
  assert.deepEqual(planOf(coverage, topologyOf([0, 9, 'a'])), {});
  assert.equal(coverage.left.size, 1);
});

function nodes(slots: string, flags = 'myself,master'): string {
  return `other 10.0.0.2:1@2 master - 0 0 2 connected 200-300\nme 10.0.0.1:1@2 ${flags} - 0 0 1 connected ${slots}\n`;
}

function watch(...texts: readonly string[]): SlotWatch {
  const watch = new SlotWatch();
  for (const text of texts) watch.observe(text);
  return watch;
}

function stayed(seen: SlotWatch, ...slots: readonly number[]): boolean[] {
  return slots.map((slot) => seen.stayed(slot));
}

test('SlotWatch.stayed() is true for what the node served at every look, and for nothing of other nodes', () => {
  const seen = watch(nodes('0-10 15'), nodes('0-10 15'));
  assert.deepEqual(stayed(seen, 0, 10, 15, 11, 200), [true, true, true, false, false]);
});

test('SlotWatch.stayed() is false for what came late or went early', () => {
  assert.deepEqual(stayed(watch(nodes('0-10'), nodes('5-20')), 0, 5, 10, 20), [false, true, true, false]);
});

test('SlotWatch.shareStayed tells how many of the slots stayed, and takes all for those of a node that says nothing', () => {
  assert.equal(watch(nodes('0-9'), nodes('0-4 [0->-dest]')).shareStayed, 0.4);
  assert.equal(watch('').shareStayed, 1);
});

test('SlotWatch.stayed() is false for what was on its way out at any look, and says where to', () => {
  const seen = watch(nodes('0-10'), nodes('0-10 [7->-dest]'), nodes('0-10'));
  assert.deepEqual(stayed(seen, 6, 7), [true, false]);
  assert.deepEqual([seen.destinationOf(7), seen.destinationOf(6)], ['dest', undefined]);
});

test('SlotWatch.stayed() is true for what the node was taking over all the time', () => {
  const seen = watch(nodes('0-10 [30-<-from]'), nodes('0-10 30'));
  assert.deepEqual(stayed(seen, 30), [true]);
});

test('SlotWatch.stayed() is false for all slots of a node that became a replica, or was never looked at', () => {
  assert.deepEqual(stayed(watch(nodes('0-10'), nodes('', 'myself,slave')), 0, 10), [false, false]);
  assert.deepEqual(stayed(new SlotWatch(), 0), [false]);
});

test('SlotWatch knows the line of the node by its id where none is said to be its own, and is blind without', () => {
  const seen = new SlotWatch('me');
  seen.observe(nodes('0-10', 'master'));
  assert.deepEqual([seen.isBlind, ...stayed(seen, 10, 200)], [false, true, false]);
  const blind = new SlotWatch('another');
  blind.observe(nodes('0-10', 'master'));
  assert.deepEqual([blind.isBlind, ...stayed(blind, 10)], [true, false]);
});

test('SlotWatch.lacked() is true for slots that the node had no part of at any look', () => {
  const seen = watch(nodes('0-10 [30-<-from]'), nodes('0-5 [7->-dest]'));
  assert.deepEqual(
    [0, 7, 10, 30, 31].map((slot) => seen.lacked(slot)),
    [false, false, false, false, true],
  );
  assert.equal(new SlotWatch().lacked(31), false);
});

test('SlotWatch goes on where another one was left', () => {
  const first = watch(nodes('0-10 15 [7->-dest]'), nodes('5-10 15 20'));
  const left = JSON.parse(JSON.stringify(first.state)) as SlotWatchState;
  const seen = new SlotWatch(undefined, left);
  seen.observe(nodes('5-9 15 20-30'));
  assert.deepEqual(stayed(seen, 0, 5, 7, 9, 10, 15, 20), [false, true, false, true, false, true, false]);
  assert.deepEqual([seen.destinationOf(7), seen.lacked(0), seen.lacked(31)], ['dest', false, true]);
  assert.equal(new SlotWatch(undefined, new SlotWatch().state).lacked(0), false);
});
