// What was missed of the source's changes: several gaps that wait are made good as one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { slotOf, SlotSet } from '../../../src/cluster/slot.ts';
import { Gaps, type Gap, type MissedShare } from '../../../src/live/gaps.ts';

const ALL: MissedShare = { reason: 'lost', databases: undefined, slots: undefined, isFlush: false };

test('Gaps puts together what waits: databases, slots, and whether only removals were missed', async () => {
  const gap = await firstOf([
    { ...ALL, reason: 'flushed', databases: [1], slots: slotsOf('a'), isFlush: true },
    { ...ALL, reason: 'lost', databases: [2, 1], slots: slotsOf('b') },
  ]);
  assert.deepEqual(gap.databases, [1, 2]);
  assert.equal(gap.isFlush, false);
  assert.deepEqual([...gap.reasons], ['flushed', 'lost']);
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => gap.wanted!(Buffer.from(key))),
    [true, true, false],
  );
});

test('Gaps is about all keys where one of them is, and about those that any of them wants', async () => {
  assert.equal((await firstOf([ALL, { ...ALL, slots: slotsOf('a') }])).wanted, undefined);
  const { wanted } = await firstOf([
    { ...ALL, wanted: (key) => String(key) === 'x' },
    { ...ALL, slots: slotsOf('a') },
  ]);
  assert.deepEqual(
    ['x', 'a', 'y'].map((key) => wanted!(Buffer.from(key))),
    [true, true, false],
  );
});

test('Gaps holds no more of them apart than it needs, and forgets none', async () => {
  const keys = Array.from({ length: 1000 }, (_, i) => `key:${i}`);
  const { wanted } = await firstOf(keys.map((key) => ({ ...ALL, isFlush: true, slots: slotsOf(key) })));
  assert.ok(keys.every((key) => wanted!(Buffer.from(key))));
});

test('Gaps.closed() waits until what is being made good is done, and what came meanwhile', async () => {
  const gaps = new Gaps();
  const ends: (() => void)[] = [];
  void gaps.closeAll(() => new Promise((resolve) => ends.push(resolve))).catch(() => {});
  gaps.add(ALL);
  let isClosed = false;
  const closed = gaps.closed().then(() => (isClosed = true));
  await turn();
  gaps.add(ALL);
  ends[0]!();
  await turn();
  assert.equal(isClosed, false);
  assert.equal(gaps.isOpen, true);
  ends[1]!();
  await closed;
  assert.equal(gaps.isOpen, false);
});

async function firstOf(shares: readonly MissedShare[]): Promise<Gap> {
  const gaps = new Gaps();
  for (const share of shares) gaps.add(share);
  return new Promise((resolve) => {
    void gaps.closeAll(async (gap) => resolve(gap)).catch(() => {});
  });
}

function slotsOf(key: string): SlotSet {
  const slot = slotOf(Buffer.from(key));
  return new SlotSet([[slot, slot]]);
}
