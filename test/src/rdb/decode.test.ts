// Payloads that real servers wrote, against what they said of the key; and encodings that no server of today writes, built by
// hand.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { PayloadError, typeOf, withFooter } from '../../../src/rdb/payload.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { snapshot, type Value } from '../../support/snapshot.ts';
import * as build from './payload-builder.ts';
import { startPayloadServer, type PayloadServer } from './payload-server.ts';
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

interface OldPayload {
  readonly name: string;
  readonly version: number;
  readonly typeByte: number;
  readonly parts: readonly Buffer[];
  readonly type: string;
  readonly value: Value;
  readonly expiries?: Readonly<Record<string, number>>;
}

const FAR_AWAY = 4_102_444_800_123;
/** Written by servers that had no released successor for it: Redis 7.4 and 8.0 read it. */
const REDIS_7_4 = 12;
const LONG = 'long'.repeat(80);
const LARGE = 'large'.repeat(4000);
const EVERY_INTEGER = [0n, 12n, 13n, -1n, -128n, -129n, 32_767n, 8_388_607n, -8_388_609n, 2_147_483_647n];
const LARGEST = [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n];
const SCORES: readonly (readonly [text: string, score: number])[] = [
  ['-1.7976931348623157e+308', -Number.MAX_VALUE],
  ['-3.25', -3.25],
  ['4.9406564584124654e-324', 5e-324],
  ['0.10000000000000001', 0.1],
  ['1', 1],
  ['17179869184', 17_179_869_184],
];

const payloads: readonly OldPayload[] = [
  {
    name: 'a list, one by one (Redis 2.x)',
    version: 6,
    typeByte: 1,
    parts: [build.length(4), build.strings('a', '', LONG), build.compressedString('abc'.repeat(10))],
    type: 'list',
    value: ['a', '', LONG, 'abc'.repeat(10)],
  },
  {
    name: 'a list in a ziplist (Redis 2.x)',
    version: 6,
    typeByte: 10,
    parts: [build.string(build.ziplist(['a', LONG, 'b', ...EVERY_INTEGER, LARGE, '', ...LARGEST]))],
    type: 'list',
    value: ['a', LONG, 'b', ...EVERY_INTEGER.map(String), LARGE, '', ...LARGEST.map(String)],
  },
  {
    name: 'a sorted set with scores as text (Redis 2.x)',
    version: 6,
    typeByte: 3,
    parts: [
      build.length(SCORES.length + 2),
      ...SCORES.flatMap(([text]) => [build.string(text), build.textScore(text)]),
      build.string('high'),
      Buffer.of(254),
      build.string('low'),
      Buffer.of(255),
    ],
    type: 'zset',
    value: [['low', -Infinity], ...SCORES.map(([text, score]) => [text, score] as Value[]), ['high', Infinity]],
  },
  {
    name: 'a sorted set in a ziplist',
    version: 6,
    typeByte: 12,
    parts: [build.string(build.ziplist(['low', '-inf', 'five', 5n, 'half', '5.5', '7', 300n, 'high', 'inf']))],
    type: 'zset',
    value: [
      ['low', -Infinity],
      ['five', 5],
      ['half', 5.5],
      ['7', 300],
      ['high', Infinity],
    ],
  },
  {
    name: 'a hash in a zipmap (Redis 2.4)',
    version: 6,
    typeByte: 9,
    parts: [
      build.string(
        build.zipmap(
          [
            ['b', 'two'],
            ['a', ''],
            [LONG, LONG],
          ],
          3,
        ),
      ),
    ],
    type: 'hash',
    value: [
      ['a', ''],
      ['b', 'two'],
      [LONG, LONG],
    ],
  },
  {
    name: 'a hash in a ziplist',
    version: 6,
    typeByte: 13,
    parts: [build.string(build.ziplist(['a', 1n, '2', LONG]))],
    type: 'hash',
    value: [
      ['2', LONG],
      ['a', '1'],
    ],
  },
  {
    name: 'a set of integers of each width',
    version: 6,
    typeByte: 11,
    parts: [build.string(build.intset(8, [LARGEST[0]!, -1n, 70_000n, LARGEST[1]!]))],
    type: 'set',
    value: [LARGEST[0]!, -1n, 70_000n, LARGEST[1]!].map(String).toSorted(),
  },
  {
    name: 'lengths of 14, 32 and 64 bits where 6 would do',
    version: 9,
    typeByte: 2,
    parts: [
      build.length(3, 64),
      build.length(1, 14),
      Buffer.from('a'),
      build.length(1, 32),
      Buffer.from('b'),
      build.length(1, 64),
      Buffer.from('c'),
    ],
    type: 'set',
    value: ['a', 'b', 'c'],
  },
  {
    name: 'a hash whose fields expire, before 7.4 was released',
    version: REDIS_7_4,
    typeByte: 22,
    parts: [
      build.length(2),
      build.length(0),
      build.strings('a', '1'),
      build.length(BigInt(FAR_AWAY), 64),
      build.strings('b', '2'),
    ],
    type: 'hash',
    value: [
      ['a', '1'],
      ['b', '2'],
    ],
    expiries: { b: FAR_AWAY },
  },
  {
    name: 'a packed hash whose fields expire, before 7.4 was released',
    version: REDIS_7_4,
    typeByte: 23,
    parts: [build.string(build.listpack(['b', '2', BigInt(FAR_AWAY), 'a', '1', 0]))],
    type: 'hash',
    value: [
      ['a', '1'],
      ['b', '2'],
    ],
    expiries: { b: FAR_AWAY },
  },
  {
    name: 'a hash whose fields expire, as 7.4 has it',
    version: REDIS_7_4,
    typeByte: 24,
    parts: [
      build.milliseconds(FAR_AWAY),
      build.length(3),
      build.length(1),
      build.strings('first', '1'),
      build.length(0),
      build.strings('never', '2'),
      build.length(1001),
      build.strings('later', '3'),
    ],
    type: 'hash',
    value: [
      ['first', '1'],
      ['later', '3'],
      ['never', '2'],
    ],
    expiries: { first: FAR_AWAY, later: FAR_AWAY + 1000 },
  },
];

let server: PayloadServer;

before(async () => {
  server = await startPayloadServer();
});
after(() => server.stop());

for (const { name, version, typeByte, parts, type, value, expiries = {} } of payloads) {
  test(`decodePayload() reads ${name}`, async () => {
    const payload = build.payload(version, typeByte, ...parts);
    const decoded = decodePayload(payload);
    assert.equal(typeOf(payload), type);
    assert.deepEqual(plainValue(decoded), value);
    if (decoded.type === 'hash') assert.deepEqual(fieldExpiries(decoded), expiries);
    const { client, rdbVersion, hasFieldExpiry } = server;
    if (version === REDIS_7_4 && (rdbVersion !== REDIS_7_4 || !hasFieldExpiry)) return;
    await client.send('RESTORE', 'key', 0, payload, 'REPLACE');
    assert.deepEqual((await snapshot(client)).get('key')?.value, value, 'what the server reads');
    for (const [field, expiry] of Object.entries(expiries)) {
      assert.deepEqual(await client.send('HPEXPIRETIME', 'key', 'FIELDS', 1, field), [expiry]);
    }
  });
}
