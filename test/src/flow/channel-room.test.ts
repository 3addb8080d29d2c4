// Places that are reserved for entries on their way, and who is told that there is room again.
import { newEntry } from '../../../src/flow/entry.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Channel } from '../../../src/flow/channel.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { Pause } from '../../../src/flow/pause.ts';
import { NO_PAGE } from '../../../src/flow/key-id.ts';

const ENTRY = { ...newEntry(), key: Buffer.from('k') };

test('Channel.reserve() takes the place of an entry that is on its way', () => {
  const channel = new Channel({ maxEntries: 2, maxBytes: 100 });
  channel.reserve();
  channel.reserve();
  assert.deepEqual([channel.room, channel.isFull], [0, false]);
  channel.pushReserved(EntryView.of(ENTRY));
  assert.deepEqual([channel.room, channel.isFull], [0, false]);
  channel.release();
  assert.deepEqual([channel.room, channel.isFull], [1, false]);
  channel.push(ENTRY);
  assert.deepEqual([channel.room, channel.isFull], [0, true]);
});

test('Channel.onDeparture() tells all who listen that entries were settled, or places given up', () => {
  const channel = new Channel({ maxEntries: 2, maxBytes: 100 });
  const calls = [0, 0];
  channel.onDeparture(() => calls[0]!++);
  channel.onDeparture(() => calls[1]!++);
  channel.push(ENTRY);
  channel.take(newEntry());
  channel.reserve();
  assert.deepEqual(calls, [0, 0]);
  channel.settle(NO_PAGE, 1);
  assert.deepEqual(calls, [1, 1]);
  channel.release();
  assert.deepEqual(calls, [2, 2]);
});

test('Channel.onEnd() tells all who listen', () => {
  const channel = new Channel({ maxEntries: 2, maxBytes: 100 });
  const calls = [0, 0];
  channel.onEnd(() => calls[0]!++);
  channel.onEnd(() => calls[1]!++);
  channel.close();
  channel.close();
  assert.deepEqual(calls, [1, 1]);
});

test('Channel.pushReserved() makes no room and wakes nobody who waits for some', () => {
  const channel = new Channel({ maxEntries: 1, maxBytes: 100 });
  let calls = 0;
  channel.onDeparture(() => calls++);
  channel.reserve();
  channel.pushReserved(EntryView.of(ENTRY));
  assert.deepEqual([channel.room, channel.length, calls], [0, 1, 0]);
});

test('Channel.pushReserved() gives the place up where nothing is taken any more', () => {
  const channel = new Channel({ maxEntries: 1, maxBytes: 100 });
  channel.reserve();
  channel.close();
  channel.pushReserved(EntryView.of(ENTRY));
  assert.deepEqual([channel.room, channel.length], [1, 0]);
});

test('Channel has no room while the run is paused, takes what was asked for, and tells when it is over', async () => {
  const pause = new Pause();
  const channel = new Channel({ maxEntries: 2, maxBytes: 100, pause });
  let departures = 0;
  channel.onDeparture(() => departures++);
  channel.reserve();
  pause.begin();
  assert.deepEqual([channel.room, channel.isFull, channel.isPaused], [0, false, true]);
  channel.pushReserved(EntryView.of(ENTRY));
  assert.equal(channel.length, 1);
  let isWritable = false;
  const writable = channel.writable().then(() => (isWritable = true));
  await new Promise(setImmediate);
  assert.deepEqual([isWritable, departures], [false, 0]);
  pause.end();
  await writable;
  assert.deepEqual([channel.room, departures], [1, 1]);
});

test('Channel.abort() ends a wait in a pause', async () => {
  const pause = new Pause();
  const channel = new Channel({ maxEntries: 2, maxBytes: 100, pause });
  pause.begin();
  const waiting = channel.writable();
  const end = new Error('the end');
  channel.abort(end);
  await assert.rejects(waiting, end);
});
