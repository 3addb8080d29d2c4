// Which slots stayed at a node while it was scanned, by what the node said of itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlotWatch, type SlotWatchState } from '../../../src/cluster/slot-watch.ts';

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
