// Gzip as it comes from files: members, cuts, damage; and what was whole before a fault is there in any case.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { PackingError, unpack } from '../../../src/file/unpack.ts';
import { byteByByte, randomSplits } from '../../support/frames.ts';

const TEXT = Buffer.from(Array.from({ length: 40_000 }, (_, i) => `line ${i}`).join('\n'));
const PACKED = gzipSync(TEXT);

async function* chunksOf(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

async function unpackAll(pieces: readonly Buffer[]): Promise<{ bytes: Buffer; error?: Error }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of unpack(chunksOf(pieces))) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks) };
  } catch (error) {
    assert.ok(error instanceof PackingError, String(error));
    return { bytes: Buffer.concat(chunks), error };
  }
}

test('unpack() gives the bytes of every member, however they are cut', async () => {
  const large = Buffer.concat([gzipSync('first'), gzipSync(''), PACKED, gzipSync('last')]);
  const text = Buffer.concat([Buffer.from('first'), TEXT, Buffer.from('last')]);
  const small = Buffer.concat([gzipSync('first'), gzipSync(''), gzipSync('last')]);
  for (const [pieces, expected] of [
    [[large], text],
    [randomSplits(large, 1), text],
    [[Buffer.alloc(0), large], text],
    [byteByByte(small), Buffer.from('firstlast')],
  ] as const) {
    const { bytes, error } = await unpackAll(pieces);
    assert.equal(error, undefined);
    assert.ok(bytes.equals(expected));
  }
});

test('unpack() gives what was whole of a stream that ends too early, then fails', async () => {
  for (const missing of [1, 4, 8, 9, 1000, PACKED.length - 5, PACKED.length]) {
    const { bytes, error } = await unpackAll([PACKED.subarray(0, PACKED.length - missing)]);
    assert.equal(error?.message, 'the compressed data ends too early', `without the last ${missing} bytes`);
    assert.ok(bytes.equals(TEXT.subarray(0, bytes.length)));
    if (missing <= 8) assert.equal(bytes.length, TEXT.length);
    if (missing === 1000) assert.ok(bytes.length > TEXT.length / 2);
  }
});

test('unpack() gives what came before a damage, then fails', async () => {
  // Stored and not squeezed, so that the place of the damage is that of the bytes.
  const noise = randomBytes(1_000_000);
  const packed = gzipSync(noise);
  packed.writeUInt32LE(0, packed.length - 8);
  const { bytes, error } = await unpackAll([packed]);
  assert.equal(error?.message, 'the compressed data is damaged');
  assert.ok(bytes.length > 800_000 && bytes.equals(noise.subarray(0, bytes.length)));

  // All of it is unpacked in one go.
  const zeros = gzipSync(Buffer.alloc(10_000_000));
  zeros.writeUInt32LE(0, zeros.length - 8);
  const result = await unpackAll([zeros]);
  assert.equal(result.error?.message, 'the compressed data is damaged');
  assert.ok(result.bytes.length > 9_000_000);
});

test('unpack() fails on what is no gzip, at the start and behind a member', async () => {
  const first = await unpackAll([Buffer.from('*2\r\n')]);
  assert.equal(first.error?.message, 'the compressed data is damaged');
  for (const rest of ['*2\r\n', '\0\0\0', '\0more']) {
    for (const pieces of [[Buffer.concat([PACKED, Buffer.from(rest)])], [PACKED, Buffer.from(rest)]]) {
      const { bytes, error } = await unpackAll(pieces);
      assert.match(error?.message ?? '', /damaged|something follows the compressed data/, JSON.stringify(rest));
      assert.ok(bytes.equals(TEXT.subarray(0, bytes.length)));
    }
  }
});

test('unpack() does not run ahead of whoever takes the bytes', async () => {
  const zeros = Buffer.alloc(60_000_000);
  const packedZeros = gzipSync(zeros);
  let given = 0;
  async function* packed(): AsyncGenerator<Buffer> {
    for (given = 1; ; given++) yield packedZeros;
  }
  const before = process.memoryUsage().arrayBuffers;
  const unpacking = unpack(packed());
  for (let i = 0; i < 10; i++) assert.ok(((await unpacking.next()).value as Buffer).length > 0);
  assert.equal(given, 1);
  const needed = process.memoryUsage().arrayBuffers - before;
  // Where they came from has to be alive until here, or its memory would count as gained.
  assert.ok(needed < zeros.length / 2, `${needed} bytes of ${zeros.length} were unpacked`);
  await unpacking.return();
});

test('unpack() holds no more than one part of the packed bytes gives, whatever is packed in them', async () => {
  const MIB = 2 ** 20;
  const packed = gzipSync(Buffer.alloc(120 * MIB), { level: 9 });
  assert.ok(packed.length < MIB);
  let [total, most] = [0, 0];
  const before = process.memoryUsage().arrayBuffers;
  for await (const chunk of unpack(chunksOf([packed]))) {
    total += chunk.length;
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  assert.equal(total, 120 * MIB);
  // A part gives 17 MB at most; what was given out is collected by and by.
  assert.ok(most < 100 * MIB, `${most} bytes`);
});
