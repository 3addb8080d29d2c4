// Comparison: values by what they hold, expiries within what the servers can tell.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Bytes } from '../../../resp/bytes.ts';
import { newEntry, type Entry } from '../../../src/flow/entry.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { PayloadError, withFooter, withVersion } from '../../../src/rdb/payload.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import { Comparison, Missing, type ToldExpiries } from '../../../src/verify/comparison.ts';
import type { HashField, Value, ValuePiece } from '../../../src/rdb/value.ts';

const EXACT: ToldExpiries = { mode: 'exact', fieldClock: Date.now };
const RELATIVE: ToldExpiries = { ...EXACT, mode: 'relative' };
const DROPPED: ToldExpiries = { ...EXACT, mode: 'dropped' };
const BIG_KEY = 64 * 1024 * 1024;
const SERVERS = { source: false, target: false };
const STRING: Value = { type: 'string', value: Buffer.from('value') };

function entryOf(value: Value, more: Partial<Entry> = {}): Entry {
  return { ...newEntry(), kind: 'value', key: Buffer.from('key'), payload: encodePayload(value, 10), ...more };
}

/** As it lies in a chunk, so many bytes behind its beginning. */
function lying(entry: Entry, at = 0): EntryView {
  const view = EntryView.of(entry);
  const { payload } = entry;
  view.showPayload(new Bytes(Buffer.concat([Buffer.alloc(at), payload!, Buffer.alloc(2)])), at, at + payload!.length);
  return view;
}

function largeOf(...pieces: ValuePiece[]): Entry {
  const large = {
    type: undefined,
    async *pieces() {
      yield* pieces;
    },
  };
  return { ...newEntry(), kind: 'large', key: Buffer.from('key'), large };
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

test('Comparison.isSame() sees where they lie that values are the same, whatever version they are stamped with', () => {
  const exact = new Comparison(EXACT, SERVERS, undefined, BIG_KEY);
  for (const length of [0, 1, 2, 3, 4, 70, 639, 640, 641, 16 * 1024, 16 * 1024 + 1]) {
    const value: Value = { type: 'string', value: Buffer.alloc(length, 'x') };
    const entry = entryOf(value);
    const isSame = (payload: Buffer, expireAt = entry.expireAt): boolean =>
      exact.isSame(lying(entry, 1), lying({ ...entry, payload, expireAt }, 3));
    assert.ok(isSame(encodePayload(value, 10)), `${length} bytes`);
    assert.ok(isSame(withVersion(entry.payload!, 11)), `${length} bytes, another footer`);
    assert.ok(!isSame(encodePayload(value, 10), 5000), `${length} bytes, another expiry`);
    assert.ok(!isSame(encodePayload({ type: 'string', value: Buffer.alloc(length + 1, 'x') }, 10)));
    if (length === 0) continue;
    const other = Buffer.alloc(length, 'x').fill('y', length - 1);
    assert.ok(!isSame(encodePayload({ type: 'string', value: other }, 10)), `${length} bytes, the last one differs`);
  }
});

test('Comparison.isSame() leaves what is no plain value, or what two servers read otherwise, to differenceOf()', () => {
  const exact = new Comparison(EXACT, SERVERS, undefined, BIG_KEY);
  const entry = entryOf(STRING);
  assert.ok(!exact.isSame(lying({ ...entry, kind: 'gone' }), lying(entry)));
  assert.ok(!exact.isSame(lying(entry), EntryView.of(largeOf())));
  // A type byte that Redis has given one meaning and Valkey another.
  const [redis, valkey] = [12, 80].map((version) => withFooter(Buffer.from([22, 0]), version));
  assert.ok(exact.isSame(lying({ ...entry, payload: valkey! }), lying({ ...entry, payload: valkey! })));
  assert.ok(!exact.isSame(lying({ ...entry, payload: redis! }), lying({ ...entry, payload: valkey! })));
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
    return { ...newEntry(), kind: 'large', key: Buffer.from('key'), large };
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
