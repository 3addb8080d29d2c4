// Values as JSON come back as they were: those of real servers, and all that a type can hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { escapeJson } from '../../../resp/escapes.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { JsonWriter } from '../../../src/rdb/json-writer.ts';
import { LAST, NEVER } from '../../../src/rdb/milliseconds.ts';
import { PayloadError } from '../../../src/rdb/payload.ts';
import { jsonTypeOf, writePayload } from '../../../src/rdb/payload-json.ts';
import { PieceJson } from '../../../src/rdb/piece-json.ts';
import { beginLine, endLine } from '../../../src/rdb/value-json.ts';
import type { HashField, ZsetEntry } from '../../../src/rdb/value.ts';
import { bytesOf, integerOf, readLine, scoreOf, valueOf } from '../../support/exported.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { runs } from '../../support/tier.ts';
import * as build from './payload-builder.ts';

const files = readPayloads();

function written(write: (json: JsonWriter) => void): Buffer {
  const json = new JsonWriter();
  write(json);
  return Buffer.concat(json.take().pieces);
}

function parsed(write: (json: JsonWriter) => void): unknown {
  return JSON.parse(written(write).toString());
}

for (const { server, payloads } of files) {
  test(`writePayload() writes all that payloads of ${server} hold`, () => {
    for (const { name, type, payload } of payloads) {
      const line = written((json) => {
        beginLine(json, 3, Buffer.from(name), jsonTypeOf(payload), NEVER);
        writePayload(json, payload);
        endLine(json);
      });
      assert.equal(line.indexOf('\n'), line.length - 1, name);
      const { value, ...key } = readLine(line.toString());
      assert.deepEqual(key, { db: 3, key: Buffer.from(name), type, expireAt: null }, name);
      assert.deepEqual(value, decodePayload(payload), name);
    }
  });
}

const pieceOfText = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom('\0', '"\\', '\u007f', '\u0085', '\u202e', '\u2028', '\ufeff', 'ü', '漢字', '😀')
    .map((text) => Buffer.from(text)),
);
const byteString = fc.oneof(
  fc.array(pieceOfText, { maxLength: 6 }).map((pieces) => Buffer.concat(pieces)),
  // Longer than what is written at once.
  fc.tuple(pieceOfText, fc.nat(4000)).map(([piece, times]) => Buffer.concat(Array<Buffer>(times).fill(piece))),
);

test('JsonWriter.bytes() writes any byte string so that it comes back, on one line that a terminal does not obey', () => {
  fc.assert(
    fc.property(fc.array(byteString, { maxLength: 20 }), (strings) => {
      const json = new JsonWriter();
      for (const [i, bytes] of strings.entries()) {
        // As elements lie in a payload.
        json.byte(i === 0 ? 0x5b : 0x2c);
        json.bytes(Buffer.concat([Buffer.of(0xff), bytes, Buffer.of(0xff)]), 1, bytes.length + 1);
      }
      if (strings.length === 0) json.byte(0x5b);
      json.byte(0x5d);
      const text = Buffer.concat(json.take().pieces).toString();
      assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      assert.deepEqual((JSON.parse(text) as string[]).map(bytesOf), strings);
    }),
    runs(100),
  );
});

test('JsonWriter.bytes() writes text as it is, and base64 only where it is none', () => {
  const examples: readonly [Buffer, unknown][] = [
    [Buffer.from('{"name":"Jürgen"}'), '{"name":"Jürgen"}'],
    [Buffer.from(''), ''],
    [Buffer.of(0xff, 0), { base64: '/wA=' }],
    [Buffer.from('ü').subarray(0, 1), { base64: 'ww==' }],
    // Halves of surrogates and detours around the shortest form are no UTF-8.
    [Buffer.of(0xed, 0xa0, 0x80), { base64: '7aCA' }],
    [Buffer.of(0xc0, 0x80), { base64: 'wIA=' }],
  ];
  for (const [bytes, expected] of examples)
    assert.deepEqual(
      parsed((json) => json.bytes(bytes)),
      expected,
    );
  assert.equal(written((json) => json.bytes(Buffer.from('Jürgen'))).toString(), '"Jürgen"');
});

test('JsonWriter.double() writes every score so that the same double comes back', () => {
  fc.assert(
    fc.property(fc.double(), (score) => {
      assert.ok(Object.is(scoreOf(parsed((json) => json.double(score)) as number | string), score));
    }),
    runs(300),
  );
  for (const score of [Infinity, -Infinity, NaN, -0, 0, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2 ** 53, 3, -1e9])
    assert.ok(Object.is(scoreOf(parsed((json) => json.double(score)) as number | string), score), String(score));
});

