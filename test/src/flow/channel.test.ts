// The contract between reader and writer: order, both budgets, waiting at either end, and the two ways to end.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { setImmediate as nextTick } from 'node:timers/promises';
import { Channel } from '../../../src/flow/channel.ts';
import { newEntry, sizeOf, type Entry } from '../../../src/flow/entry.ts';
import { Pause } from '../../../src/flow/pause.ts';
import { entryOf } from '../../support/entries.ts';
import { NO_PAGE } from '../../../src/flow/key-id.ts';

function push(channel: Channel, key: string, payload: string | null = 'v'): void {
  channel.push(entryOf(key, payload));
}

/** Takes the oldest entry and has done with it. */
function takeOne(channel: Channel): void {
  const entry = newEntry();
  assert.ok(channel.take(entry));
  channel.settle(entry.page, sizeOf(entry));
}

function takeAll(channel: Channel): string[] {
  const entry = newEntry();
  const keys: string[] = [];
  while (channel.take(entry)) keys.push(String(entry.key));
  return keys;
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  await nextTick();
  const pending = Symbol('pending');
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve(pending)])) !== pending;
}

test('Channel gives entries back whole and in order', () => {
  const channel = new Channel({ maxEntries: 3, maxBytes: 1000 });
  const key = Buffer.from('k');
  const payload = Buffer.from('payload');
  const first: Entry = { ...newEntry(), kind: 'value', db: 3, key, payload, expireAt: 1_700_000_000_123, idle: 7 };
  const second: Entry = { ...newEntry(), key: Buffer.from('gone'), frequency: 200 };
  channel.push(first);
  channel.push(second);
  const entry = newEntry();
  assert.equal(channel.take(entry), true);
  assert.deepEqual(entry, first);
  assert.equal(channel.take(entry), true);
  assert.deepEqual(entry, second);
  assert.equal(channel.take(entry), false);
});

test('Channel keeps a copy of a small entry, and a large payload itself', () => {
  const channel = new Channel({ maxEntries: 3, maxBytes: 100_000 });
  const [small, large] = [Buffer.from('payload'), Buffer.alloc(50_000, 'x')];
  for (const payload of [small, large]) channel.push({ ...newEntry(), kind: 'value', key: Buffer.from('k'), payload });
  small.fill('-');
  const [entry, next] = [newEntry(), newEntry()];
  assert.deepEqual([channel.take(entry), channel.take(next)], [true, true]);
  assert.equal(String(entry.payload), 'payload');
  assert.equal(next.payload, large);
});

test('Channel hands an entry on at once to who takes it, in its order', () => {
  const channel = new Channel({ maxEntries: 9, maxBytes: 1000 });
  const handed: string[] = [];
  let isReady = true;
  channel.handTo({ take: ({ key }) => isReady && handed.push(String(key)) > 0 });
  push(channel, 'a');
  isReady = false;
  push(channel, 'b');
  isReady = true;
  push(channel, 'c');
  assert.deepEqual([handed, takeAll(channel), channel.unsettled], [['a'], ['b', 'c'], 3]);
});

test('Channel has passage while nobody waits inside, and says when there is passage again', async () => {
  const pause = new Pause();
  const channel = new Channel({ maxEntries: 9, maxBytes: 1000, pause });
  push(channel, 'a');
  assert.deepEqual([channel.passage, channel.room], [0, 8]);
  const passable = channel.passable();
  assert.equal(await isSettled(passable), false);
  const entry = newEntry();
  assert.ok(channel.take(entry));
  assert.equal(channel.passage, 8);
  channel.settle(entry.page, sizeOf(entry));
  await passable;
  assert.equal(channel.passage, 9);

  pause.begin();
  const paused = channel.passable();
  assert.deepEqual([channel.passage, await isSettled(paused)], [0, false]);
  pause.end();
  await paused;

  push(channel, 'b');
  const closed = channel.passable();
  channel.close(new Error('closed'));
  await assert.rejects(closed, /closed/);
});

