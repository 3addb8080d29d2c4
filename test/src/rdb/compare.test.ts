// What makes two values the same, and the word for what does not: of whole values, and by digests of their pieces.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differenceOf, NotComparable } from '../../../src/rdb/compare.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import { payloadPieces } from '../../../src/rdb/pieces.ts';
import { FieldTimes, ValueDigest } from '../../../src/rdb/value-digest.ts';
import type { HashValue, StreamGroup, StreamValue, Value, ZsetValue } from '../../../src/rdb/value.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import { count } from '../../support/tier.ts';

/** Of the recorded values. */
const EVERY = count(3, 1);

const b = (text: string): Buffer => Buffer.from(text, 'latin1');
const id = (ms: number): { ms: bigint; seq: bigint } => ({ ms: BigInt(ms), seq: 0n });
const list = (...items: string[]): Value => ({ type: 'list', items: items.map(b) });
const set = (...members: string[]): Value => ({ type: 'set', members: members.map(b) });
const zset = (...entries: [string, number][]): ZsetValue => ({
  type: 'zset',
  entries: entries.map(([member, score]) => ({ member: b(member), score })),
});
const hash = (...fields: [string, string, number][]): HashValue => ({
  type: 'hash',
  fields: fields.map(([field, value, expireAt]) => ({ field: b(field), value: b(value), expireAt })),
});
const group: StreamGroup = {
  name: b('readers'),
  lastId: id(2),
  entriesRead: 2n,
  pending: [{ id: id(1), consumer: b('alice'), deliveryTime: 1000, deliveryCount: 1 }],
  consumers: [{ name: b('alice'), seenTime: 1, activeTime: 1 }],
};
const stream: StreamValue = {
  type: 'stream',
  length: 2,
  entries: [1, 2].map((ms) => ({ id: id(ms), fields: [b('f'), b('v')] })),
  lastId: id(2),
  firstId: id(1),
  maxDeletedId: id(0),
  entriesAdded: 2n,
  groups: [group],
};
const withGroup = (change: Partial<StreamGroup>): StreamValue => ({ ...stream, groups: [{ ...group, ...change }] });
const [pending] = group.pending;
const [alice] = group.consumers;

const same: readonly (readonly [name: string, left: Value, right: Value])[] = [
  ['members in another order, one of them twice', set('a', 'b', 'a'), set('a', 'a', 'b')],
  ['members in another order', set('a', 'b', 'c'), set('c', 'a', 'b')],
  ['scores in another order', zset(['a', 1], ['b', 2]), zset(['b', 2], ['a', 1])],
  ['a zero with and without a sign', zset(['a', -0]), zset(['a', 0])],
  ['scores that are no numbers', zset(['a', NaN]), zset(['a', NaN])],
  ['fields in another order', hash(['a', '1', -1], ['b', '2', 5]), hash(['b', '2', 5], ['a', '1', -1])],
  [
    'a stream of which an old payload tells less',
    stream,
    { ...withGroup({ entriesRead: undefined }), maxDeletedId: undefined, entriesAdded: undefined },
  ],
  [
    'consumers seen at other times',
    stream,
    withGroup({ consumers: [{ name: b('alice'), seenTime: 9, activeTime: -1 }] }),
  ],
  ['deliveries within a second', stream, withGroup({ pending: [{ ...pending!, deliveryTime: 2000 }] })],
];

const different: readonly (readonly [word: string, left: Value, right: Value])[] = [
  ['type', list('a'), set('a')],
  ['value', { type: 'string', value: b('a') }, { type: 'string', value: b('b') }],
  ['length', list('a'), list('a', 'a')],
  ['items', list('a', 'b'), list('b', 'a')],
  ['size', set('a'), set('a', 'b')],
  ['members', set('a', 'b', 'c'), set('c', 'a', 'd')],
  ['members', set('b', 'a', 'a'), set('a', 'b', 'c')],
  ['members', set('b', 'a', 'a'), set('a', 'b', 'b')],
  ['members', zset(['a', 1]), zset(['b', 1])],
  ['members', zset(['b', 1], ['a', 1], ['a', 1]), zset(['a', 1], ['b', 1], ['c', 1])],
  ['scores', zset(['a', 1], ['b', 2]), zset(['b', 1], ['a', 2])],
  ['size', hash(['a', '1', -1]), hash()],
  ['fields', hash(['a', '1', -1]), hash(['b', '1', -1])],
  [
    'fields',
    hash(['b', '1', -1], ['a', '1', -1], ['a', '1', -1]),
    hash(['a', '1', -1], ['b', '1', -1], ['c', '1', -1]),
  ],
  ['values', hash(['a', '1', -1], ['b', '2', -1]), hash(['b', '1', -1], ['a', '2', -1])],
  ['field expiries', hash(['a', '1', -1]), hash(['a', '1', 1000])],
  ['length', stream, { ...stream, entries: [] }],
  ['length', stream, { ...stream, length: 3 }],
  ['entries', stream, { ...stream, entries: stream.entries.toReversed() }],
  ['entries', stream, { ...stream, entries: stream.entries.map((entry) => ({ ...entry, fields: [b('f'), b('w')] })) }],
  ['last id', stream, { ...stream, lastId: id(3) }],
  ['highest deleted id', stream, { ...stream, maxDeletedId: id(1) }],
  ['entries added', stream, { ...stream, entriesAdded: 3n }],
  ['groups', stream, { ...stream, groups: [] }],
  ['groups', stream, withGroup({ name: b('others') })],
  ['groups', { ...stream, groups: [group, group] }, { ...stream, groups: [group, { ...group, name: b('others') }] }],
  ['last id of a group', stream, withGroup({ lastId: id(1) })],
  ['entries read by a group', stream, withGroup({ entriesRead: -1n })],
  ['consumers', stream, withGroup({ consumers: [] })],
  [
    'consumers',
    withGroup({ consumers: [alice!, alice!] }),
    withGroup({ consumers: [alice!, { ...alice!, name: b('bob') }] }),
  ],
  ['pending entries', stream, withGroup({ pending: [] })],
  ['pending entries', stream, withGroup({ pending: [{ ...pending!, deliveryCount: 2 }] })],
  ['pending entries', stream, withGroup({ pending: [{ ...pending!, consumer: b('bob') }] })],
  ['pending entries', stream, withGroup({ pending: [{ ...pending!, deliveryTime: 2001 }] })],
  ['pending entries', stream, withGroup({ pending: [{ ...pending!, id: id(2) }] })],
  ['module', module('one', 1, 'x'), module('two', 1, 'x')],
];

