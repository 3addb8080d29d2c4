// A reader and a writer at any pace: what goes in comes out, in order, and never more inside than both budgets allow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTick } from 'node:timers/promises';
import * as fc from 'fast-check';
import { NEVER } from '../../src/rdb/milliseconds.ts';
import { Channel } from '../../src/flow/channel.ts';
import { newEntry, sizeOf, type Entry } from '../../src/flow/entry.ts';
import { EntryView } from '../../src/flow/entry-view.ts';
import { Wakeup } from '../../src/flow/wakeup.ts';
import { runs } from '../support/tier.ts';
import { NO_PAGE } from '../../src/flow/key-id.ts';

const MOST_BYTES = 60;

const options = fc.record({ maxEntries: fc.integer({ min: 1, max: 12 }), maxBytes: fc.integer({ min: 1, max: 200 }) });
const sizes = fc.array(fc.nat(MOST_BYTES), { maxLength: 120 });
/** How much is done between two pauses, over and over. */
const pace = fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 10 });

function entriesOf(sizes: readonly number[]): Entry[] {
  return sizes.map((size, i) => {
    const key = Buffer.from(String(i));
    const payload = size % 5 === 0 ? null : Buffer.alloc(size, i);
    const kind = payload === null ? 'name' : 'value';
    const expireAt = i % 4 === 0 ? NEVER : i;
    return { kind, db: i % 3, key, page: i % 7, payload, large: null, expireAt, idle: i, frequency: -1 };
  });
}

async function write(
  channel: Channel,
  entries: readonly Entry[],
  maxBytes: number,
  pace: readonly number[],
): Promise<void> {
  for (let i = 0; i < entries.length; i++) {
    const pause = pace[i % pace.length]!;
    if (i % pause === 0) await nextTick();
    await channel.writable();
    assert.ok(channel.room > 0);
    const entry = entries[i]!;
    channel.push(entry);
    // One entry at a time is under way here, so no more than one may pass the budget.
    const before = channel.bytes - sizeOf(entry);
    assert.ok(before < maxBytes);
  }
}

async function read(channel: Channel, taken: Entry[], pace: readonly number[]): Promise<void> {
  const entry = newEntry();
  for (let turn = 0; await channel.readable(); turn++) {
    for (let i = 0; i < pace[turn % pace.length]! && channel.take(entry); i++) {
      taken.push({ ...entry });
      channel.settle(entry.page, sizeOf(entry));
    }
    await nextTick();
  }
}

test('Channel hands everything on in order, within its budgets, at any pace of both ends', async () => {
  await fc.assert(
    fc.asyncProperty(options, sizes, pace, pace, async (options, sizes, paceIn, paceOut) => {
      const channel = new Channel(options);
      const entries = entriesOf(sizes);
      const taken: Entry[] = [];
      const writing = write(channel, entries, options.maxBytes, paceIn).then(() => channel.close());
      await Promise.all([writing, read(channel, taken, paceOut)]);
      assert.deepEqual(taken, entries);
      assert.deepEqual([channel.length, channel.bytes], [0, 0]);
    }),
    runs(60),
  );
});

test('Channel behaves like a list, whatever is done in whatever order', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ push: fc.nat(MOST_BYTES) }) },
    { weight: 5, arbitrary: fc.constant('take' as const) },
  );
  fc.assert(
    fc.property(options, fc.array(step, { maxLength: 150 }), (options, steps) => {
      const channel = new Channel(options);
      const model: Entry[] = [];
      const entry = newEntry();
      for (const [i, step] of steps.entries()) {
        if (step === 'take') {
          const expected = model.shift();
          assert.equal(channel.take(entry), expected !== undefined);
          if (expected === undefined) continue;
          assert.deepEqual(entry, expected);
          channel.settle(entry.page, sizeOf(entry));
        } else {
          const payload = Buffer.alloc(step.push, i);
          const kind = payload === null ? 'name' : 'value';
          const sent = { ...newEntry(), kind, db: i, key: Buffer.from(`${i}`), payload, expireAt: i } as const;
          channel.push(sent);
          model.push(sent);
        }
        const bytes = model.reduce((sum, entry) => sum + sizeOf(entry), 0);
        const room = bytes >= options.maxBytes ? 0 : Math.max(0, options.maxEntries - model.length);
        assert.deepEqual([channel.length, channel.bytes, channel.room], [model.length, bytes, room]);
      }
    }),
    runs(200),
  );
});

test('Channel.abort() at any moment ends both sides, with nothing left inside', async () => {
  await fc.assert(
    fc.asyncProperty(options, sizes, pace, pace, fc.nat(60), async (options, sizes, paceIn, paceOut, moment) => {
      const channel = new Channel(options);
      const entries = entriesOf(sizes);
      const taken: Entry[] = [];
      const reason = new Error('interrupted');
      const ends = Promise.allSettled([
        write(channel, entries, options.maxBytes, paceIn),
        read(channel, taken, paceOut),
      ]);
      for (let i = 0; i < moment; i++) await nextTick();
      channel.abort(reason);
      const soFar = taken.length;
      const [writing, reading] = await ends;
      assert.equal(reading.status === 'rejected' && reading.reason, reason);
      if (writing.status === 'rejected') assert.equal(writing.reason, reason);
      assert.deepEqual(taken, entries.slice(0, soFar));
      assert.deepEqual([channel.length, channel.bytes], [0, 0]);
    }),
    runs(40),
  );
});

