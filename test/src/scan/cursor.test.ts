// Cursors: their order, circles of them, and walks that go on for ever.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ANY_WALK,
  Bound,
  cursorAt,
  CursorLoop,
  END,
  mostOf,
  positionOf,
  shareBetween,
  sizeOfPage,
} from '../../../src/scan/cursor.ts';
import * as fc from 'fast-check';

const PLACES: readonly (readonly [string, bigint])[] = [
  ['0', 0n],
  ['1', END / 2n],
  ['2', END / 4n],
  ['3', (END / 4n) * 3n],
  ['8', END / 16n],
  ['9223372036854775808', 1n],
  ['18446744073709551615', END - 1n],
];

for (const [cursor, position] of PLACES) {
  test(`positionOf() and cursorAt() agree that ${cursor} has come as far as ${position}`, () => {
    assert.equal(positionOf(cursor), position);
    assert.equal(cursorAt(position), cursor);
  });
}

test('cursorAt() leads back from every position', () => {
  fc.assert(fc.property(fc.bigInt(0n, END - 1n), (position) => positionOf(cursorAt(position)) === position));
});

test('positionOf() grows with each step of a scan, whatever the size of the table', () => {
  for (let bits = 1n; bits <= 10n; bits++) {
    const mask = (1n << bits) - 1n;
    let cursor = 0n;
    let steps = 0;
    do {
      // The bits of the table are counted up from the highest one, as dictScan does.
      let bit = 1n << (bits - 1n);
      const before = cursor;
      for (; bit > 0n && (cursor & bit) !== 0n; bit >>= 1n) cursor ^= bit;
      cursor = (cursor | bit) & mask;
      steps++;
      if (cursor !== 0n) assert.ok(positionOf(String(cursor))! > positionOf(String(before))!);
    } while (cursor !== 0n);
    assert.equal(steps, 2 ** Number(bits));
  }
});

test('positionOf() knows no place for what is no 64-bit number', () => {
  for (const cursor of ['', '_key', '-1', '1.5', ' 1', '1e3', '0x10', '18446744073709551616', '9'.repeat(21)]) {
    assert.equal(positionOf(cursor), undefined, cursor);
  }
});

test('shareBetween() says how much of the keyspace lies between two positions', () => {
  assert.equal(shareBetween(0n, END), 1);
  assert.equal(shareBetween(END / 4n, END / 2n), 0.25);
  assert.equal(shareBetween(5n, 5n), 0);
  assert.equal(shareBetween(END, END / 2n), -0.5);
});

test('CursorLoop.repeats() finds a circle of any length within a few rounds', () => {
  fc.assert(
    fc.property(fc.nat(3000), fc.integer({ min: 1, max: 3000 }), (before, length) => {
      const loop = new CursorLoop();
      let steps = 0;
      const cursorOf = (step: number): number => (step < before ? step : before + ((step - before) % length));
      while (!loop.repeats(String(cursorOf(steps)))) steps++;
      assert.ok(steps >= before + length, `after ${steps} steps`);
      assert.ok(steps <= 2 * Math.max(before, length) + 2 * length, `after ${steps} steps`);
    }),
  );
});

test('CursorLoop.repeats() takes no scan for a circle whose cursors are all different', () => {
  const loop = new CursorLoop();
  for (let i = 0; i < 100_000; i++) assert.equal(loop.repeats(String(i)), false);
});

/** Pages of a walk through so many places of which so many are taken, and what they count for. */
function walked({ places, keys, count }: { places: number; keys: number; count: number }): number {
  // A page ends after COUNT keys, or after ten times as many places.
  const empty = Math.ceil(places / (10 * count));
  const full = Math.ceil(keys / count);
  return empty * sizeOfPage(count, 0) + full * sizeOfPage(count, Math.min(count, keys));
}

test('mostOf() lets every table end, however large it was once, and whatever COUNT is', () => {
  for (const count of [1, 2, 10, 100, 1000, 10_000, 1_000_000]) {
    for (const exponent of [2, 10, 17, 20, 27, 32]) {
      const places = 2 ** exponent;
      for (const keys of [0, 1, places / 1000, places, places * 4]) {
        const bytes = places * 8 + keys * 16;
        const most = mostOf('value', Math.floor(keys), bytes);
        assert.ok(walked({ places, keys, count }) <= most, JSON.stringify({ count, places, keys }));
      }
    }
  }
});

test('mostOf() lets a server end that gives ten keys a page whatever COUNT is, and one that tells no memory', () => {
  for (const keys of [1000, 10_000_000, 1_000_000_000]) {
    const work = (keys / 10) * sizeOfPage(1000, 10);
    assert.ok(work <= mostOf('walk', keys, undefined));
    assert.ok(work <= mostOf('walk', undefined, undefined));
  }
});

test('mostOf() lets a node of a cluster answer with an empty page for each of its slots', () => {
  assert.ok(16_384 * sizeOfPage(1000, 0) <= ANY_WALK);
});

test('Bound.renew() lets a walk go on while there is as much as it says, and ends it at the second page beyond', () => {
  const bound = new Bound({ limit: 100 });
  bound.add(100);
  assert.equal(bound.isReached, false);
  bound.add(50);
  assert.equal(bound.isReached, true);
  assert.equal(bound.renew(1000), true);
  bound.add(850);
  assert.equal(bound.isReached, false);
  bound.add(1);
  assert.deepEqual([bound.isReached, bound.renew(1000)], [true, true]);
  // Nothing more has come.
  assert.equal(bound.isReached, false);
  bound.add(1);
  assert.deepEqual([bound.isReached, bound.renew(1000)], [true, false]);
});

test('Bound.renew() forgives what was there before, once there is as much again', () => {
  const bound = new Bound({ limit: 10 });
  bound.add(20);
  assert.equal(bound.renew(15), true);
  bound.add(1);
  assert.equal(bound.renew(30), true);
  bound.add(10);
  assert.equal(bound.renew(30), true);
  bound.add(1);
  assert.equal(bound.renew(30), false);
});
