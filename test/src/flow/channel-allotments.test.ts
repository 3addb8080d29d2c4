// Room beside the entries, for what is made of many pieces: in the same budget, granted in turn, and never waited for in vain.
import { newEntry } from '../../../src/flow/entry.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Channel } from '../../../src/flow/channel.ts';
import { NO_PAGE } from '../../../src/flow/key-id.ts';

const LENGTH = 10;

function push(channel: Channel, entries: number): void {
  for (let i = 0; i < entries; i++) channel.push({ ...newEntry(), key: Buffer.alloc(LENGTH) });
  const taken = newEntry();
  while (channel.take(taken));
}

/** What became of an `allot`, as soon as it is known. */
interface Asked {
  giveBack: (() => void) | undefined;
  isSettled: boolean;
}

async function ask(channel: Channel, bytes: number): Promise<Asked> {
  const asked: Asked = { giveBack: undefined, isSettled: false };
  const wait = async (): Promise<void> => {
    asked.giveBack = await channel.allot(bytes);
    asked.isSettled = true;
  };
  void wait();
  await turn();
  return asked;
}

test('Channel.allot() takes room at once where there is some, until it is given back', async () => {
  const channel = new Channel({ maxEntries: 100, maxBytes: 100 });
  push(channel, 3);
  const asked = await ask(channel, 60);
  assert.deepEqual([asked.isSettled, channel.bytes, channel.isFull], [true, 90, false]);
  push(channel, 1);
  assert.deepEqual([channel.isFull, channel.room], [true, 0]);
  asked.giveBack!();
  asked.giveBack!();
  assert.deepEqual([channel.bytes, channel.isFull], [40, false]);
});

test('Channel.allot() waits for entries to be settled, and no more are read than leave its room', async () => {
  const channel = new Channel({ maxEntries: 100, maxBytes: 100 });
  push(channel, 6);
  const asked = await ask(channel, 60);
  assert.deepEqual([asked.isSettled, channel.isFull, channel.room], [false, true, 0]);
  channel.settle(NO_PAGE, LENGTH);
  await turn();
  assert.deepEqual([asked.isSettled, channel.isFull], [false, true]);
  channel.settle(NO_PAGE, LENGTH);
  await turn();
  assert.deepEqual([asked.isSettled, channel.bytes, channel.isFull], [true, 100, true]);
});

test('Channel.allot() leaves beside what is allotted as much room as whoever waits for it leaves', async () => {
  const channel = new Channel({ maxEntries: 100, maxBytes: 100 });
  const first = await ask(channel, 60);
  const second = await ask(channel, 60);
  push(channel, 3);
  assert.deepEqual([second.isSettled, channel.isFull], [false, false]);
  first.giveBack!();
  await turn();
  assert.deepEqual([second.isSettled, channel.bytes, channel.isFull], [true, 90, false]);
});

test('Channel.allot() gives room in the order in which it was asked for', async () => {
  const channel = new Channel({ maxEntries: 100, maxBytes: 100 });
  const first = await ask(channel, 80);
  const second = await ask(channel, 90);
  const third = await ask(channel, 10);
  assert.deepEqual(
    [first, second, third].map(({ isSettled }) => isSettled),
    [true, false, false],
  );
  first.giveBack!();
  await turn();
  assert.deepEqual(
    [second, third].map(({ isSettled }) => isSettled),
    [true, true],
  );
  assert.equal(channel.bytes, 100);
});

test('Channel.allot() does not wait for entries that wait for it', async () => {
  const channel = new Channel({ maxEntries: 100, maxBytes: 100 });
  let calls = 0;
  channel.onDeparture(() => calls++);
  push(channel, 5);
  const asked = await ask(channel, 60);
  channel.park(4 * LENGTH);
  await turn();
  assert.equal(asked.isSettled, false);
  assert.equal(channel.isFull, true);
  const before = calls;
  channel.park(LENGTH);
  await turn();
  assert.deepEqual([asked.isSettled, asked.giveBack], [true, undefined]);
  // Its claim is gone, and whoever waited for that is told.
  assert.deepEqual([channel.isFull, channel.bytes, calls > before], [false, 50, true]);
  channel.park(-5 * LENGTH);
  channel.settle(NO_PAGE, LENGTH);
  assert.notEqual((await ask(channel, 60)).giveBack, undefined);
});

test('Channel.allot() waits no longer than the channel is open', async () => {
  const channel = new Channel({ maxEntries: 100, maxBytes: 100 });
  push(channel, 5);
  const asked = await ask(channel, 60);
  channel.abort(new Error('interrupted'));
  await turn();
  assert.deepEqual([asked.isSettled, asked.giveBack], [true, undefined]);
  assert.notEqual((await ask(channel, 50)).giveBack, undefined);
});
