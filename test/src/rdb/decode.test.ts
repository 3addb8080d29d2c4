// Payloads that real servers wrote, against what the same servers said of the key through native commands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { withFooter } from '../../../src/rdb/footer.ts';
import { PayloadError } from '../../../src/rdb/payload-error.ts';
import { typeOf } from '../../../src/rdb/type-byte.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { fieldExpiries, plainValue } from './plain-value.ts';

/** Above it, one cut a byte would take seconds and prove nothing more. */
const SMALL = 2000;

const files = readPayloads();

for (const { server, rdbVersion, payloads } of files) {
  test(`decodePayload() and typeOf() read what ${server} writes (RDB version ${rdbVersion})`, () => {
    assert.ok(payloads.length > 40);
    for (const { name, type, value, fieldExpiries: expiries, payload } of payloads) {
      const decoded = decodePayload(payload);
      assert.equal(decoded.type, type, name);
      assert.equal(typeOf(payload), type, name);
      assert.deepEqual(plainValue(decoded), value, name);
      if (decoded.type === 'hash') assert.deepEqual(fieldExpiries(decoded), expiries, name);
    }
  });

  test(`decodePayload() refuses every payload of ${server} that is cut short or has a byte too many`, () => {
    for (const { name, payload } of payloads) {
      const body = payload.subarray(0, -10);
      if (body.length > SMALL) continue;
      assertRefused(withFooter(Buffer.concat([body, Buffer.of(0)]), rdbVersion), `${name} and a byte`);
      for (let length = 0; length < body.length; length += 1) {
        assertRefused(payload.subarray(0, length), `${name}: ${length} bytes, no footer`);
        assertRefused(withFooter(body.subarray(0, length), rdbVersion), `${name}: ${length} bytes and a footer`);
      }
    }
  });
}

test('The recorded payloads hold every type byte that the servers of today write', () => {
  const found = new Set(files.flatMap(({ payloads }) => payloads.map(({ payload }) => payload[0]!)));
  const expected = [0, 2, 4, 5, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 24, 25];
  assert.deepEqual(
    [...found].toSorted((left, right) => left - right),
    expected,
  );
});

test('decodePayload() refuses a payload of which one bit is another', () => {
  const payload = Buffer.from(files[0]!.payloads[0]!.payload);
  for (let bit = 0; bit < payload.length * 8; bit += 1) {
    payload[bit >>> 3]! ^= 1 << (bit & 7);
    assertRefused(payload, `bit ${bit}`);
    payload[bit >>> 3]! ^= 1 << (bit & 7);
  }
});

function assertRefused(payload: Buffer, name: string): void {
  assert.throws(
    () => decodePayload(payload),
    (error) => {
      assert.ok(error instanceof PayloadError, `${name}: ${String(error)}`);
      assert.equal(error.code, 'PAYLOAD');
      assert.match(error.message, /^Cannot decode a .*: .*[^.]$/, name);
      assert.ok(error.offset !== undefined && error.offset >= 0 && error.offset <= payload.length, name);
      return true;
    },
    name,
  );
}
