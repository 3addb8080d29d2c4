// The primitives of a value: what they are, that no length is believed before it has been held against the bytes, and LZF.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../../src/rdb/byte-reader.ts';
import { View } from '../../../src/rdb/byte-strings.ts';
import { decompress, decompressHead, decompressPieces, isPossibleLength } from '../../../src/rdb/lzf.ts';
import { PayloadError } from '../../../src/rdb/payload.ts';
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

test('new View() is what subarray() would have given', () => {
  const bytes = Buffer.from('..abc..');
  const view = new View(bytes.buffer, bytes.byteOffset + 2, 3);
  assert.ok(Buffer.isBuffer(view));
  assert.equal(Object.getPrototypeOf(view), Object.getPrototypeOf(bytes));
  assert.deepEqual(view, bytes.subarray(2, 5));
  assert.equal(view.toString(), 'abc');
  bytes[2] = 0x78;
  assert.equal(view.toString(), 'xbc');
});

test('new View() refuses what is beyond the memory', () => {
  const memory = new ArrayBuffer(8);
  assert.throws(() => new View(memory, 6, 3), RangeError);
});

const cases: readonly (readonly [name: string, input: number[], output: string])[] = [
  ['bytes as they are', [0x02, 0x61, 0x62, 0x63], 'abc'],
  ['a short copy', [0x02, 0x61, 0x62, 0x63, 0x20, 0x02], 'abcabc'],
  ['a copy that runs into itself', [0x00, 0x61, 0x40, 0x00], 'aaaaa'],
  ['a long copy', [0x01, 0x61, 0x62, 0xe0, 0x03, 0x01], 'ab'.repeat(7)],
  ['the longest copy', [0x00, 0x61, 0xe0, 0xff, 0x00], 'a'.repeat(265)],
  ['two pieces of bytes', [0x00, 0x61, 0x00, 0x62], 'ab'],
];

for (const [name, input, output] of cases) {
  test(`decompress() reads ${name}`, () => {
    const bytes = Buffer.from(input);
    assert.equal(decompress(bytes, output.length)?.toString(), output);
    assert.ok(isPossibleLength(bytes.length, output.length));
    assert.equal(decompress(bytes, output.length + 1), undefined);
    assert.equal(decompress(bytes, output.length - 1), undefined);
    for (let length = 1; length < input.length; length += 1) {
      assert.equal(decompress(bytes.subarray(0, length), output.length), undefined, `${length} bytes`);
    }
  });
}

test('decompress() copies from as far back as 8192 bytes', () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 8192 }, (_, i) => (i * i) >>> 5));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 32) pieces.push(Buffer.of(31), bytes.subarray(at, at + 32));
  const input = Buffer.concat([...pieces, Buffer.of(0x3f, 0xff)]);
  assert.deepEqual(decompress(input, 8195), Buffer.concat([bytes, bytes.subarray(0, 3)]));
});

test('decompress() reads as many bytes as there are, and copies as many from any distance', () => {
  const text = 'abcdefghijklmnopqrstuvwxyz012345';
  for (let own = 1; own <= text.length; own += 1) {
    const start = text.slice(0, own);
    for (let distance = 1; distance <= own; distance += 1) {
      for (let count = 3; count <= 20; count += 1) {
        const copy = count < 9 ? [(count - 2) << 5, distance - 1] : [0xe0, count - 9, distance - 1];
        const input = Buffer.concat([Buffer.of(own - 1), Buffer.from(start), Buffer.from(copy)]);
        const expected =
          start +
          start
            .slice(own - distance)
            .repeat(count)
            .slice(0, count);
        assert.equal(decompress(input, own + count)?.toString(), expected, `${count} bytes from ${distance} back`);
      }
    }
  }
});

test('decompress() refuses a copy from before the beginning', () => {
  assert.equal(decompress(Buffer.of(0x00, 0x61, 0x20, 0x01), 4), undefined);
  assert.equal(decompress(Buffer.of(0x20, 0x00), 3), undefined);
});

test('isPossibleLength() refuses what no compression could have come from', () => {
  assert.ok(isPossibleLength(3, 264));
  assert.ok(!isPossibleLength(3, 265));
  assert.ok(!isPossibleLength(3, 0));
  assert.ok(!isPossibleLength(0, 1));
});

test('decompressPieces() gives what decompress() gives, whatever the size of the pieces', () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 30_016 }, (_, i) => (i * i) >>> 7));
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 32) {
    parts.push(Buffer.of(31), bytes.subarray(at, at + 32));
    // From far back, from near, and from what the copy itself writes.
    if (at >= 8192) parts.push(Buffer.of(0x3f, 0xff), Buffer.of(0xe0, 0xff, at & 0x7f));
  }
  const input = Buffer.concat(parts);
  const copies = parts.filter(({ length }) => length === 3).length;
  const whole = decompress(input, bytes.length + copies * (3 + 264))!;
  assert.ok(whole.length > 100_000);
  for (const size of [1, 100, 4096, 8192, 65_536, 1_000_000]) {
    const pieces = decompressPieces(input, whole.length, size);
    const got: Buffer[] = [];
    let next = pieces.next();
    for (; next.done !== true; next = pieces.next()) got.push(next.value);
    assert.equal(next.value, true);
    assert.ok(got.slice(0, -1).every((piece) => piece.length === size) && got.at(-1)!.length <= size);
    assert.ok(Buffer.concat(got).equals(whole), `pieces of ${size}`);
  }
});

test('decompressPieces() tells what is not sound, and gives no more than was said', () => {
  for (const [name, input, output] of cases) {
    for (const [length, bytes] of [
      [output.length + 1, input],
      [output.length - 1, input],
      [output.length, input.slice(0, -1)],
    ] as const) {
      const pieces = decompressPieces(Buffer.from(bytes), length, 4);
      let given = 0;
      let next = pieces.next();
      for (; next.done !== true; next = pieces.next()) given += next.value.length;
      assert.equal(next.value, false, name);
      assert.ok(given <= output.length);
    }
  }
});

test('decompressHead() gives the first bytes, of a part of the input as well', () => {
  for (const [, input, output] of cases) {
    assert.equal(decompressHead(Buffer.from(input), 3).toString(), output.slice(0, 3));
    assert.equal(decompressHead(Buffer.from(input), 1000).toString(), output);
    assert.ok(output.startsWith(decompressHead(Buffer.from(input.slice(0, 2)), 3).toString()));
  }
});
