// Whole streams: what is encoded is what is read, cut anywhere; and the PINGs at both ends tell what was cut or damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FrameEncoder, type Frame } from '../../../src/file/frame-encoder.ts';
import { FrameReader } from '../../../src/file/frame-reader.ts';
import { StreamError } from '../../../src/file/stream-ends.ts';
import { newEntry, type Entry } from '../../../src/flow/entry.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { cutsOf } from '../../support/decode.ts';
import { command, randomSplits, streamOf } from '../../support/frames.ts';
import { PAYLOAD, restores } from '../../support/resp-file.ts';
import { runs } from '../../support/tier.ts';

const begin = command('PING', 'rump:begin:1');
const [frames, keys] = [restores(5), 5];
const stream = streamOf(frames, keys);
const end = stream.subarray(begin.length + frames.length);

interface Read {
  readonly keys: number;
  readonly dbs: readonly number[];
  readonly isUnmarked: boolean;
  readonly error: string | undefined;
}

function readPieces(pieces: readonly Buffer[]): Read {
  const reader = new FrameReader({ name: 'f.resp' });
  const dbs: number[] = [];
  let failure: string | undefined;
  try {
    for (const piece of pieces) {
      reader.write(Buffer.from(piece));
      for (const entry = newEntry(); reader.next(entry);) dbs.push(entry.db);
    }
    reader.end();
  } catch (error) {
    assert.ok(error instanceof StreamError, String(error));
    failure = error.message.replace('Cannot read f.resp: ', '');
  }
  return { keys: dbs.length, dbs, isUnmarked: reader.isUnmarked, error: failure };
}

/** The same, however the bytes are cut. */
function read(...parts: Buffer[]): Read {
  const [first, ...others] = Object.entries(cutsOf(Buffer.concat(parts))).map(([way, pieces]) => {
    return { way, result: readPieces(pieces) };
  });
  for (const { way, result } of others) assert.deepEqual(result, first!.result, way);
  return first!.result;
}

function assertSound(found: Read, count: number, isUnmarked = false): void {
  assert.deepEqual([found.keys, found.isUnmarked, found.error], [count, isUnmarked, undefined]);
}

test('FrameReader takes a whole stream, and several in a row', () => {
  assertSound(read(stream), keys);
  assertSound(read(stream, streamOf(Buffer.alloc(0), 0), stream), 2 * keys);
});

test('FrameReader starts each stream in database 0, as a replay of it alone would', () => {
  const elsewhere = streamOf(Buffer.concat([command('SELECT', 3), restores(1)]), 1);
  assert.deepEqual(read(elsewhere, stream).dbs, [3, 0, 0, 0, 0, 0]);
});

test('FrameReader takes the frames of another tool, and says that they are not known to be whole', () => {
  assertSound(read(frames), keys, true);
  assertSound(read(command('SELECT', 1)), 0, true);
  assertSound(read(frames, stream), 2 * keys, true);
  assertSound(read(stream, frames), 2 * keys, true);
});

test('FrameReader passes over a PING of somebody else, wherever it stands', () => {
  const pings = [command('PING'), command('ping', 'hello'), command('PING', Buffer.alloc(5000, 'x'))];
  assertSound(read(...pings, stream, ...pings), keys);
  const within = Buffer.concat([...pings, frames]);
  assertSound(read(streamOf(within, keys)), keys);
});

test('FrameReader knows a stream that was cut off between two frames, wherever that is', () => {
  const frame = frames.length / keys;
  for (let count = 0; count <= keys; count++) {
    const bytes = stream.subarray(0, begin.length + count * frame);
    const { keys: found, error } = read(bytes);
    assert.deepEqual([found, error], [count, `it is cut off at byte ${bytes.length}: its end is missing`]);
  }
});

test('FrameReader knows a stream that was cut off within its beginning or its end', () => {
  for (const length of [...begin.keys()].slice(1)) assert.match(read(stream.subarray(0, length)).error!, /is cut off/);
  for (const missing of [...end.keys()].slice(1)) {
    const { keys: found, error } = read(stream.subarray(0, -missing));
    assert.equal(found, keys);
    assert.match(error!, /is cut off/);
  }
});

test('FrameReader knows a cut stream by the next one that begins', () => {
  const cut = stream.subarray(0, -end.length);
  const { keys: found, error } = read(cut, stream);
  assert.equal(found, keys);
  assert.equal(error, `it is cut off at byte ${cut.length}: another stream begins there, and its end is missing`);
});

