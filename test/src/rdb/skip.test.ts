// Passing over a value: it has to end where decoding it ends, whatever the encoding.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../../src/rdb/byte-reader.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { PayloadError } from '../../../src/rdb/payload-error.ts';
import { skipValue } from '../../../src/rdb/skip.ts';
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

test('skipValue() stops at the byte at which decodePayload() has read all of the value', () => {
  for (const { name, payload } of [...recorded, ...built]) {
    const reader = new ByteReader(Buffer.concat([payload.subarray(1, -10), REST]), 'a value');
    skipValue(reader, payload[0]!, payload.readUInt16LE(payload.length - 10));
    assert.equal(reader.left, REST.length, name);
    assert.doesNotThrow(() => decodePayload(payload), name);
  }
});

test('skipValue() refuses a value that is cut short', () => {
  for (const { name, payload } of [...recorded, ...built]) {
    const bytes = payload.subarray(1, -10);
    const version = payload.readUInt16LE(payload.length - 10);
    for (let length = 0; length < Math.min(bytes.length, 300); length += 1) {
      const reader = new ByteReader(bytes.subarray(0, length), 'a value');
      assert.throws(() => skipValue(reader, payload[0]!, version), PayloadError, `${name}: ${length} bytes`);
    }
  }
});

test('skipValue() and decodePayload() refuse type bytes that no server of that version writes', () => {
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
