// Decompression: each form of a piece, and every way in which it can be wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decompress, decompressHead, decompressPieces, isPossibleLength } from '../../../src/rdb/lzf.ts';

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
