// Frames as any tool may write them, cut anywhere; payloads that are not held; and every kind of damage, with the byte at
// which it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameReader, type FrameReaderOptions } from '../../../src/file/frame-reader.ts';
import type { Keeper } from '../../../src/file/restore-frame.ts';
import { StreamError } from '../../../src/file/stream-ends.ts';
import { newEntry, type Entry } from '../../../src/flow/entry.ts';
import { cutsOf } from '../../support/decode.ts';
import { command, streamOf } from '../../support/frames.ts';
import { crc64 } from '../../support/crc64.ts';

const PAYLOAD = Buffer.from('\0\x05value\x0b\0checksum', 'latin1');
const KEY = '\r\n$5\r\n*';

function read(pieces: readonly Buffer[], options: Partial<FrameReaderOptions> = {}): Entry[] {
  const reader = new FrameReader({ name: 'f.resp', ...options });
  const entries: Entry[] = [];
  const entry = newEntry();
  try {
    for (const piece of pieces) {
      reader.write(Buffer.from(piece));
      while (reader.next(entry)) entries.push({ ...entry });
    }
    reader.end();
    return entries;
  } catch (error) {
    (error as { entries?: unknown }).entries = entries;
    throw error;
  }
}

/** However the bytes come: so many entries, then this message, which is whole behind `Cannot read f.resp: `. */
function assertDamaged(
  bytes: Buffer,
  {
    entries = 0,
    offset,
    message,
    ...options
  }: { entries?: number; offset: number; message: string } & Partial<FrameReaderOptions>,
): void {
  for (const [way, pieces] of Object.entries(cutsOf(bytes))) {
    assert.throws(
      () => read(pieces, options),
      (error) => {
        assert.ok(error instanceof StreamError, String(error));
        assert.equal(error.message, `Cannot read f.resp: ${message}`, way);
        assert.deepEqual([error.code, error.offset], ['STREAM', offset], way);
        assert.equal((error as unknown as { entries: Entry[] }).entries.length, entries, way);
        return true;
      },
    );
  }
}

test('FrameReader reads RESTORE and SELECT in any case, with options in any order, however the bytes are cut', () => {
  const large = Buffer.alloc(5000, 'large');
  const bytes = Buffer.concat([
    command('RESTORE', 'plain', 0, PAYLOAD),
    command('restore', KEY, 4_102_444_800_123, PAYLOAD, 'absttl', 'Replace'),
    command('select', 12),
    command('Restore', '', 0, large, 'REPLACE', 'IDLETIME', 77),
    command('SELECT', 0),
    command('SELECT', 3),
    command('RESTORE', large, 7, PAYLOAD, 'FREQ', 255, 'ABSTTL', 'REPLACE'),
    command('RESTORE', 'both', 0, PAYLOAD, 'ABSTTL'),
  ]);
  const usual = { ...newEntry(), kind: 'value', payload: PAYLOAD };
  for (const [way, pieces] of Object.entries(cutsOf(bytes))) {
    assert.deepEqual(
      read(pieces, { size: bytes.length }),
      [
        { ...usual, key: Buffer.from('plain') },
        { ...usual, key: Buffer.from(KEY), expireAt: 4_102_444_800_123 },
        { ...usual, key: Buffer.alloc(0), db: 12, payload: large, idle: 77 },
        { ...usual, key: large, db: 3, expireAt: 7, frequency: 255 },
        { ...usual, key: Buffer.from('both'), db: 3 },
      ],
      way,
    );
  }
});

test('FrameReader takes an expiry without ABSTTL as counted from the moment of reading', () => {
  const before = Date.now();
  const [entry] = read([command('RESTORE', 'k', 60_000, PAYLOAD, 'REPLACE')]);
  assert.ok(entry!.expireAt >= before + 60_000 && entry!.expireAt <= Date.now() + 60_000);
});

test('FrameReader takes a stream without keys, but not one without bytes', () => {
  assert.deepEqual(read([streamOf(Buffer.alloc(0), 0)]), []);
  const message = 'it is empty, and even without keys it would have an end';
  assertDamaged(Buffer.alloc(0), { offset: 0, message });
  assert.deepEqual(read([Buffer.alloc(0), command('SELECT', 1)]), []);
});

test('FrameReader gives out views where a string is whole, and no more than one copy where it is cut', () => {
  const frame = command('RESTORE', 'key', 0, PAYLOAD);
  const reader = new FrameReader({ name: 'f.resp' });
  const entry = newEntry();
  reader.write(frame);
  assert.ok(reader.next(entry));
  assert.equal(entry.payload!.buffer, frame.buffer);
  reader.write(frame.subarray(0, -5));
  assert.equal(reader.next(entry), false);
  reader.write(frame.subarray(-5));
  assert.ok(reader.next(entry));
  assert.equal(entry.payload!.buffer.byteLength, PAYLOAD.length + 2);
});

const first = command('RESTORE', 'first', 0, PAYLOAD, 'REPLACE');
const at = first.length;
const good = command('RESTORE', 'k', 0, PAYLOAD, 'REPLACE');

