// How often a server was emptied: read from what servers say, and compared where it has begun to count anew.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flushesBetween, flushesIn } from '../../../src/server/flushes.ts';

test('flushesIn() counts what empties databases or swaps them, and knows when nothing is told', () => {
  const text = 'cmdstat_get:calls=5\r\ncmdstat_flushall:calls=1,usec=3\r\ncmdstat_swapdb:calls=2\r\n';
  assert.deepEqual(flushesIn(`# Commandstats\r\n${text}cmdstat_flushdb:calls=4\r\n`), {
    ofOne: 4,
    ofMore: 3,
    swaps: 2,
    demotions: 0,
    calls: 12,
    resetting: { isApart: false, calls: 0, time: 0 },
  });
  assert.equal(flushesIn('# Commandstats\r\n'), undefined);
  assert.equal(flushesIn('null'), undefined);
});

test('flushesBetween() tells what was called between two looks', () => {
  assert.equal(flushed('get=9,9', 'get=10,9 flushall=1,5'), 1);
  assert.equal(flushed('flushall=1,5 get=9,9', 'flushall=1,5 get=10,9'), 0);
});

/** Counts before and behind CONFIG RESETSTAT, all of them with more calls behind it. */
const ANEW: readonly (readonly [what: string, before: string, now: string])[] = [
  ['it was called for the first time', 'get=9,9', 'get=11,9 config|resetstat=1,30'],
  ['it had been called before', 'config|resetstat=1,30 get=9,9', 'config|resetstat=1,12 get=20,20'],
  ['a flush came before it', 'config|resetstat=1,30 flushall=2,9', 'config|resetstat=1,30 get=9,9 flushall=1,4'],
  [
    'CONFIG was called by itself',
    'config=0,0 config|resetstat=1,30 get=9,9',
    'config=0,0 config|resetstat=1,12 get=20,20',
  ],
  ['an old server counts fewer of CONFIG', 'config=3,30 get=9,9', 'config=1,12 get=20,20'],
  ['an old server counts as many of CONFIG', 'config=1,30 get=9,9', 'config=1,12 get=20,20'],
  ['an old server has spent less time on CONFIG', 'config=1,30 get=9,9', 'config=2,14 get=20,20'],
];

for (const [what, before, now] of ANEW)
  test(`flushesBetween() sees that the counts began anew where ${what}`, () => {
    assert.equal(flushed(before, now), undefined);
  });

test('flushesBetween() bears that others ask an old server for its settings', () => {
  assert.equal(flushed('config=1,30 get=9,9', 'config=4,52 get=9,9'), 0);
});

test('flushesBetween() knows nothing of what another version of rump has kept, which told a reset by less', () => {
  const { resetting, ...before } = flushesIn('cmdstat_get:calls=9\r\n')!;
  assert.ok(resetting);
  assert.equal(flushesBetween(before, flushesIn('cmdstat_get:calls=10\r\n')), undefined);
});

/** @param before each `NAME=CALLS,MICROSECONDS` */
function flushed(before: string, now: string): number | undefined {
  const [first, last] = [before, now].map((counts) => flushesIn(counts.replace(/(\S+)=(\d+),(\d+) ?/g, LINE)));
  return flushesBetween(first, last)?.ofMore;
}

const LINE = 'cmdstat_$1:calls=$2,usec=$3,usec_per_call=1.00\r\n';
