// Passing over a value: it ends where decoding ends, and tells how much it is once it is decompressed, before anything is held.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../../src/rdb/byte-reader.ts';
import { isSameValue } from '../../../src/rdb/value-digest.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { PayloadError, withFooter } from '../../../src/rdb/payload.ts';
import { payloadIfAny } from '../../../src/rdb/encode.ts';
import { payloadPieces } from '../../../src/rdb/pieces.ts';
import { layoutOf, Skipper, unpackedSize } from '../../../src/rdb/skip.ts';
import { bombString, runLength } from '../../support/bombs.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import * as build from './payload-builder.ts';

const REST = Buffer.from('and what follows');

const recorded = readPayloads().flatMap(({ server, payloads }) =>
  payloads.map(({ name, payload }) => ({ name: `${server}: ${name}`, payload })),
);
const built = [
  { name: 'list', payload: build.payload(6, 1, build.length(2), build.strings('a', 'b')) },
  {
    name: 'zset',
    payload: build.payload(
      6,
      3,
      build.length(2),
      build.string('a'),
      build.textScore('1.5'),
      build.string('b'),
      Buffer.of(254),
    ),
  },
  { name: 'zipmap', payload: build.payload(6, 9, build.string(build.zipmap([['a', 'b']]))) },
  {
    name: 'hash before 7.4',
    payload: build.payload(12, 22, build.length(1), build.length(1), build.strings('a', 'b')),
  },
  { name: 'packed hash before 7.4', payload: build.payload(12, 23, build.string(build.listpack(['a', 'b', 0]))) },
  {
    name: 'module',
    payload: build.payload(10, 7, build.length(2n ** 63n, 64), build.length(2), build.length(7), build.length(0)),
  },
];

function skipValue(reader: ByteReader, typeByte: number, version: number): void {
  new Skipper().begin(layoutOf(typeByte, version)).run(reader);
}

test('Skipper stops at the byte at which decodePayload() has read all of the value', () => {
  for (const { name, payload } of [...recorded, ...built]) {
    const reader = new ByteReader(Buffer.concat([payload.subarray(1, -10), REST]), 'a value');
    skipValue(reader, payload[0]!, payload.readUInt16LE(payload.length - 10));
    assert.equal(reader.left, REST.length, name);
    assert.doesNotThrow(() => decodePayload(payload), name);
  }
});

test('Skipper refuses a value that is cut short', () => {
  for (const { name, payload } of [...recorded, ...built]) {
    const bytes = payload.subarray(1, -10);
    const version = payload.readUInt16LE(payload.length - 10);
    for (let length = 0; length < Math.min(bytes.length, 300); length += 1) {
      const reader = new ByteReader(bytes.subarray(0, length), 'a value');
      assert.throws(() => skipValue(reader, payload[0]!, version), PayloadError, `${name}: ${length} bytes`);
    }
  }
});

test('layoutOf() and decodePayload() refuse type bytes that no server of that version writes', () => {
  for (const [typeByte, version] of [
    [8, 6],
    [26, 12],
    [23, 80],
    [25, 80],
    [255, 80],
  ] as const) {
    assert.throws(() => skipValue(new ByteReader(REST, 'a value'), typeByte, version), PayloadError);
    assert.throws(() => decodePayload(build.payload(version, typeByte, REST)), PayloadError);
  }
});

const MIB = 2 ** 20;
const UNIT = Buffer.from('abcdefg');
const COPIES = 4_000;
const LENGTH = runLength(UNIT, COPIES);
const ELEMENT_BYTES = 100;
const FIELDS = 10;
/** Of Redis 7.4, so that no older server takes it with another footer; so many fields, each of 1 MiB and more. */
const hashOfBombs = (last = '0'): Buffer =>
  build.payload(
    12,
    24,
    build.milliseconds(4_102_444_800_000),
    build.length(FIELDS + 1),
    ...Array.from({ length: FIELDS }, (_, i) =>
      Buffer.concat([build.length(0), build.string(`f${i}`), bombString(UNIT, COPIES)]),
    ),
    Buffer.concat([build.length(0), build.strings('last', last)]),
  );

test('unpackedSize() counts what decompression adds, and every element', () => {
  const payload = build.payload(
    9,
    2,
    build.length(2),
    build.compressedString('a'.repeat(100)),
    bombString(UNIT, COPIES),
  );
  const size = unpackedSize(payload);
  const exact = 1 + 1 + 100 + LENGTH + 2 * ELEMENT_BYTES;
  assert.ok(size >= exact && size < exact + 100, `${size}, not ${exact}`);
});

