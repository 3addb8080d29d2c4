// The checksum against the vector that its authors give, and against the bitwise definition.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crc64 } from '../../../src/rdb/crc64.ts';

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

function bitwise(bytes: Buffer): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc;
}