/** Asks for its keys as places become free, as a node is read; some turn out to be gone. Whoever waits must be woken. */
class ManyReaders {
  readonly #channel: Channel;
  readonly #wakeup = new Wakeup();
  /** Answers that are still to come, in any order of the readers. */
  readonly #due: (() => void)[] = [];
  answered = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onDeparture(() => this.#wakeup.wake());
  }

  async read(keys: readonly boolean[]): Promise<void> {
    let asked = 0;
    let open = 0;
    while (asked < keys.length || open > 0) {
      for (; asked < keys.length && this.#channel.room > 0; asked++) {
        const isGone = keys[asked]!;
        this.#channel.reserve();
        open++;
        this.#due.push(() => {
          open--;
          this.answered++;
          if (isGone) this.#channel.release();
          else this.#channel.pushReserved(EntryView.of({ ...newEntry(), key: Buffer.from('k') }));
        });
      }
      await this.#wakeup.sleep();
    }
  }

  /** A reply comes: false when none is due. */
  answer(which: number): boolean {
    if (this.#due.length === 0) return false;
    this.#due.splice(which % this.#due.length, 1)[0]!();
    return true;
  }
}

test('Channel wakes every one of many readers that wait for room, whether entries leave it or never come', async () => {
  const keys = fc.array(fc.boolean(), { maxLength: 30 });
  const room = fc.integer({ min: 1, max: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(keys, { minLength: 1, maxLength: 8 }), room, pace, async (all, maxEntries, order) => {
      const channel = new Channel({ maxEntries, maxBytes: 1000 });
      const readers = new ManyReaders(channel);
      void Promise.all(all.map((keys) => readers.read(keys)));
      const total = all.flat().length;
      const entry = newEntry();
      // Each turn something happens, or nothing ever will.
      for (let turn = 0, idle = 0; readers.answered < total && idle < 3; turn++) {
        const moved = readers.answer(order[turn % order.length]!);
        const taken = turn % 2 === 0 && channel.take(entry);
        if (taken) channel.settle(entry.page, sizeOf(entry));
        idle = moved || taken || channel.length > 0 ? 0 : idle + 1;
        await nextTick();
      }
      assert.equal(readers.answered, total);
    }),
    runs(150),
  );
});

test('Channel lets everybody come to his room who asks for some, whatever else is under way, and keeps its budget', async () => {
  const step = fc.oneof(
    fc.record({ push: fc.nat(20), isParked: fc.boolean() }),
    fc.record({ allot: fc.integer({ min: 1, max: 100 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), pace, async (steps, order) => {
      const maxBytes = 100;
      const channel = new Channel({ maxEntries: Infinity, maxBytes });
      /** What goes on by itself, and gives room back; parked entries go when nobody waits any more. */
      const underWay: (() => void)[] = [];
      const parked: (() => void)[] = [];
      const entry = newEntry();
      let waiting = 0;
      let held = 0;
      const finish = (turn: number): boolean => {
        const from = underWay.length > 0 ? underWay : waiting === 0 ? parked : [];
        const [goOn] = from.splice(order[turn % order.length]! % from.length, 1);
        goOn?.();
        return goOn !== undefined;
      };
      const ask = async (bytes: number): Promise<void> => {
        waiting++;
        const giveBack = await channel.allot(bytes);
        waiting--;
        if (giveBack === undefined) return;
        held += bytes;
        assert.ok(held <= maxBytes && channel.bytes <= maxBytes, `${held} of ${channel.bytes} bytes`);
        underWay.push(() => {
          held -= bytes;
          giveBack();
        });
      };
      for (const [i, step] of steps.entries()) {
        if ('allot' in step) void ask(step.allot);
        else if (channel.room > 0) {
          channel.push({ ...newEntry(), key: Buffer.alloc(step.push) });
          channel.take(entry);
          if (step.isParked) channel.park(step.push);
          (step.isParked ? parked : underWay).push(() => {
            if (step.isParked) channel.park(-step.push);
            channel.settle(NO_PAGE, step.push);
          });
        }
        const pause = order[i % order.length]!;
        if (i % pause === 0) finish(i);
        await nextTick();
      }
      for (let turn = 0, idle = 0; idle < 3; turn++) {
        idle = finish(turn) ? 0 : idle + 1;
        await nextTick();
      }
      assert.deepEqual([waiting, channel.bytes, channel.unsettled, channel.isFull], [0, 0, 0, false]);
    }),
    runs(150),
  );
});
