// What is encoded as a stream of frames is what is read from it, cut anywhere; and no damage goes by unseen or unbounded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import type { Entry } from '../../../src/flow/entry.ts';
import { newEntry } from '../../../src/flow/entry-ring.ts';
import { FrameEncoder, type Frame } from '../../../src/file/frame-encoder.ts';
import { FrameReader } from '../../../src/file/frame-reader.ts';
import { StreamError } from '../../../src/file/stream-ends.ts';
import { randomSplits, streamOf } from '../../support/frames.ts';

const SHORTEST_PAYLOAD = 11;
const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
/** Above 16 KiB the encoder hands out what it was given. */
const large = fc.integer({ min: 16_000, max: 40_000 }).map((length) => Buffer.alloc(length, length));

const beyondNumbers = fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n });

const frame: fc.Arbitrary<Frame> = fc
  .record({
    db: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(2 ** 31 - 1)),
    key: fc.oneof({ weight: 9, arbitrary: bytes(0, 40) }, { weight: 1, arbitrary: large }),
    payload: fc.oneof({ weight: 9, arbitrary: bytes(SHORTEST_PAYLOAD, 300) }, { weight: 2, arbitrary: large }),
    expireAt: fc.oneof(fc.constant(NEVER), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), beyondNumbers),
  })
  .chain((rest) =>
    fc.oneof(
      fc.constant({ ...rest, idle: -1, frequency: -1 }),
      fc.record({ idle: fc.nat(), frequency: fc.constant(-1) }).map((about) => ({ ...rest, ...about })),
      fc.record({ idle: fc.constant(-1), frequency: fc.nat(255) }).map((about) => ({ ...rest, ...about })),
    ),
  );

function entryOf(frame: Frame): Entry {
  return { ...newEntry(), ...frame, payload: frame.payload as Buffer };
}

function encode(frames: readonly Frame[]): Buffer {
  const encoder = new FrameEncoder(() => {});
  for (const frame of frames) encoder.restore(frame);
  return streamOf(Buffer.concat(encoder.bytes.take().pieces), frames.length);
}

function read(pieces: readonly Buffer[], size: number): { entries: Entry[]; isUnmarked: boolean; error?: unknown } {
  const reader = new FrameReader({ name: 'f.resp', size });
  const entries: Entry[] = [];
  const entry = newEntry();
  try {
    for (const piece of pieces) {
      reader.write(piece);
      while (reader.next(entry)) entries.push({ ...entry });
    }
    reader.end();
    return { entries, isUnmarked: reader.isUnmarked };
  } catch (error) {
    return { entries, isUnmarked: reader.isUnmarked, error };
  }
}

test('FrameReader reads what FrameEncoder wrote, cut anywhere', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), fc.integer(), (frames, seed) => {
      const stream = encode(frames);
      const expected = { entries: frames.map(entryOf), isUnmarked: false };
      assert.deepEqual(read(randomSplits(stream, seed), stream.length), expected);
    }),
    { numRuns: 150 },
  );
});

test('FrameReader gives every whole frame before the end of a stream that is cut off, and says that it is', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { minLength: 1, maxLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (frames, part) => {
        const stream = encode(frames);
        const end = Math.floor(part * (stream.length - 1));
        const { entries, error } = read(randomSplits(stream.subarray(0, end), end), end);
        assert.deepEqual(entries, frames.slice(0, entries.length).map(entryOf));
        assert.ok(error instanceof StreamError, String(error));
      },
    ),
    { numRuns: 150 },
  );
});

test('FrameReader meets any damage with a StreamError, and gives the same however they are cut', (t) => {
  // Where ABSTTL is lost, an expiry counts from now.
  t.mock.method(Date, 'now', () => 0);
  const flip = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), fc.array(flip, { maxLength: 4 }), (frames, flips) => {
      const stream = encode(frames);
      const sound = inUpperCase(stream);
      for (const [at, byte] of flips) stream[at % stream.length] = byte;
      const whole = read([stream], stream.length);
      assert.ok(whole.error === undefined || whole.error instanceof StreamError, String(whole.error));
      // Without both marks it is a stream of another tool; the name of the command in them may be in small letters.
      const isSame = inUpperCase(stream) === sound;
      assert.ok(isSame ? whole.error === undefined : whole.error !== undefined || whole.isUnmarked);
      const cut = read(randomSplits(stream, 7), stream.length);
      assert.deepEqual(cut.entries, whole.entries);
      assert.equal(message(cut.error), message(whole.error));
    }),
    { numRuns: 200 },
  );
});

function inUpperCase(stream: Buffer): string {
  return stream.toString('latin1').replaceAll(/ping/gi, 'PING');
}

function message(error: unknown): string | undefined {
  return (error as Error | undefined)?.message;
}
