// What is counted as of a moment that is kept: exactly the keys that had been found by then, in whatever order they are done with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import { NO_PAGE } from '../../../src/flow/key-id.ts';
import { PageLedger } from '../../../src/scan/page-ledger.ts';
import { Moments, type Course } from '../../../src/sync/moments.ts';
import { NOTHING_COUNTED, Progress } from '../../../src/sync/progress.ts';
import type { Settings } from '../../../src/sync/settings.ts';
import { Random } from '../../bench/random.ts';

const PAGES = 400;
const KEYS = 5;
const KINDS = ['keys', 'converted', 'skipped', 'expired', 'repeated'] as const;

function setUp() {
  const ledger = new PageLedger();
  let onPage: (() => void) | undefined;
  const source = {
    onPage: (listener: () => void) => (onPage = listener),
    get mark() {
      return { page: ledger.last, epoch: 0 };
    },
    get place() {
      return { state: [], page: ledger.last, epoch: 0 };
    },
    hasPassed: ({ page }: { page: number }) => ledger.isDone(page),
  };
  const progress = new Progress({ onEvent: () => {}, onConflict: 'skip' } as unknown as Settings);
  const moments = new Moments({ source, progress, live: undefined } as unknown as Course, undefined);
  const find = (keys: number): number => {
    const page = ledger.begin(ledger, 1);
    ledger.found(page, keys);
    ledger.settle(page);
    onPage?.();
    return page;
  };
  return { ledger, progress, moments, find };
}

function count(progress: Progress, kind: (typeof KINDS)[number], page: number): void {
  if (kind === 'keys' || kind === 'converted') progress.onWritten(1, 10, page);
  if (kind === 'converted') progress.onConverted(page);
  else if (kind === 'skipped') progress.onWriteRefused(0, Buffer.from('k'), new RespError('BUSYKEY', 'taken'), page);
  else if (kind === 'expired') progress.onGone(page);
  else if (kind === 'repeated') progress.onRepeated(page);
}

test('Moments.takePassed() counts the keys that had been found by then and no other, whatever was done with since', () => {
  const seed = 20_261_129;
  const random = new Random(seed);
  const { ledger, progress, moments, find } = setUp();
  const open: { page: number; kind: (typeof KINDS)[number] }[] = [];
  const expected = new Map<number, Record<string, number>>();
  let taken = 0;
  for (let i = 0; i < PAGES; i++) {
    const page = find(KEYS);
    const ofPage: Record<string, number> = { ...NOTHING_COUNTED };
    for (let key = 0; key < KEYS; key++) {
      const kind = KINDS[random.between(0, KINDS.length - 1)]!;
      open.push({ page, kind });
      ofPage[kind]!++;
      if (kind === 'converted') ofPage['keys']!++;
      if (kind === 'keys' || kind === 'converted') ofPage['bytes']! += 10;
    }
    expected.set(page, ofPage);
    for (let settled = random.between(0, 2 * KEYS); settled > 0 && open.length > 0; settled--) {
      const [key] = open.splice(random.between(0, Math.min(open.length, 200) - 1), 1);
      count(progress, key!.kind, key!.page);
      ledger.settle(key!.page);
    }
    if (i % 10 > 0) continue;
    const moment = moments.takePassed();
    if (moment === undefined) continue;
    taken++;
    const sum: Record<string, number> = { ...NOTHING_COUNTED };
    for (const [page, ofPage] of expected) {
      if (page <= moment.place.page) for (const [name, number] of Object.entries(ofPage)) sum[name]! += number;
    }
    assert.deepEqual(moment.counts, sum, `seed ${seed}`);
  }
  assert.ok(taken > 3, `only ${taken} moments were taken`);
});

test('Progress.failedUpTo() has the keys that failed and had been found by then, and those of several pages', () => {
  const { progress } = setUp();
  const error = new RespError('ERR', 'no');
  const fail = (key: string, page: number): void => progress.onWriteRefused(0, Buffer.from(key), error, page);
  fail('first', 1);
  fail('later', 7);
  fail('none', NO_PAGE);
  fail('twice', 9);
  fail('twice', 2);
  const names = progress.failedUpTo(3, 0).names.map(([, name]) => Buffer.from(name, 'base64').toString());
  assert.deepEqual(names, ['first', 'none', 'twice']);
  assert.equal(progress.allFailed.names.length, 4);
});