test('FrameReader knows a stream that lacks a frame, has one twice, or another one', () => {
  const whole = Buffer.concat([begin, frames]);
  const length = frames.length / keys;
  const other = Buffer.from(frames);
  other[other.indexOf('key:3') + 4] = 0x34;
  for (const [bytes, fault] of [
    [Buffer.concat([begin, frames.subarray(length), end]), 'its end tells of 5 keys, and 4 were found'],
    [Buffer.concat([whole, frames.subarray(0, length), end]), 'its end tells of 5 keys, and 6 were found'],
    [Buffer.concat([begin, other, end]), /^its end tells of the checksum [0-9a-f]{16}, and it is [0-9a-f]{16}$/],
    [Buffer.concat([whole, command('SELECT', 0), end]), /^its end tells of the checksum /],
  ] as const) {
    const why = /^the stream from byte 0 on is damaged: (.*)$/.exec(read(bytes).error!)![1]!;
    if (typeof fault === 'string') assert.equal(why, fault);
    else assert.match(why, fault);
  }
});

test('FrameReader refuses an end without a beginning, and marks that it does not know', () => {
  assert.match(read(frames, end).error!, /an end stands there, and no beginning in front of it$/);
  for (const mark of ['rump:begin:2', 'rump:end:5', 'rump:end:5:zz', 'rump:pause', `rump:end:${'1'.repeat(99)}:0`]) {
    assert.match(read(command('PING', mark), frames).error!, /it is a mark that this version of rump does not know$/);
  }
});

test('The checksum of a stream is CRC-64/REDIS of the bytes between its marks', () => {
  // The check value of the catalogue of CRCs is that of these nine bytes; here they are the end of a frame's string.
  const inside = command('RESTORE', '123456789', 0, PAYLOAD);
  assert.match(streamOf(Buffer.from('123456789'), 0).toString(), /rump:end:0:e9c6d914c4b8d9ca\r\n$/);
  assertSound(read(streamOf(inside, 1)), 1);
});

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
    expireAt: fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), beyondNumbers),
  })
  .chain((rest) =>
    fc.oneof(
      fc.constant({ ...rest, idle: -1, frequency: -1 }),
      fc.record({ idle: fc.nat(), frequency: fc.constant(-1) }).map((about) => ({ ...rest, ...about })),
      fc.record({ idle: fc.constant(-1), frequency: fc.nat(255) }).map((about) => ({ ...rest, ...about })),
    ),
  );

function entryOf(frame: Frame): Entry {
  return { ...newEntry(), kind: 'value', ...frame, payload: frame.payload as Buffer };
}

function encode(frames: readonly Frame[]): Buffer {
  const encoder = new FrameEncoder(() => {});
  for (const frame of frames) encoder.restore(frame, frame.payload);
  return streamOf(Buffer.concat(encoder.bytes.take().pieces), frames.length);
}

/** @param shows whether what can be is shown where it lies */
function readAll(
  pieces: readonly Buffer[],
  size: number,
  shows = true,
): { entries: Entry[]; isUnmarked: boolean; error?: unknown } {
  const reader = new FrameReader({ name: 'f.resp', size });
  const entries: Entry[] = [];
  const entry = newEntry();
  const view = new EntryView();
  try {
    for (const piece of pieces) {
      reader.write(piece);
      for (;;) {
        if (shows && reader.show(view)) entries.push(view.copy());
        else if (reader.next(entry)) entries.push({ ...entry });
        else break;
      }
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
      assert.deepEqual(readAll(randomSplits(stream, seed), stream.length), expected);
    }),
    runs(150),
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
        const { entries, error } = readAll(randomSplits(stream.subarray(0, end), end), end);
        assert.deepEqual(entries, frames.slice(0, entries.length).map(entryOf));
        assert.ok(error instanceof StreamError, String(error));
      },
    ),
    runs(150),
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
      const whole = readAll([stream], stream.length);
      assert.ok(whole.error === undefined || whole.error instanceof StreamError, String(whole.error));
      // Without both marks it is a stream of another tool; the name of the command in them may be in small letters.
      const isSame = inUpperCase(stream) === sound;
      assert.ok(isSame ? whole.error === undefined : whole.error !== undefined || whole.isUnmarked);
      for (const shows of [true, false]) {
        const cut = readAll(randomSplits(stream, 7), stream.length, shows);
        assert.deepEqual(cut.entries, whole.entries);
        assert.equal(message(cut.error), message(whole.error));
      }
    }),
    runs(200),
  );
});

function inUpperCase(stream: Buffer): string {
  return stream.toString('latin1').replaceAll(/ping/gi, 'PING');
}

function message(error: unknown): string | undefined {
  return (error as Error | undefined)?.message;
}
