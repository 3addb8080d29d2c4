// What stands around a value: the footer is read, verified, and written anew so that another version may take the payload.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bytes } from '../../../resp/bytes.ts';
import { Crc64 } from '../../../src/rdb/crc64.ts';
import { bodyOf, isIntact, PayloadError, versionOf, withFooter, withVersion } from '../../../src/rdb/payload.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';

test('versionOf() and isIntact() read the footers of every server', () => {
  for (const { server, rdbVersion, payloads } of readPayloads()) {
    for (const { name, payload } of payloads) {
      assert.equal(versionOf(payload), rdbVersion, `${server}: ${name}`);
      assert.ok(isIntact(payload), `${server}: ${name}`);
      assert.deepEqual(withFooter(bodyOf(payload), rdbVersion), payload, `${server}: ${name}`);
    }
  }
});

test('withVersion() changes the version and keeps the value', () => {
  const payload = readPayloads().find(({ server }) => server.startsWith('valkey 9'))!.payloads[0]!.payload;
  const older = withVersion(payload, 11);
  assert.equal(versionOf(payload), 80);
  assert.equal(versionOf(older), 11);
  assert.ok(isIntact(older));
  assert.deepEqual(bodyOf(older), bodyOf(payload));
  assert.deepEqual(withVersion(older, 80), payload);
});

test('The functions of the footer refuse less than a payload has', () => {
  for (let length = 0; length <= 10; length += 1) {
    for (const ask of [versionOf, isIntact, bodyOf]) assert.throws(() => ask(Buffer.alloc(length)), PayloadError);
  }
});

test('Crc64 gives the check value of CRC-64/Jones', () => {
  assert.equal(new Crc64().value, 0n);
  assert.equal(new Crc64().update(Buffer.from('123456789')).value, 0xe9c6d914c4b8d9can);
});

test('Crc64 gives what the definition gives, for every length and alignment', () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 80 }, (_, i) => i * i * 7 + 13));
  for (let start = 0; start < 9; start += 1) {
    for (let end = start; end <= bytes.length; end += 1) {
      const part = bytes.subarray(start, end);
      assert.equal(new Crc64().update(part).value, bitwise(part), `${start} to ${end}`);
    }
  }
});

test('Crc64 takes the bytes in pieces', () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 100 }, (_, i) => i * 11));
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const crc = new Crc64().update(bytes.subarray(0, cut)).update(bytes.subarray(cut));
    assert.equal(crc.value, bitwise(bytes));
    assert.equal((BigInt(crc.high) << 32n) | BigInt(crc.low), crc.value);
  }
});

test('Crc64.append() goes on as if it had taken the bytes itself, however many', () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 70_000 }, (_, i) => i * i * 3 + 1));
  for (const length of [0, 1, 2, 3, 7, 8, 255, 256, 1000, 65_535, 65_536, 69_990]) {
    for (const start of [0, 1, 10]) {
      const rest = bytes.subarray(start, start + length);
      const crc = new Crc64().update(bytes.subarray(0, start)).append(new Crc64().update(rest), length);
      assert.equal(crc.value, new Crc64().update(bytes.subarray(0, start + length)).value, `${start}, ${length}`);
    }
  }
});

test('Crc64 takes many bytes, and those of a piece of memory, as it takes few', () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 3000 }, (_, i) => i * i * 5 + 7));
  for (const [start, end] of [
    [0, 1024],
    [3, 1028],
    [1, 2049],
    [5, 2996],
    [0, 3000],
    [7, 9],
    [2, 2],
  ] as const) {
    const expected = bitwise(bytes.subarray(start, end));
    assert.equal(new Crc64().update(bytes, start, end).value, expected);
    assert.equal(new Crc64().updateFrom(new Bytes(bytes), start, end).value, expected);
  }
});

function bitwise(bytes: Buffer): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc;
}
