// Keys of slots that move while a walk is under way: they are read twice, and who waits for that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newEntry, type EntryKind } from '../../../src/flow/entry.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { bench, until, type Bench } from '../../support/live/rounds-bench.ts';

const WALK = {};
/** Far more than a round takes. */
const ROUNDS_MS = 100;

test('What is read of a slot that has moved is read once more when the pages are settled that had come by then', async () => {
  const { rounds, ledger, asked, answer } = moving();
  const page = ledger.begin(WALK, 1);
  rounds.change(0, Buffer.from('late'));
  rounds.change(0, Buffer.from('other'));
  await until(() => asked.length === 2);
  answer();
  ledger.begin(WALK, 2);
  await sleep(ROUNDS_MS);
  assert.equal(asked.length, 0);
  assert.equal(rounds.behind, 1);
  ledger.settle(page);
  await until(() => asked.length === 1);
  assert.equal(asked[0]!.key, 'late');
  answer();
  await sleep(ROUNDS_MS);
  assert.equal(asked.length, 0);
  assert.equal(rounds.behind, 0);
  rounds.end();
});

test('What is gone, or large, is read once more as well', async () => {
  for (const kind of ['gone', 'large'] as const) {
    const { rounds, ledger, asked, answer } = moving();
    const page = ledger.begin(WALK, 1);
    rounds.change(0, Buffer.from('late'));
    await until(() => asked.length === 1);
    answer(kind);
    ledger.settle(page);
    await until(() => asked.length === 1);
    rounds.end();
  }
});

test('What has changed meanwhile waits for the pages that have come meanwhile', async () => {
  const { rounds, ledger, asked, answer } = moving();
  const first = ledger.begin(WALK, 1);
  rounds.change(0, Buffer.from('late'));
  await until(() => asked.length === 1);
  answer();
  // The ones that are read later are a group of their own.
  await sleep(ROUNDS_MS);
  const second = ledger.begin(WALK, 2);
  rounds.change(0, Buffer.from('late too'));
  await until(() => asked.length === 1);
  answer();
  ledger.settle(first);
  await until(() => asked.length === 1);
  assert.equal(asked[0]!.key, 'late');
  answer();
  await sleep(ROUNDS_MS);
  assert.equal(rounds.behind, 1);
  ledger.settle(second);
  await until(() => asked.length === 1);
  answer();
  await rounds.settled();
  assert.equal(rounds.behind, 0);
  rounds.end();
});

test('A place is passed, and rounds are settled, only once such a key is read twice', async () => {
  const { rounds, ledger, asked, answer } = moving();
  const page = ledger.begin(WALK, 1);
  rounds.change(0, Buffer.from('late'));
  const { place } = rounds;
  let isSettled = false;
  void rounds.settled().then(() => (isSettled = true));
  await until(() => asked.length === 1);
  answer();
  await sleep(ROUNDS_MS);
  assert.deepEqual([rounds.hasPassed(place), isSettled], [false, false]);
  ledger.settle(page);
  await until(() => asked.length === 1);
  assert.deepEqual([rounds.hasPassed(place), isSettled], [false, false]);
  answer();
  await until(() => isSettled);
  assert.equal(rounds.hasPassed(place), true);
  rounds.end();
});

test('A place is passed only once a large value is read twice that had changed while it was written', async () => {
  const { rounds, ledger, asked, answer, written } = moving();
  rounds.change(0, Buffer.from('late'));
  await until(() => asked.length === 1);
  answer('large');
  await until(() => asked.length === 1);
  // The same key once more, as the slot has moved; it is not written yet.
  answer('value');
  const page = ledger.begin(WALK, 1);
  rounds.change(0, Buffer.from('late'));
  const { place } = rounds;
  written();
  await until(() => asked.length === 1);
  answer();
  await sleep(ROUNDS_MS);
  assert.equal(rounds.hasPassed(place), false);
  ledger.settle(page);
  await until(() => asked.length === 1);
  answer();
  await until(() => rounds.hasPassed(place));
  rounds.end();
});

test('Names that wait for a walk count towards the limit of all', async () => {
  const { rounds, ledger, asked, answer, overflown } = moving({ mostKeys: 2 });
  ledger.begin(WALK, 1);
  for (const key of ['late a', 'late b']) rounds.change(0, Buffer.from(key));
  await until(() => asked.length === 2);
  answer();
  rounds.change(0, Buffer.from('c'));
  assert.deepEqual(overflown, ['c']);
  rounds.end();
});

interface MovingBench extends Bench {
  /** Answers what is asked for; what is large stays to be written. */
  readonly answer: (kind?: EntryKind) => void;
  /** What was large is written by now. */
  readonly written: () => void;
}

function moving({ mostKeys = 1000 } = {}): MovingBench {
  const all = bench({ mostKeys, hasMoved: (key) => String(key).startsWith('late') });
  const { rounds, ledger, asked } = all;
  const large: number[] = [];
  const answer = (kind: EntryKind = 'value'): void => {
    for (const { db, key, page } of asked.splice(0)) {
      const view = EntryView.of({ ...newEntry(), db, key: Buffer.from(key), page, kind, payload: Buffer.from([0, 0]) });
      rounds.onRead(view);
      if (kind === 'large') large.push(view.page);
      ledger.settle(kind === 'large' ? page : view.page);
    }
  };
  const written = (): void => {
    for (const page of large.splice(0)) ledger.settle(page);
  };
  return { ...all, answer, written };
}