test('FrameReader tells where a stream is cut off, wherever that is', () => {
  for (let length = 1; length < good.length; length++) {
    const bytes = Buffer.concat([first, good.subarray(0, length)]);
    const message = `the frame at byte ${at} is cut off at byte ${at + length}`;
    assertDamaged(bytes, { entries: 1, offset: at, message });
  }
});

test('FrameReader tells of the unpacked stream that its offsets are none of the file', () => {
  const message = 'the frame at byte 0 of the unpacked stream is cut off at byte 9';
  assertDamaged(first.subarray(0, 9), { offset: 0, message, isPacked: true });
});

test('FrameReader refuses a string that is longer than the rest of the file before it asks memory for it', () => {
  const bytes = Buffer.concat([first, Buffer.from('*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$1000000000\r\n')]);
  const claim = `a string of 1,000,000,000 bytes begins at byte ${bytes.length}, and the file ends at byte ${bytes.length}`;
  const message = `the frame at byte ${at} is cut off: ${claim}`;
  const before = process.memoryUsage().arrayBuffers;
  assertDamaged(bytes, { entries: 1, offset: at, message, size: bytes.length });
  assert.ok(process.memoryUsage().arrayBuffers - before < 100_000_000);
});

test('FrameReader refuses strings above its limits', () => {
  const restore = '*4\r\n$7\r\nRESTORE\r\n';
  const cases: [string, number, number | undefined][] = [
    [`${restore}$1073741825\r\n`, 2 ** 30, undefined],
    [`${restore}$1\r\nk\r\n$1\r\n0\r\n$10737418240\r\n`, 2 ** 30, undefined],
    [`${restore}$1\r\nk\r\n$1\r\n0\r\n$101\r\n`, 100, 100],
    [`${restore}$1\r\nk\r\n$33\r\n`, 32, undefined],
    ['*2\r\n$33\r\n', 32, undefined],
    ['*2\r\n$6\r\nSELECT\r\n$100\r\n', 32, undefined],
  ];
  for (const [text, max, maxLength] of cases) {
    const length = Number(/(\d+)\r\n$/.exec(text)![1]).toLocaleString('en');
    const why = `a string of ${length} bytes begins there, and ${max.toLocaleString('en')} are the most it may have`;
    const message = `the frame at byte 0 is damaged at byte ${text.length}: ${why}`;
    assertDamaged(Buffer.from(text), { offset: 0, message, ...(maxLength === undefined ? {} : { maxLength }) });
  }
});

test('FrameReader tells at which byte a frame is damaged, and of what', () => {
  const restore = '*4\r\n$7\r\nRESTORE\r\n';
  const long = PAYLOAD.toString('latin1');
  const option = `*6\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$${long.length}\r\n${long}\r\n`;
  // In front of the bar is what is sound.
  const cases: [string, string][] = [
    ['|SET k v\r\n', 'a frame should begin there'],
    ['|\r\n', 'a frame should begin there'],
    ['*|-1\r\n', 'a number should stand there'],
    ['*|\r\n', 'a number should stand there'],
    ['*4|\n', 'a number should stand there'],
    ['*4\r|$', 'a line should end there'],
    ['*4\r\n|*1\r\n', 'a string should begin there'],
    ['*4\r\n$|-1\r\n', 'a number should stand there'],
    ['*4\r\n$000000000000007|0', 'a number should stand there'],
    ['*1\r\n$7\r\n|RESTORE\r\n', 'RESTORE needs a key, an expiry and a payload'],
    ['*0\r\n|', 'it is an array of 0 strings, which no RESTORE, SELECT or PING is'],
    ['*11\r\n|', 'it is an array of 11 strings, which no RESTORE, SELECT or PING is'],
    ['*2\r\n$3\r\n|S\0T\r\n', 'the name of a command should stand there'],
    ['*3\r\n$7\r\n|RESTORE\r\n', 'RESTORE needs a key, an expiry and a payload'],
    ['*3\r\n$6\r\n|SELECT\r\n', 'SELECT takes one database'],
    ['*2\r\n$6\r\nSELECT\r\n$1\r\n|x\r\n', 'that is no database'],
    ['*2\r\n$6\r\nSELECT\r\n$2\r\n|-1\r\n', 'that is no database'],
    ['*2\r\n$6\r\nSELECT\r\n$10\r\n|2147483648\r\n', 'that is no database'],
    [`${restore}$3\r\nkey|!\r\n`, 'a string should end there'],
    [`${restore}$3\r\nkey|\r$`, 'a string should end there'],
    [`${restore}$1\r\nk\r\n$2\r\n|-1\r\n`, 'that is no expiry in milliseconds'],
    [`${restore}$1\r\nk\r\n$0\r\n|\r\n`, 'that is no expiry in milliseconds'],
    [`${restore}$1\r\nk\r\n$19\r\n|9223372036854775808\r\n`, 'that is no expiry in milliseconds'],
    [`${restore}$1\r\nk\r\n$1\r\n0\r\n$10\r\n|0123456789\r\n`, 'that is too short for a payload'],
    [`${option}$4\r\n|KEEP\r\n`, 'RESTORE has no such option'],
    [`${option}$8\r\nIDLETIME\r\n$1\r\n|x\r\n`, 'that is no number for this option'],
    [`${option}$4\r\nFREQ\r\n$3\r\n|256\r\n`, 'that is no number for this option'],
    [`${option}$7\r\nREPLACE\r\n$4\r\nFREQ\r\n|`, 'the number of an option is missing'],
    [
      `${option.replace('*6', '*7')}$4\r\nFREQ\r\n$1\r\n1\r\n$8\r\n|IDLETIME\r\n`,
      'RESTORE takes IDLETIME or FREQ, and once',
    ],
  ];
  for (const [text, why] of cases) {
    const bytes = Buffer.concat([first, Buffer.from(text.replace('|', ''), 'latin1')]);
    const place = at + text.indexOf('|');
    const message = `the frame at byte ${at} is damaged at byte ${place}: ${why}`;
    assertDamaged(bytes, { entries: 1, offset: at, message });
  }
});

