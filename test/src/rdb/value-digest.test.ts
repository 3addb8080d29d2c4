// Digests of values in pieces say what the comparison of the whole values says, for all recorded payloads against each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { differenceOf } from '../../../src/rdb/compare.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import { FieldTimes, ValueDigest } from '../../../src/rdb/value-digest.ts';
import { payloadPieces } from '../../../src/rdb/pieces.ts';
import type { Value } from '../../../src/rdb/value.ts';
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
  const hash: Value = { type: 'hash', fields: [{ field: b('f'), value: b('v'), expireAt: NEVER }] };
  const zset: Value = { type: 'zset', entries: [{ member: b('m'), score: 0 }] };
  for (const [left, right, difference] of [
    [list, set, 'type'],
    [list, { type: 'list', items: ['a', 'b'].map(b) }, 'length'],
    [list, { type: 'list', items: ['a', 'c', 'b'].map(b) }, 'elements'],
    [list, { type: 'list', items: ['a', 'bc', ''].map(b) }, 'elements'],
    [set, { type: 'set', members: ['c', 'a', 'b'].map(b) }, undefined],
    [set, { type: 'set', members: ['a', 'b', 'd'].map(b) }, 'elements'],
    [set, { type: 'set', members: ['b', 'a', 'a'].map(b) }, 'elements'],
    [hash, { type: 'hash', fields: [{ field: b('f'), value: b('w'), expireAt: NEVER }] }, 'elements'],
    [hash, { type: 'hash', fields: [{ field: b('f'), value: b('v'), expireAt: 5e12 }] }, 'elements'],
    [zset, { type: 'zset', entries: [{ member: b('m'), score: -0 }] }, undefined],
    [zset, { type: 'zset', entries: [{ member: b('m'), score: 1 }] }, 'elements'],
    [{ type: 'string', value: b('abc') }, { type: 'string', value: b('abd') }, 'value'],
  ] satisfies [Value, Value, string | undefined][]) {
    const digests = [left, right].map((value) => digestOf(encodePayload(value, 12)));
    assert.equal(digests[0]!.differenceFrom(digests[1]!), difference);
  }
});

const hashOf = (fields: number, expireAt: (index: number) => number): Value => ({
  type: 'hash',
  fields: Array.from({ length: fields }, (_, i) => ({ field: b(`${i}`), value: b('v'), expireAt: expireAt(i) })),
});

/** As a comparison does it, with so many expiries at once. */
function differs(left: Value, right: Value, tolerance: number, most: number): { difference?: string; passes: number } {
  let passes = 0;
  for (let [part, parts] = [0, 1]; part < parts; part += 1) {
    passes += 1;
    const times = [new FieldTimes(part, parts, most), new FieldTimes(part, parts, most)] as const;
    const digests = [left, right].map((value, side) => {
      const digest = new ValueDigest(times[side]);
      for (const piece of payloadPieces(encodePayload(value, 80))) digest.add(piece);
      return digest;
    });
    const difference = digests[0]!.differenceFrom(digests[1]!, tolerance);
    if (difference !== undefined) return { difference, passes };
    const needed = Math.max(...times.map(({ partsNeeded }) => partsNeeded));
    if (needed > parts) [part, parts] = [-1, needed];
  }
  return { passes };
}

test('FieldTimes finds one expiry that is too far away among many that are close, in as many passes as it takes', () => {
  const close = hashOf(1000, (i) => 5e12 + (i % 10));
  const reference = hashOf(1000, () => 5e12);
  for (const most of [10_000, 100]) {
    const { difference, passes } = differs(reference, close, 9, most);
    assert.deepEqual([difference, passes > 1], [undefined, most < 1000]);
    for (const odd of [0, 499, 999]) {
      const far = hashOf(1000, (i) => 5e12 + (i === odd ? 11 : i % 10));
      assert.equal(differs(reference, far, 9, most).difference, 'field expiries');
      const never = hashOf(1000, (i) => (i === odd ? -1 : 5e12));
      assert.equal(differs(reference, never, 9, most).difference, 'elements');
    }
  }
});
