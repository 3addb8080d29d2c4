// Rings of keys and of entries against plain arrays: what goes in comes out, whole, in its order, whatever its size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Bytes } from '../../resp/bytes.ts';
import { newEntry, type Entry } from '../../src/flow/entry.ts';
import { EntryRing } from '../../src/flow/entry-ring.ts';
import { EntryRun } from '../../src/flow/entry-run.ts';
import { EntryView } from '../../src/flow/entry-view.ts';
import { KeyQueue } from '../../src/flow/key-queue.ts';
import { runs } from '../support/tier.ts';

/** Below and above what is kept by reference, and so many that slabs are used again. */
const size = fc.oneof(
  { weight: 8, arbitrary: fc.nat(300) },
  { weight: 1, arbitrary: fc.integer({ min: 16_300, max: 16_500 }) },
);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ key: size, payload: size }) },
  { weight: 2, arbitrary: fc.constant('drop' as const) },
);
const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), step), { maxLength: 60 });

function bytesOf(length: number, seed: number): Buffer {
  return Buffer.alloc(length, `${seed} `);
}

/** The bytes in the midst of others, as a chunk has them. */
function amidst(bytes: Buffer): [chunk: Bytes, start: number, end: number] {
  return [new Bytes(Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')])), 6, 6 + bytes.length];
}

test('EntryRing gives back what was put in, whole and in order, and keeps nothing of the memory that it was shown in', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const ring = new EntryRing();
      const expected: Entry[] = [];
      let count = 0;
      for (const [times, what] of steps) {
        for (let i = 0; i < times; i++) {
          if (what === 'drop') {
            const entry = newEntry();
            assert.equal(ring.take(entry), expected.length > 0);
            if (expected.length > 0) assert.deepEqual(entry, expected.shift());
            continue;
          }
          const [key, payload] = [bytesOf(what.key, count), bytesOf(what.payload, count + 1)];
          const view = new EntryView();
          view.kind = 'value';
          view.db = count % 16;
          view.expireAt = count++;
          const [keyIn, payloadIn] = [amidst(key), amidst(payload)];
          view.showKey(...keyIn);
          view.showPayload(...payloadIn);
          ring.pushView(view);
          for (const [{ buffer }] of [keyIn, payloadIn]) buffer.fill('!');
          expected.push({ ...newEntry(), kind: 'value', db: view.db, key, payload, expireAt: view.expireAt });
        }
        assert.equal(ring.length, expected.length);
      }
    }),
    runs(60),
  );
});

test('KeyQueue gives back keys in order, and the very Buffer of one that was put in as such', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const queue = new KeyQueue();
      const expected: { db: number; key: Buffer; page: number; own: boolean }[] = [];
      let count = 0;
      for (const [times, what] of steps) {
        for (let i = 0; i < times; i++) {
          if (what === 'drop') {
            const next = expected.shift();
            if (next === undefined) continue;
            const { own, ...found } = next;
            const shifted = queue.shift();
            assert.deepEqual(shifted, found);
            assert.ok(!own || shifted.key === next.key);
            continue;
          }
          const db = count++ % 3;
          const page = count % 7;
          const key = bytesOf(what.key, count);
          const own = count % 4 === 0;
          const shown = amidst(key);
          if (own) queue.push({ db, key, page });
          else if (count % 4 === 1) queue.pushBuffer(db, shown[0].buffer.subarray(shown[1], shown[2]), page);
          else queue.pushCopy(db, ...shown, page);
          shown[0].buffer.fill('!');
          expected.push({ db, key, page, own });
        }
        assert.equal(queue.length, expected.length);
      }
    }),
    runs(60),
  );
});

const moves = fc.array(
  fc.tuple(
    fc.integer({ min: 1, max: 60 }),
    fc.constantFrom('push', 'take', 'take', 'drop', 'to itself' as const),
    fc.nat(2),
    size,
  ),
  { maxLength: 60 },
);