test('JsonWriter.integer() writes a number where that is exact, and digits as a string beyond', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n })), (n) => {
      assert.equal(BigInt(integerOf(parsed((json) => json.integer(n)) as number | string)), BigInt(n));
    }),
    runs(300),
  );
  assert.equal(written((json) => json.integer(LAST)).toString(), '"9223372036854775807"');
});

test('JsonWriter.rewind() takes back all that was written since mark(), over several chunks too', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(90_000), fc.nat(200_000)), { maxLength: 5 }), (lengths) => {
      const json = new JsonWriter();
      let expected = '';
      for (const [kept, dropped] of lengths) {
        json.bytes(Buffer.alloc(kept, 'k'));
        expected += `"${'k'.repeat(kept)}"`;
        json.mark();
        json.bytes(Buffer.alloc(dropped, 'd'));
        json.rewind();
      }
      assert.equal(json.length, expected.length);
      assert.ok(Buffer.concat(json.take().pieces).equals(Buffer.from(expected)));
    }),
    runs(50),
  );
});

test('JsonWriter writes into chunks again once they were given back, and not before', () => {
  const json = new JsonWriter();
  let expected = '';
  const left: Buffer[] = [];
  for (let round = 0; round < 8; round++) {
    const letter = String.fromCharCode(0x61 + round);
    json.bytes(Buffer.alloc(100_000, letter));
    expected += `"${letter.repeat(100_000)}"`;
    const { pieces, spent } = json.take();
    left.push(...pieces.map((piece) => Buffer.from(piece)));
    json.reuse(spent);
  }
  assert.ok(Buffer.concat(left).equals(Buffer.from(expected)));
});

test('escapeJson() leaves a text that means the same and has nothing in it that a terminal would obey', () => {
  const text = 'a\u202E\u2028\u007F\u009B\u{E0041}é😀';
  const json = escapeJson(JSON.stringify({ text }));
  assert.equal(json, String.raw`{"text":"a\u202e\u2028\u007f\u009b\udb40\udc41é😀"}`);
  assert.deepEqual(JSON.parse(json), { text });
});

test('Scores that no command can write, and expiries of fields beyond 2^53, come back', () => {
  const scores = [NaN, Infinity, -Infinity, -0, 0.1];
  const doubles = scores.map((score, i) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(score);
    return Buffer.concat([build.string(`m${i}`), bytes]);
  });
  const zset = build.payload(9, 5, build.length(scores.length), ...doubles);
  const entries: ZsetEntry[] = scores.map((score, i) => ({ member: Buffer.from(`m${i}`), score }));
  assert.deepEqual(
    valueOf(
      'zset',
      parsed((json) => writePayload(json, zset)),
    ),
    { type: 'zset', entries },
  );
  const fields: HashField[] = [
    { field: Buffer.from('a'), value: Buffer.from('1'), expireAt: LAST },
    { field: Buffer.from('b'), value: Buffer.from('2'), expireAt: NEVER },
    { field: Buffer.from('c'), value: Buffer.from('3'), expireAt: 1_700_000_000_000 },
  ];
  const json = parsed((json) => {
    const value = new PieceJson(json);
    for (const _ of value.add({ type: 'hash', fields }));
    for (const _ of value.end());
  });
  assert.deepEqual(json, [
    ['a', '1', '9223372036854775807'],
    ['b', '2'],
    ['c', '3', 1_700_000_000_000],
  ]);
  assert.deepEqual(valueOf('hash', json), { type: 'hash', fields });
});

test('Values of modules, and of a type that rump does not know, are written as their payloads', () => {
  const unknown = build.payload(99, 77, Buffer.from('anything'));
  assert.equal(jsonTypeOf(unknown), 'unknown');
  assert.deepEqual(
    valueOf(
      'unknown',
      parsed((json) => writePayload(json, unknown)),
    ),
    { dump: unknown },
  );
});

test('writePayload() throws at a damaged payload', () => {
  const { payload } = files[0]!.payloads[0]!;
  const damaged = Buffer.from(payload);
  damaged[damaged.length - 1]! ^= 1;
  assert.throws(() => writePayload(new JsonWriter(), damaged), PayloadError);
});
