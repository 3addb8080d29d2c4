// Comparison: values by what they hold, expiries within what the servers can tell.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Entry } from '../../../src/flow/entry.ts';
import { newEntry } from '../../../src/flow/entry-ring.ts';
import { PayloadError } from '../../../src/rdb/payload-error.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import { withVersion } from '../../../src/rdb/footer.ts';
import { Comparison, Missing, type ToldExpiries } from '../../../src/verify/comparison.ts';
import type { HashField, Value, ValuePiece } from '../../../src/rdb/value.ts';

const EXACT: ToldExpiries = { mode: 'exact', fieldClock: Date.now };
const RELATIVE: ToldExpiries = { ...EXACT, mode: 'relative' };
const DROPPED: ToldExpiries = { ...EXACT, mode: 'dropped' };
const BIG_KEY = 64 * 1024 * 1024;
const SERVERS = { source: false, target: false };
const STRING: Value = { type: 'string', value: Buffer.from('value') };

function entryOf(value: Value, more: Partial<Entry> = {}): Entry {
  return { ...newEntry(), key: Buffer.from('key'), payload: encodePayload(value, 10), ...more };
}

function largeOf(...pieces: ValuePiece[]): Entry {
  const large = {
    type: undefined,
    async *pieces() {
      yield* pieces;
    },
  };
  return { ...newEntry(), key: Buffer.from('key'), large };
}

function at(expireAt: number): Entry {
  return entryOf(STRING, { expireAt });
}

function field(name: string, expireAt: number): HashField {
  return { field: Buffer.from(name), value: Buffer.from('1'), expireAt };
}

function hash(...fields: HashField[]): Entry {
  return { ...entryOf(STRING), payload: encodePayload({ type: 'hash', fields }, 80) };
}

test('Comparison.differenceOf() takes no notice of the version that a payload is stamped with', () => {
  const exact = new Comparison(EXACT, SERVERS, undefined, BIG_KEY);
  const entry = entryOf(STRING);
  assert.equal(exact.differenceOf(entry, { ...entry, payload: withVersion(entry.payload!, 11) }), undefined);
});

test('Comparison.differenceOf() tells expiries to the millisecond, or within a second where PTTL tells them', () => {
  const [exact, relative] = [
    new Comparison(EXACT, SERVERS, undefined, BIG_KEY),
    new Comparison(RELATIVE, SERVERS, undefined, BIG_KEY),
  ];
  assert.equal(exact.differenceOf(at(5000), at(5000)), undefined);
  assert.equal(exact.differenceOf(at(5000), at(4999)), 'expires 1 ms earlier at the target');
  assert.equal(relative.differenceOf(at(5000), at(6000)), undefined);
  assert.equal(relative.differenceOf(at(5000), at(6001)), 'expires 1,001 ms later at the target');
  assert.equal(relative.differenceOf(at(5000), at(-1)), 'never expires at the target');
  assert.equal(new Comparison(DROPPED, SERVERS, undefined, BIG_KEY).differenceOf(at(5000), at(-1)), undefined);
  assert.equal(new Comparison(EXACT, SERVERS, 10, BIG_KEY).differenceOf(at(5000), at(5010)), undefined);
});

test('Comparison.differenceOf() holds the clock on the wall of a file against what PTTL tells', () => {
  const mixed = new Comparison(RELATIVE, { source: true, target: false }, 100, BIG_KEY);
  const [file, server] = [Date.now() + 60_000, performance.now() + 60_000];
  assert.equal(
    mixed.differenceOf(entryOf(STRING, { expireAt: file }), entryOf(STRING, { expireAt: server })),
    undefined,
  );
});

test('Comparison.differenceOf() forgets fields that have expired already', () => {
  const exact = new Comparison(EXACT, SERVERS, undefined, BIG_KEY);
  const gone = field('gone', 1000);
  assert.equal(exact.differenceOf(hash(field('a', -1), gone), hash(field('a', -1))), undefined);
  const later = field('later', 4_102_444_800_000);
  assert.equal(exact.differenceOf(hash(field('a', -1), later), hash(field('a', -1))), 'size');
  const never = field('later', -1);
  assert.equal(exact.differenceOf(hash(later), hash(never)), 'field expiries');
});

test('Comparison.differenceOf() compares large values by their pieces, also with a payload', async () => {
  const exact = new Comparison(EXACT, SERVERS, undefined, BIG_KEY);
  const members = ['a', 'b', 'c'].map((text) => Buffer.from(text));
  const large = largeOf({ type: 'set', members: members.slice(1) }, { type: 'set', members: members.slice(0, 1) });
  assert.equal(await exact.differenceOf(large, entryOf({ type: 'set', members })), undefined);
  assert.equal(await exact.differenceOf(entryOf({ type: 'set', members: members.slice(1) }), large), 'size');
  assert.equal(await exact.differenceOf(entryOf(STRING), large), 'type');
});

test('Comparison.differenceOf() has several large values of servers under way, with both of their sides at once', async () => {
  let begun = 0;
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const waiting = (): Entry => {
    const large = {
      type: undefined,
      async *pieces(): AsyncGenerator<ValuePiece, void, void> {
        begun++;
        await gate;
        yield { type: 'list', items: [Buffer.from('a')] };
      },
    };
    return { ...newEntry(), key: Buffer.from('key'), large };
  };
  const exact = new Comparison(EXACT, SERVERS, undefined, BIG_KEY);
  const comparing = Array.from({ length: 5 }, async () => exact.differenceOf(waiting(), waiting()));
  await setImmediate();
  assert.equal(begun, 8);
  open();
  assert.deepEqual(await Promise.all(comparing), Array.from({ length: 5 }));
  assert.equal(begun, 10);
});

test('Comparison.differenceOf() says of which side a large value has gone', async () => {
  const exact = new Comparison(EXACT, SERVERS, undefined, BIG_KEY);
  const [there, gone] = [largeOf({ type: 'list', items: [Buffer.from('a')] }), largeOf()];
  assert.deepEqual(await exact.differenceOf(gone, there), new Missing('source'));
  assert.deepEqual(await exact.differenceOf(there, gone), new Missing('target'));
  assert.deepEqual(await exact.differenceOf(gone, gone), new Missing('both'));
  assert.deepEqual(await exact.differenceOf(gone, entryOf(STRING)), new Missing('source'));
});

test('Comparison.differenceOf() throws for a payload that it cannot read', () => {
  const exact = new Comparison(EXACT, SERVERS, undefined, BIG_KEY);
  const damaged = entryOf({ type: 'string', value: Buffer.from('other') });
  damaged.payload![2]! ^= 1;
  assert.throws(() => exact.differenceOf(entryOf(STRING), damaged), PayloadError);
});