for (const [name, left, right] of same) {
  test(`differenceOf() finds none: ${name}`, () => {
    assert.equal(differenceOf(left, right), undefined);
    assert.equal(differenceOf(right, left), undefined);
  });
}

test('differenceOf() says what differs, from either side', () => {
  for (const [word, left, right] of different) {
    assert.equal(differenceOf(left, right), word);
    assert.equal(differenceOf(right, left), word);
    assert.equal(differenceOf(left, left), undefined, word);
  }
});

test('differenceOf() finds the same value in what different servers wrote by the same commands', () => {
  const [first, ...others] = readPayloads();
  const byName = new Map(first!.payloads.map(({ name, payload }) => [name, decodePayload(payload)]));
  for (const { server, payloads } of others) {
    for (const { name, payload } of payloads) {
      const opposite = byName.get(name);
      // Deliveries are of the moment at which they were recorded.
      if (opposite === undefined || hasDeliveries(opposite)) continue;
      assert.equal(differenceOf(decodePayload(payload), opposite), undefined, `${server}: ${name}`);
    }
  }
});

test('differenceOf() does not claim to know what differs in the values of a module', () => {
  for (const other of [module('one', 2, 'x'), module('one', 1, 'y')]) {
    assert.deepEqual(differenceOf(module('one', 1, 'x'), other), new NotComparable('module one'));
  }
  // What is no vector set as it is known here.
  const [left, right] = [module('vectorset', 0, '\0\x02\x01'), module('vectorset', 0, '\0\x02\x02')];
  assert.deepEqual(differenceOf(left, right), new NotComparable('module vectorset'));
});

function hasDeliveries(value: Value): boolean {
  return value.type === 'stream' && value.groups.some(({ pending }) => pending.length > 0);
}

function module(name: string, encodingVersion: number, bytes: string): Value {
  return { type: 'module', name, encodingVersion, bytes: b(bytes) };
}

const IN_PIECES = { elements: 2, bytes: 40 };

const recorded = readPayloads().flatMap(({ server, payloads }) =>
  payloads.map(({ name, payload }) => ({ server, name, payload, value: decodePayload(payload) })),
);

function digestOf(payload: Buffer, limits?: typeof IN_PIECES): ValueDigest {
  const digest = new ValueDigest();
  for (const piece of payloadPieces(payload, limits)) digest.add(piece);
  return digest;
}

test('ValueDigest.differenceFrom() agrees with differenceOf(), whatever the pieces and the server', () => {
  for (const left of recorded.filter((_, i) => i % EVERY === 0)) {
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
  const hash: Value = { type: 'hash', fields: [{ field: b('f'), value: b('v'), expireAt: -1 }] };
  const zset: Value = { type: 'zset', entries: [{ member: b('m'), score: 0 }] };
  for (const [left, right, difference] of [
    [list, set, 'type'],
    [list, { type: 'list', items: ['a', 'b'].map(b) }, 'length'],
    [list, { type: 'list', items: ['a', 'c', 'b'].map(b) }, 'elements'],
    [list, { type: 'list', items: ['a', 'bc', ''].map(b) }, 'elements'],
    [set, { type: 'set', members: ['c', 'a', 'b'].map(b) }, undefined],
    [set, { type: 'set', members: ['a', 'b', 'd'].map(b) }, 'elements'],
    [set, { type: 'set', members: ['b', 'a', 'a'].map(b) }, 'elements'],
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
