// Rings of keys and of entries against plain arrays: what goes in comes out, whole, in its order, whatever its size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Bytes } from '../../resp/bytes.ts';
import { newEntry, type Entry } from '../../src/flow/entry.ts';
import { EntryRing } from '../../src/flow/entry-ring.ts';
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
