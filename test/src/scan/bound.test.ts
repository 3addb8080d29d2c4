// How far a walk may go on: no real table is cut short, and whoever goes on beyond what he tells is found out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANY_WALK, Bound, mostOf, sizeOfPage } from '../../../src/scan/bound.ts';

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
  const bound = new Bound(100);
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
  const bound = new Bound(10);
  bound.add(20);
  assert.equal(bound.renew(15), true);
  bound.add(1);
  assert.equal(bound.renew(30), true);
  bound.add(10);
  assert.equal(bound.renew(30), true);
  bound.add(1);
  assert.equal(bound.renew(30), false);
});