test('FrameReader names a command that it does not read', () => {
  for (const name of ['SET', 'echo', 'FLUSHALL', 'client']) {
    const bytes = Buffer.concat([first, command(name, 'secret'), first]);
    const message = `the frame at byte ${at} is ${name.toUpperCase()}: only RESTORE, SELECT and PING can be read`;
    assertDamaged(bytes, { entries: 1, offset: at, message });
  }
});

test('FrameReader says what to do with a stream that is packed', () => {
  assert.throws(() => read([Buffer.from([0x1f, 0x8b, 8])]), isHint);
  assert.throws(
    () => read([first, Buffer.from([0x1f, 0x8b, 8])]),
    (error) => !isHint(error),
  );
});

function isHint(error: unknown): boolean {
  return /\.resp\.gz/.test((error as StreamError).hint ?? '');
}

interface Passed {
  /** Key, database, bytes of the payload that was held, and what is known of one that was not. */
  readonly found: unknown[];
  readonly kept: Readonly<Record<string, Buffer[]>>;
}

/** Holds 100 bytes, and keeps all others but those of `other`. */
function readPassed(pieces: readonly Buffer[]): Passed {
  const kept: Record<string, Buffer[]> = {};
  const keeperOf = (_: number, key: Buffer): Keeper | undefined =>
    String(key) === 'other' ? undefined : (part) => void (kept[String(key)] ??= []).push(Buffer.from(part));
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  const reader = new FrameReader({ name: 'f.resp', size: Math.max(size, 3000), mostHeld: 100, keeperOf });
  const found: unknown[] = [];
  const entry = newEntry();
  for (const piece of pieces) {
    reader.write(Buffer.from(piece));
    while (reader.next(entry)) {
      const { start, length, typeByte, version, isIntact } = reader.passed ?? {};
      const facts = reader.passed && { start, length, typeByte, version, isIntact };
      found.push([String(entry.key), entry.db, entry.payload?.length, facts]);
    }
  }
  reader.end();
  return { found, kept };
}

test('FrameReader lets go by what is longer than it is to hold, and tells where it is and what its ends say', () => {
  const body = Buffer.concat([Buffer.of(4), Buffer.alloc(300, 'body'), Buffer.of(0x50, 0)]);
  const checksum = Buffer.alloc(8);
  checksum.writeBigUInt64LE(crc64(body));
  const payload = Buffer.concat([body, checksum]);
  const damaged = Buffer.concat([body, Buffer.alloc(8)]);
  const frames = Buffer.concat([
    command('RESTORE', 'a', 0, PAYLOAD),
    command('SELECT', 3),
    command('RESTORE', KEY, 5, payload, 'ABSTTL'),
    command('RESTORE', 'b', 0, damaged, 'IDLETIME', 7),
    command('RESTORE', 'other', 0, payload),
    command('RESTORE', 'c', 0, PAYLOAD),
  ]);
  const bytes = streamOf(frames, 5);
  for (const [way, pieces] of Object.entries(cutsOf(bytes))) {
    const { found, kept } = readPassed(pieces);
    const [first, second] = [bytes.indexOf(payload), bytes.indexOf(damaged)];
    const facts = { length: payload.length, typeByte: 4, version: 80, isIntact: true };
    assert.deepEqual(
      found,
      [
        ['a', 0, PAYLOAD.length, undefined],
        [KEY, 3, undefined, { start: first, ...facts }],
        ['b', 3, undefined, { start: second, ...facts, isIntact: false }],
        ['other', 3, undefined, { start: bytes.lastIndexOf(payload), ...facts }],
        ['c', 3, PAYLOAD.length, undefined],
      ],
      way,
    );
    assert.deepEqual(
      Object.entries(kept).map(([key, parts]) => [key, Buffer.concat(parts)]),
      [
        [KEY, payload],
        ['b', damaged],
      ],
      way,
    );
  }
  const cut = bytes.lastIndexOf(payload) + 50;
  assert.throws(() => readPassed([bytes.subarray(0, cut)]), new RegExp(`is cut off at byte ${cut}$`));
  const other = Buffer.from(bytes);
  other[bytes.indexOf(damaged) + 100]! ^= 1;
  assert.throws(() => readPassed([other]), /is damaged: its end tells of the checksum/);
});