test('unpackedSize() knows how many elements are packed in a string, also in one that is compressed', () => {
  const members = Array.from({ length: 60 }, (_, i) => i % 100);
  const plain = build.listpack(members);
  const packed = build.compressedString(plain.toString('latin1'));
  for (const [typeByte, value] of [
    [20, build.string(plain)],
    [20, packed],
    [10, build.string(build.ziplist(members.map(BigInt)))],
    [11, build.string(build.intset(2, members.map(BigInt)))],
    [14, Buffer.concat([build.length(1), build.string(build.ziplist(members.map(BigInt)))])],
  ] as const) {
    const size = unpackedSize(build.payload(11, typeByte, value));
    assert.ok(size > 60 * ELEMENT_BYTES && size < 62 * ELEMENT_BYTES + 400, `type byte ${typeByte}: ${size}`);
  }
});

test('unpackedSize() is no less than what the recorded payloads hold', () => {
  for (const { server, payloads } of readPayloads()) {
    for (const { name, payload } of payloads) {
      const value = decodePayload(payload);
      if (value.type === 'string') assert.ok(unpackedSize(payload) >= value.value.length - 10, `${server} ${name}`);
      if (value.type === 'hash') {
        const bytes = value.fields.reduce((sum, { field, value }) => sum + field.length + value.length, 0);
        assert.ok(unpackedSize(payload) >= bytes, `${server} ${name}`);
      }
    }
  }
});

test('unpackedSize() is not impressed by lengths that lie', () => {
  const lie = build.payload(9, 0, bombString(UNIT, 10, 4_000_000_000));
  assert.ok(unpackedSize(lie) < 10_000);
  const listpack = build.listpack([1, 2, 3]);
  listpack.writeUInt16LE(1, 4);
  assert.throws(() => decodePayload(build.payload(11, 20, build.string(listpack))), /has 2 elements and not 1/);
  const ziplist = build.ziplist([1n, 2n, 3n]);
  ziplist.writeUInt16LE(2, 8);
  assert.throws(() => decodePayload(build.payload(9, 10, build.string(ziplist))), /has 3 elements and not 2/);
});

test('payloadIfAny() decodes nothing that takes more than it may', () => {
  const payload = hashOfBombs();
  assert.ok(payload.length < MIB / 5 && unpackedSize(payload) > 10 * MIB);
  const before = process.memoryUsage().arrayBuffers;
  assert.equal(payloadIfAny(payload, 9, 6 * MIB), undefined);
  assert.ok(process.memoryUsage().arrayBuffers - before < MIB);
  // What only needs another footer is never taken apart.
  const plain = build.payload(12, 0, bombString(UNIT, COPIES));
  assert.equal(payloadIfAny(plain, 9, MIB / 10)?.length, plain.length);
});

test('payloadPieces() decompresses one element at a time, and a string in parts', () => {
  let [fields, bytes] = [0, 0];
  for (const piece of payloadPieces(hashOfBombs())) {
    assert.ok(piece.type === 'hash');
    fields += piece.fields.length;
    bytes = Math.max(
      bytes,
      piece.fields.reduce((sum, { value }) => sum + value.length, 0),
    );
  }
  assert.deepEqual([fields, bytes], [FIELDS + 1, LENGTH]);

  const parts: Buffer[] = [];
  const limits = { elements: 1, bytes: 100_000 };
  for (const piece of payloadPieces(build.payload(9, 0, bombString(UNIT, COPIES)), limits)) {
    assert.ok(piece.type === 'string');
    parts.push(piece.value);
  }
  assert.ok(parts.length > 10 && parts.every(({ length }) => length <= limits.bytes));
  const whole = Buffer.concat(parts);
  assert.equal(whole.length, LENGTH);
  assert.ok(whole.equals(Buffer.alloc(LENGTH, UNIT)));
});

test('payloadPieces() refuses an element that is too large to be held, once it is decompressed', () => {
  const copies = (66 * MIB) / 264;
  const payload = build.payload(9, 2, build.length(1), bombString(UNIT, copies));
  assert.throws(() => [...payloadPieces(payload)], /bytes are too many for a string/);
  const limits = { elements: 1024, bytes: MIB, unpacked: 80 * MIB };
  assert.equal([...payloadPieces(payload, limits)].length, 1);
});

test('isSameValue() finds the same with and without holding the values', () => {
  for (const most of [MIB / 10, 100 * MIB]) {
    // Alike but for a minimum that no field has.
    const other = Buffer.from(hashOfBombs().subarray(0, -10));
    other[1]! ^= 1;
    assert.ok(isSameValue(hashOfBombs(), withFooter(other, 12), most));
    assert.ok(!isSameValue(hashOfBombs(), hashOfBombs('1'), most));
  }
});