test('KeyQueue.take() takes keys over with their memory, which is used again only when nobody has one of them any more', () => {
  fc.assert(
    fc.property(moves, (moves) => {
      const queues = Array.from({ length: 3 }, () => new KeyQueue());
      const expected: { db: number; key: Buffer; page: number }[][] = queues.map(() => []);
      let count = 0;
      for (const [times, what, to, bytes] of moves) {
        const from = (to + 1) % queues.length;
        for (let i = 0; i < times; i++) {
          if (what === 'push') {
            const found = { db: count % 3, key: bytesOf(bytes, count), page: count++ % 7 };
            if (count % 5 === 0) queues[to]!.push(found);
            else queues[to]!.pushBuffer(found.db, found.key, found.page);
            expected[to]!.push(found);
          } else if (what === 'drop') {
            if (expected[to]!.length > 0) assert.deepEqual(queues[to]!.shift(), expected[to]!.shift());
          } else {
            const source = what === 'take' ? from : to;
            const next = expected[source]!.shift();
            if (next === undefined) continue;
            queues[to]!.take(queues[source]!);
            expected[to]!.push(next);
          }
        }
        for (const [q, queue] of queues.entries()) assert.equal(queue.length, expected[q]!.length);
      }
      for (const [q, queue] of queues.entries()) {
        const all = expected[q]!.map((_, i) => {
          const { db, page, bytes, start, end } = queue.at(i);
          return { db, key: Buffer.from(bytes.buffer.subarray(start, end)), page };
        });
        assert.deepEqual(all, expected[q]);
      }
    }),
    runs(60),
  );
});

const MOST_ENTRIES = 256;
const sort = fc.constantFrom(
  'usual',
  'usual',
  'usual',
  'other page',
  'other db',
  'own key',
  'bigint',
  'idle',
  'large',
  'name' as const,
);

test('EntryRing.showRun() shows the oldest entries of one kind and place, as many as there are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), sort, size, fc.boolean()), { maxLength: 12 }),
      (steps) => {
        const ring = new EntryRing();
        const run = new EntryRun();
        const view = new EntryView();
        const expected: Entry[] = [];
        for (const [number, [times, what, bytes, isDropped]] of steps.entries()) {
          for (let i = 0; i < times; i++) {
            const key = bytesOf(bytes % 40, i);
            const payload = what === 'large' ? bytesOf(20_000, i) : bytesOf(Math.min(bytes, 300), i);
            const entry: Entry = {
              ...newEntry(),
              kind: what === 'name' ? 'name' : 'value',
              key,
              payload,
              expireAt: i % 2 === 0 ? -1 : i,
            };
            if (what === 'other page') entry.page = number;
            if (what === 'other db') entry.db = 1 + number;
            if (what === 'bigint') entry.expireAt = 2n ** 60n;
            if (what === 'idle') entry.idle = 5;
            if (what === 'name') entry.payload = null;
            view.show(entry);
            if (what !== 'own key') view.ownKey = undefined;
            ring.pushView(view);
            expected.push(entry);
          }
          for (let left = isDropped ? times / 2 : 0; left > 1; left--) {
            ring.drop();
            expected.shift();
          }
          if (expected.length === 0) continue;
          ring.showRun(run);
          const shown = Array.from({ length: run.length }, (_, i) => {
            run.show(i, view);
            return view.copy();
          });
          assert.deepEqual(shown, expected.slice(0, run.length));
          const sizes = shown.map(({ payload }) => payload!.length);
          assert.equal(run.longest, Math.max(0, ...sizes));
          assert.equal(
            run.size,
            shown.reduce((sum, entry) => sum + entry.key.length + entry.payload!.length, 0),
          );
          assert.equal(
            run.expires,
            shown.some(({ expireAt }) => expireAt !== -1),
          );
          assert.ok(run.length <= MOST_ENTRIES);
          assert.ok(shown.every(({ db, page, idle }) => db === shown[0]!.db && page === shown[0]!.page && idle === -1));
          const next = ring.length > run.length && run.length < MOST_ENTRIES ? expected[run.length]! : undefined;
          const isOdd =
            next === undefined || next.kind === 'name' || typeof next.expireAt === 'bigint' || next.idle >= 0;
          // What is usual ends a run only where its memory does.
          if (run.length === 0) assert.ok(isOdd || steps.some(([, what]) => what === 'own key'));
        }
      },
    ),
    runs(40),
  );
});