test('Channel keeps the order when its slots are used again and again', () => {
  const channel = new Channel({ maxEntries: 3, maxBytes: 1000 });
  const taken: string[] = [];
  for (let i = 0; i < 20; i++) {
    push(channel, `a${i}`);
    push(channel, `b${i}`);
    taken.push(...takeAll(channel));
  }
  assert.deepEqual(taken, Array.from({ length: 20 }, (_, i) => [`a${i}`, `b${i}`]).flat());
});

test('Channel counts an entry against both budgets until it is settled', () => {
  const channel = new Channel({ maxEntries: 4, maxBytes: 100 });
  const figures = (): number[] => [channel.room, channel.length, channel.unsettled, channel.bytes];
  assert.deepEqual(figures(), [4, 0, 0, 0]);
  push(channel, 'abc', 'defg');
  push(channel, 'h', null);
  assert.deepEqual(figures(), [2, 2, 2, 8]);
  channel.take(newEntry());
  assert.deepEqual(figures(), [2, 1, 2, 8]);
  channel.settle(NO_PAGE, 7);
  assert.deepEqual(figures(), [3, 1, 1, 1]);
});

test('Channel.settled() waits for the last entry, and for what is held', async () => {
  const channel = new Channel({ maxEntries: 2, maxBytes: 100 });
  await channel.settled();
  push(channel, 'a');
  channel.hold();
  const settled = channel.settled();
  takeOne(channel);
  assert.equal(await isSettled(settled), false);
  channel.settle(NO_PAGE, 0);
  await settled;
});

test('Channel.room is 0 when the byte budget is used up, however few the entries', () => {
  const channel = new Channel({ maxEntries: 100, maxBytes: 10 });
  push(channel, 'key', '123456');
  assert.equal(channel.room, 99);
  push(channel, 'k', null);
  assert.equal(channel.room, 0);
});

test('Channel.push() takes what was under way when a budget ran out', () => {
  const channel = new Channel({ maxEntries: 2, maxBytes: 1 });
  for (const key of ['a', 'b', 'c']) push(channel, key);
  assert.deepEqual([channel.room, channel.isFull], [0, true]);
  assert.deepEqual(takeAll(channel), ['a', 'b', 'c']);
});

test('Channel.writable() waits when the byte budget is used up, until enough is settled', async () => {
  const channel = new Channel({ maxEntries: 10, maxBytes: 10 });
  await channel.writable();
  push(channel, 'a', '1234567');
  push(channel, 'b', '1234567');
  const writable = channel.writable();
  assert.equal(await isSettled(writable), false);
  takeOne(channel);
  await writable;
});

test('Channel.writable() goes on waiting when what is settled does not make enough room', async () => {
  const channel = new Channel({ maxEntries: 10, maxBytes: 10 });
  for (const key of ['a', 'b', 'c']) push(channel, key, '123456789');
  const writable = channel.writable();
  takeOne(channel);
  assert.equal(await isSettled(writable), false);
  takeOne(channel);
  assert.equal(await isSettled(writable), false);
  takeOne(channel);
  await writable;
});

test('Channel.writable() waits when there are as many entries as may be', async () => {
  const channel = new Channel({ maxEntries: 1, maxBytes: 1000 });
  push(channel, 'a');
  const writable = channel.writable();
  assert.equal(await isSettled(writable), false);
  takeOne(channel);
  await writable;
});

test('Channel.readable() waits for the next entry', async () => {
  const channel = new Channel({ maxEntries: 1, maxBytes: 10 });
  const readable = channel.readable();
  assert.equal(await isSettled(readable), false);
  push(channel, 'a');
  assert.equal(await readable, true);
  assert.equal(await channel.readable(), true);
});

test('Channel.close() leaves the entries inside to be taken, then says that there are no more', async () => {
  const channel = new Channel({ maxEntries: 4, maxBytes: 10 });
  push(channel, 'a');
  push(channel, 'b');
  channel.close();
  assert.equal(channel.isOpen, false);
  assert.equal(await channel.readable(), true);
  assert.deepEqual(takeAll(channel), ['a', 'b']);
  assert.equal(await channel.readable(), false);
});

