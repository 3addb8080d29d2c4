// Digests of values in pieces say what the comparison of the whole values says, for all recorded payloads against each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differenceOf } from '../../../src/rdb/compare.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import { ValueDigest } from '../../../src/rdb/value-digest.ts';
import { payloadPieces } from '../../../src/rdb/value-pieces.ts';
import type { Value } from '../../../src/value.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';

const IN_PIECES = { elements: 2, bytes: 40 };
const b = (text: string): Buffer => Buffer.from(text);

const recorded = readPayloads().flatMap(({ server, payloads }) =>
  payloads.map(({ name, payload }) => ({ server, name, payload, value: decodePayload(payload) })),
);

function digestOf(payload: Buffer, limits?: typeof IN_PIECES): ValueDigest {
  const digest = new ValueDigest();
  for (const piece of payloadPieces(payload, limits)) digest.add(piece);
  return digest;
}

test('ValueDigest.differenceFrom() agrees with differenceOf(), whatever the pieces and the server', () => {
  for (const left of recorded) {
    for (const right of recorded) {
      // Two of the same recipe are alike, and a few others prove that not all are.
      if (left.name !== right.name && left.name.split(':')[0] !== right.name.split(':')[0]) continue;
      const expected = differenceOf(left.value, right.value);
      // Recorded within the same second, they differ only in times that are one.
      if (expected === 'pending entries') continue;
      const difference = digestOf(left.payload, IN_PIECES).differenceFrom(digestOf(right.payload));
      assert.equal(
        difference === undefined,
        expected === undefined,
        `${left.server} ${left.name}, ${right.server} ${right.name}`,
      );
    }
  }
});

test('ValueDigest.differenceFrom() names what differs', () => {
  const list: Value = { type: 'list', items: ['a', 'b', 'c'].map(b) };
  const set: Value = { type: 'set', members: ['a', 'b', 'c'].map(b) };
  const hash: Value = { type: 'hash', fields: [{ field: b('f'), value: b('v'), expireAt: -1 }] };
  const zset: Value = { type: 'zset', entries: [{ member: b('m'), score: 0 }] };
  for (const [left, right, difference] of [
    [list, set, 'type'],
    [list, { type: 'list', items: ['a', 'b'].map(b) }, 'length'],
    [list, { type: 'list', items: ['a', 'c', 'b'].map(b) }, 'elements'],
    [list, { type: 'list', items: ['a', 'bc', ''].map(b) }, 'elements'],
    [set, { type: 'set', members: ['c', 'a', 'b'].map(b) }, undefined],
    [set, { type: 'set', members: ['a', 'b', 'd'].map(b) }, 'elements'],
    [hash, { type: 'hash', fields: [{ field: b('f'), value: b('w'), expireAt: -1 }] }, 'elements'],
    [hash, { type: 'hash', fields: [{ field: b('f'), value: b('v'), expireAt: 5e12 }] }, 'elements'],
    [zset, { type: 'zset', entries: [{ member: b('m'), score: -0 }] }, undefined],
    [zset, { type: 'zset', entries: [{ member: b('m'), score: 1 }] }, 'elements'],
    [{ type: 'string', value: b('abc') }, { type: 'string', value: b('abd') }, 'value'],
  ] satisfies [Value, Value, string | undefined][]) {
    const digests = [left, right].map((value) => digestOf(encodePayload(value, 12)));
    assert.equal(digests[0]!.differenceFrom(digests[1]!), difference);
  }
});
