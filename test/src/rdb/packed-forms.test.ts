// Packed collections that contradict themselves: each has one thing wrong, and would else give a value that nobody wrote.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { PayloadError } from '../../../src/rdb/payload.ts';
import * as build from './payload-builder.ts';
import { plainValue } from './plain-value.ts';

const LIST_ZIPLIST = 10;
const SET_INTSET = 11;
const HASH_ZIPMAP = 9;
const SET_LISTPACK = 20;
const HASH_LISTPACK = 16;
const ZSET_LISTPACK = 17;

type Change = (bytes: Buffer) => Buffer | void;

interface Fault {
  readonly name: string;
  readonly typeByte: number;
  readonly packed: Buffer;
  readonly change: Change;
  readonly why: RegExp;
}

const ziplist = build.ziplist(['ab', 'cd', 300n]);
const listpack = build.listpack(['ab', 'cd', 5]);
const intset = build.intset(2, [1n, 2n, 3n]);
const zipmap = build.zipmap([
  ['a', 'b'],
  ['c', 'd'],
]);

const faults: readonly Fault[] = [
  ...(
    [
      ['another size than it says', (bytes) => void bytes.writeUInt32LE(bytes.length + 1), /another size than it says/],
      ['no end', (bytes) => void bytes.writeUInt8(0, bytes.length - 1), /no end/],
      ['more elements than it says', (bytes) => void bytes.writeUInt16LE(2, 8), /has 3 elements and not 2/],
      ['fewer elements than it says', (bytes) => void bytes.writeUInt16LE(4, 8), /has 3 elements and not 4/],
      ['a size before an element that is another', (bytes) => void bytes.writeUInt8(9, 14), /another one/],
      ['a last element that is too long', (bytes) => void bytes.writeUInt8(0xd0, 19), /does not fit/],
      ['a string that runs over the end', (bytes) => void bytes.writeUInt8(30, 15), /does not fit/],
      ['an element of no kind', (bytes) => void bytes.writeUInt8(0x90, 15), /no element begins/],
      ['no room', () => Buffer.alloc(10), /eleven bytes/],
    ] satisfies [string, Change, RegExp][]
  ).map(([name, change, why]) => ({
    name: `a ziplist with ${name}`,
    typeByte: LIST_ZIPLIST,
    packed: ziplist,
    change,
    why,
  })),
  ...(
    [
      ['another size than it says', (bytes) => void bytes.writeUInt32LE(bytes.length - 1), /another size than it says/],
      ['no end', (bytes) => void bytes.writeUInt8(0, bytes.length - 1), /no end/],
      ['more elements than it says', (bytes) => void bytes.writeUInt16LE(2, 4), /has 3 elements and not 2/],
      ['fewer elements than it says', (bytes) => void bytes.writeUInt16LE(4, 4), /has 3 elements and not 4/],
      ['a size behind an element that is another', (bytes) => void bytes.writeUInt8(4, 9), /another one/],
      ['a string that runs over the end', (bytes) => void bytes.writeUInt8(0xbf, 10), /another one/],
      ['a last integer that is too long', (bytes) => void bytes.writeUInt8(0xf4, 14), /does not fit/],
      ['an element of no kind', (bytes) => void bytes.writeUInt8(0xf7, 6), /no element begins/],
      ['no room', () => Buffer.alloc(6), /seven bytes/],
    ] satisfies [string, Change, RegExp][]
  ).map(([name, change, why]) => ({
    name: `a listpack with ${name}`,
    typeByte: SET_LISTPACK,
    packed: listpack,
    change,
    why,
  })),
  ...(
    [
      ['integers of three bytes', (bytes) => void bytes.writeUInt32LE(3), /no 3 bytes/],
      ['more integers than it says', (bytes) => void bytes.writeUInt32LE(2, 4), /another size than it says/],
      ['far more integers than there are bytes', (bytes) => void bytes.writeUInt32LE(0xffff_ffff, 4), /another size/],
    ] satisfies [string, Change, RegExp][]
  ).map(([name, change, why]) => ({
    name: `an intset with ${name}`,
    typeByte: SET_INTSET,
    packed: intset,
    change,
    why,
  })),
  ...(
    [
      ['another size than it says', (bytes) => void bytes.writeUInt8(3), /another size than it says/],
      ['a field without a value', (bytes) => Buffer.concat([bytes.subarray(0, 3), Buffer.of(0xff)]), /no value/],
      ['bytes behind its end', (bytes) => Buffer.concat([bytes, Buffer.of(0xff)]), /bytes follow/],
      ['no end', (bytes) => bytes.subarray(0, -1), /end 1 too early/],
    ] satisfies [string, Change, RegExp][]
  ).map(([name, change, why]) => ({
    name: `a zipmap with ${name}`,
    typeByte: HASH_ZIPMAP,
    packed: zipmap,
    change,
    why,
  })),
  {
    name: 'a hash with a field and no value',
    typeByte: HASH_LISTPACK,
    packed: listpack,
    change: () => undefined,
    why: /element is missing/,
  },
  {
    name: 'a sorted set with a score that is none',
    typeByte: ZSET_LISTPACK,
    packed: build.listpack(['ab', 'cd']),
    change: () => undefined,
    why: /score is not a number/,
  },
];

for (const { name, typeByte, packed, change, why } of faults) {
  test(`decodePayload() refuses ${name}`, () => {
    const copy = Buffer.from(packed);
    const bytes = change(copy) ?? copy;
    assert.throws(
      () => decodePayload(build.payload(11, typeByte, build.string(bytes))),
      (error) => error instanceof PayloadError && why.test(error.message) && / at byte \d+ of the /.test(error.message),
    );
  });
}

test('decodePayload() reads the same packed collections as long as nothing is wrong', () => {
  assert.deepEqual(read(LIST_ZIPLIST, ziplist), ['ab', 'cd', '300']);
  assert.deepEqual(read(SET_LISTPACK, listpack), ['5', 'ab', 'cd']);
  assert.deepEqual(read(SET_INTSET, intset), ['1', '2', '3']);
  assert.deepEqual(read(HASH_ZIPMAP, zipmap), [
    ['a', 'b'],
    ['c', 'd'],
  ]);
});

test('decodePayload() reads a packed collection that is too large to know its size', () => {
  const uncounted = Buffer.from(listpack);
  uncounted.writeUInt16LE(0xffff, 4);
  assert.deepEqual(read(SET_LISTPACK, uncounted), ['5', 'ab', 'cd']);
});

function read(typeByte: number, packed: Buffer): unknown {
  return plainValue(decodePayload(build.payload(11, typeByte, build.string(packed))));
}