test('Channel.close() with a reason lets the entries inside be taken, then rejects with it', async () => {
  const channel = new Channel({ maxEntries: 4, maxBytes: 10 });
  const reason = new Error('the source is lost');
  push(channel, 'a');
  channel.close(reason);
  assert.equal(await channel.readable(), true);
  assert.deepEqual(takeAll(channel), ['a']);
  await assert.rejects(channel.readable(), reason);
  await assert.rejects(channel.writable(), reason);
});

test('Channel.close() wakes whoever waits at either end', async () => {
  const reader = new Channel({ maxEntries: 1, maxBytes: 10 });
  const readable = reader.readable();
  reader.close();
  assert.equal(await readable, false);
  const writer = new Channel({ maxEntries: 1, maxBytes: 10 });
  push(writer, 'a');
  const writable = writer.writable();
  writer.close();
  await assert.rejects(writable, /Cannot wait: the channel is closed/);
});

test('Channel.close() counts the first time only', async () => {
  const channel = new Channel({ maxEntries: 1, maxBytes: 10 });
  channel.close();
  channel.close(new Error('too late'));
  assert.equal(await channel.readable(), false);
});

test('Channel.abort() makes a good end a bad one, and leaves a bad one its reason', async () => {
  const good = new Channel({ maxEntries: 1, maxBytes: 10 });
  push(good, 'a');
  good.close();
  good.abort(new Error('interrupted'));
  await assert.rejects(good.readable(), /interrupted/);
  const bad = new Channel({ maxEntries: 1, maxBytes: 10 });
  bad.close(new Error('the source is lost'));
  bad.abort(new Error('interrupted'));
  await assert.rejects(bad.readable(), /the source is lost/);
});

test('Channel.push() refuses an entry once the channel is closed', () => {
  const channel = new Channel({ maxEntries: 1, maxBytes: 10 });
  channel.close();
  assert.throws(() => push(channel, 'a'), /Cannot push an entry: the channel is closed/);
});

test('Channel.abort() drops the entries inside and tells both ends the reason', async () => {
  const channel = new Channel({ maxEntries: 2, maxBytes: 10 });
  const reason = new Error('interrupted');
  push(channel, 'a');
  push(channel, 'b');
  const writable = channel.writable();
  channel.abort(reason);
  assert.deepEqual([channel.length, channel.unsettled, channel.bytes, channel.isOpen], [0, 0, 0, false]);
  await assert.rejects(writable, reason);
  await assert.rejects(channel.readable(), reason);
});

test('Channel.abort() wakes a reader that waits', async () => {
  const channel = new Channel({ maxEntries: 2, maxBytes: 10 });
  const readable = channel.readable();
  channel.abort(new Error('interrupted'));
  await assert.rejects(readable, /interrupted/);
});

test('Channel keeps no entry alive that was taken', () => {
  const program = `
    import { Channel } from ${JSON.stringify(new URL('../../../src/flow/channel.js', import.meta.url).href)};
    import { setTimeout } from 'node:timers/promises';
    let freed = 0;
    const registry = new FinalizationRegistry(() => freed++);
    const channel = new Channel({ maxEntries: 64, maxBytes: 1e9 });
    const entry = {};
    const fresh = () => {
      const buffer = Buffer.alloc(10000);
      registry.register(buffer, 0);
      return buffer;
    };
    for (let i = 0; i < 50; i++) channel.push({ key: fresh(), payload: fresh() });
    while (channel.take(entry));
    entry.key = entry.payload = null;
    for (let i = 0; i < 100 && freed < 100; i++) {
      globalThis.gc();
      await setTimeout(5);
    }
    console.log(freed, channel.length);
  `;
  const args = ['--expose-gc', '--input-type=module', '--eval', program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual([stdout, stderr], ['100 0\n', '']);
});
