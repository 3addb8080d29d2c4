// Reading through windows has to give what reading all at once gives, wherever a window ends.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { Bytes } from '../../../resp/bytes.ts';
import { RandomAccessFile } from '../../../src/file/input-file.ts';
import { ByteReader } from '../../../src/rdb/byte-reader.ts';
import { Crc64 } from '../../../src/rdb/crc64.ts';
import { PayloadError } from '../../../src/rdb/payload.ts';
import { FileReader } from '../../../src/snapshot/file-reader.ts';
import { Random } from '../../bench/random.ts';
import { fileOf } from '../../support/resp-file.ts';
import * as build from '../rdb/payload-builder.ts';

const KIB = 1024;

async function open(t: TestContext, bytes: Buffer): Promise<RandomAccessFile> {
  const file = await RandomAccessFile.open(fileOf(t, bytes, 'f.rdb'));
  t.after(() => file.close());
  return file;
}

/** What stands in the file, and how it is read. */
interface Part {
  readonly bytes: Buffer;
  readonly read: (reader: ByteReader) => unknown;
}

/** Around three megabytes, most of them in parts so small that every window ends within one. */
function partsOf(random: Random): Part[] {
  const parts: Part[] = [];
  for (let size = 0; size < 3000 * KIB; size += parts.at(-1)!.bytes.length) {
    const kind = random.between(0, 10);
    const text = random.text(random.between(0, kind === 0 ? 300 * KIB : 90));
    const number = random.between(0, 2 ** 31);
    parts.push(
      ...[
        { bytes: build.string(text), read: (reader: ByteReader) => reader.string().toString() },
        { bytes: build.string(text), read: (reader: ByteReader) => [reader.peekStringLength(), reader.skipString()] },
        { bytes: build.compressedString(`a${text}`), read: (reader: ByteReader) => reader.string().toString() },
        { bytes: build.compressedString(`a${text}`), read: (reader: ByteReader) => reader.peekStringLength() },
        { bytes: build.length(number), read: (reader: ByteReader) => reader.length() },
        { bytes: build.length(number, 64), read: (reader: ByteReader) => reader.uint64() },
        { bytes: build.milliseconds(number), read: (reader: ByteReader) => [reader.milliseconds(), reader.at] },
        { bytes: build.milliseconds(number), read: (reader: ByteReader) => [reader.double(), reader.left] },
        { bytes: build.milliseconds(number), read: (reader: ByteReader) => [reader.int32(), reader.uint32()] },
        { bytes: Buffer.of(0xc1, 1, number & 0xff), read: (reader: ByteReader) => reader.string().toString() },
        { bytes: build.string(text), read: (reader: ByteReader) => [...reader.stringPieces(50 * KIB)].map(String) },
      ].slice(kind, kind + 1),
    );
    // It was only looked at.
    if (kind === 3) parts.push({ bytes: Buffer.alloc(0), read: (reader: ByteReader) => reader.skipString() });
  }
  return parts;
}

test('FileReader reads through its windows what ByteReader reads at once, and sums all of it', async (t) => {
  for (let seed = 1; seed <= 3; seed += 1) {
    const parts = partsOf(new Random(seed));
    const bytes = Buffer.concat(parts.map((part) => part.bytes));
    const reader = new FileReader(await open(t, bytes), { sums: true });
    const whole = new ByteReader(bytes, 'all of it');
    for (const { read } of parts) assert.deepEqual(read(reader), read(whole));
    assert.ok(reader.isAtEnd && whole.isAtEnd);
    assert.equal(reader.sum()!.value, new Crc64().update(bytes).value);
  }
});

test('FileReader passes over what no window holds, and copies it from there', async (t) => {
  const bytes = Buffer.concat(Array.from({ length: 300 }, (_, i) => Buffer.alloc(10_007, i)));
  const reader = new FileReader(await open(t, bytes), { sums: true });
  for (const length of [1, 300_000, 262_144, 262_143, 1_500_000, 5]) {
    const start = reader.at;
    reader.skip(length);
    for (const [from, to] of [
      [start, reader.at],
      [Math.max(start, reader.at - 1000), reader.at],
      [start, start + 1],
    ] as const) {
      const copy = Buffer.alloc(to - from + 2);
      reader.copyTo(new Bytes(copy), 1, from, to);
      assert.ok(copy.subarray(1, -1).equals(bytes.subarray(from, to)));
      assert.deepEqual([copy[0], copy.at(-1)], [0, 0]);
    }
    const { at } = reader;
    assert.equal(reader.byte(), bytes[at]);
  }
  const { at } = reader;
  assert.equal(reader.sum()!.value, new Crc64().update(bytes, 0, at).value);
  reader.skip(reader.left);
  assert.ok(reader.isAtEnd);
  assert.throws(() => reader.byte(), PayloadError);
  assert.equal(reader.sum()!.value, new Crc64().update(bytes).value);
});

test('FileReader keeps the views that it gave out as they are', async (t) => {
  const texts = Array.from({ length: 20_000 }, (_, i) => `text ${i} ${'x'.repeat(i % 97)}`);
  const reader = new FileReader(await open(t, build.strings(...texts)), { sums: false });
  const views = texts.map(() => reader.string());
  assert.deepEqual(views.map(String), texts);
});

test('FileReader begins where it is told to, and counts from the start of the file', async (t) => {
  const bytes = build.strings('first', 'second');
  const file = await open(t, bytes);
  const reader = new FileReader(file, { start: 6, sums: false });
  assert.deepEqual([reader.at, reader.left], [6, 7]);
  assert.equal(String(reader.string()), 'second');
  assert.throws(() => reader.byte(), {
    message: `Cannot read ${file.name}: the file is cut off, 0 of 1 bytes follow, at byte 13`,
    offset: 13,
  });
});

test('RandomAccessFile says so where the file has shrunk, or is closed', async (t) => {
  const path = fileOf(t, Buffer.alloc(1000), 'f.rdb');
  const file = await RandomAccessFile.open(path);
  writeFileSync(path, 'short');
  const reader = new FileReader(file, { sums: false });
  assert.throws(() => reader.byte(), { message: `Cannot read ${path}: it had 1,000 bytes, and now it has but 5` });
  const reason = new Error('interrupted');
  file.close(reason);
  assert.throws(() => reader.byte(), reason);
});
