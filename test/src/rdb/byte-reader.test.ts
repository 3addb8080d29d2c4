// The primitives of a value: what they are, and that no length is believed before it has been held against the bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../../src/rdb/byte-reader.ts';
import { PayloadError } from '../../../src/rdb/payload-error.ts';
import * as build from './payload-builder.ts';

const read = (bytes: Buffer): ByteReader => new ByteReader(bytes, 'a value');

test('ByteReader reads lengths in every form', () => {
  for (const value of [0, 63, 64, 16_383, 16_384, 2 ** 32 - 1]) {
    assert.equal(read(build.length(value)).length(), value);
    assert.equal(read(build.length(value)).uint64(), BigInt(value));
    assert.equal(read(build.length(value, 64)).length(), value);
  }
  assert.equal(read(build.length(2n ** 64n - 1n, 64)).uint64(), 2n ** 64n - 1n);
  assert.throws(() => read(build.length(2n ** 64n - 1n, 64)).length(), PayloadError);
  for (const first of [0x82, 0xbf, 0xc0, 0xff])
    assert.throws(() => read(Buffer.alloc(9, first)).length(), PayloadError);
});

test('ByteReader reads strings that are integers', () => {
  for (const [bytes, text] of [
    [[0xc0, 0x80], '-128'],
    [[0xc0, 0x00], '0'],
    [[0xc1, 0x00, 0x80], '-32768'],
    [[0xc1, 0xe8, 0x03], '1000'],
    [[0xc2, 0x00, 0x00, 0x00, 0x80], '-2147483648'],
    [[0xc2, 0xff, 0xff, 0xff, 0x7f], '2147483647'],
    [[0xc2, 0xff, 0xc9, 0x9a, 0x3b], '999999999'],
    [[0xc2, 0x00, 0xca, 0x9a, 0x3b], '1000000000'],
  ] as const) {
    assert.equal(read(Buffer.from(bytes)).string().toString(), text);
  }
});

test('ByteReader reads strings, and passes over the same bytes', () => {
  for (const bytes of [
    build.string(''),
    build.string('a'.repeat(70)),
    build.string('a'.repeat(20_000)),
    build.compressedString('compressed'.repeat(9)),
    Buffer.of(0xc0, 1),
    Buffer.of(0xc1, 1, 2),
    Buffer.of(0xc2, 1, 2, 3, 4),
  ]) {
    const [reader, skipper] = [read(bytes), read(bytes)];
    reader.string();
    skipper.skipString();
    assert.ok(reader.isAtEnd && skipper.isAtEnd);
    for (let length = 0; length < bytes.length; length += 1) {
      assert.throws(() => read(bytes.subarray(0, length)).string(), PayloadError);
      assert.throws(() => read(bytes.subarray(0, length)).skipString(), PayloadError);
    }
  }
});

test('ByteReader makes no room for a string that cannot be there', () => {
  const before = process.memoryUsage().arrayBuffers;
  const [gigabyte, terabyte] = [2 ** 30, 2 ** 40];
  for (const lie of [
    build.length(gigabyte),
    build.length(terabyte, 64),
    Buffer.concat([Buffer.of(0xc3), build.length(1), build.length(gigabyte), Buffer.of(0, 0)]),
    Buffer.concat([Buffer.of(0xc3), build.length(terabyte, 64), build.length(terabyte, 64)]),
  ]) {
    assert.throws(() => read(lie).string(), PayloadError);
    assert.throws(() => read(lie).count(1), PayloadError);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
});

test('ByteReader reads times as numbers, also such as are none', () => {
  for (const time of [0, -1, 1_600_000_000_123, 2 ** 53 - 1, -(2 ** 53 - 1)]) {
    assert.equal(read(build.milliseconds(time)).milliseconds(), time);
  }
});

test('An error of ByteReader says what could not be decoded, why, and where', () => {
  const reader = new ByteReader(Buffer.concat([Buffer.from('xyz'), build.string('abc')]), 'a hash (type byte 13)');
  reader.skip(3);
  const packed = reader.packed('ziplist');
  packed.skip(2);
  assert.throws(
    () => packed.uint32(),
    (error) => {
      assert.ok(error instanceof PayloadError);
      assert.equal(
        error.message,
        'Cannot decode a hash (type byte 13): the bytes end 3 too early, at byte 2 of the ziplist at byte 3',
      );
      assert.equal(error.code, 'PAYLOAD');
      assert.equal(error.offset, 3);
      return true;
    },
  );
});
