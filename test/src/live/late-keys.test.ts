// Keys of slots that move while a walk is under way: what they wait for, and who waits for them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { bench, until, type Bench } from '../../support/live/rounds-bench.ts';

const WALK = {};

test('What has changed in a slot that moves is read once the pages are settled that had come by then, and no later', async () => {
  const { rounds, ledger, asked, settle } = moving();
  const page = ledger.begin(WALK, 1);
  rounds.change(0, Buffer.from('late'));
  ledger.begin(WALK, 2);
  rounds.change(0, Buffer.from('other'));
  await until(() => asked.length === 1);
  assert.equal(asked[0]!.key, 'other');
  settle();
  await turn();
  assert.equal(asked.length, 0);
  assert.equal(rounds.behind, 1);
  ledger.settle(page);
  await until(() => asked.length === 1);
  assert.equal(asked[0]!.key, 'late');
  settle();
  await until(() => rounds.behind === 0);
  rounds.end();
});

test('What has changed later waits for pages that have come meanwhile', async () => {
  const { rounds, ledger, asked, settle } = moving();
  const first = ledger.begin(WALK, 1);
  rounds.change(0, Buffer.from('late'));
  await turn();
  const second = ledger.begin(WALK, 2);
  rounds.change(0, Buffer.from('late'));
  ledger.settle(first);
  await until(() => asked.length === 1);
  settle();
  await turn();
  assert.equal(rounds.behind, 1);
  ledger.settle(second);
  await until(() => asked.length === 1);
  settle();
  await rounds.settled();
  rounds.end();
});

test('A place is passed, and rounds are settled, only once such a key is read', async () => {
  const { rounds, ledger, asked, settle } = moving();
  const page = ledger.begin(WALK, 1);
  rounds.change(0, Buffer.from('late'));
  const { place } = rounds;
  let isSettled = false;
  void rounds.settled().then(() => (isSettled = true));
  await turn();
  assert.equal(rounds.hasPassed(place), false);
  ledger.settle(page);
  await until(() => asked.length === 1);
  assert.equal(rounds.hasPassed(place), false);
  assert.equal(isSettled, false);
  settle();
  await until(() => isSettled);
  assert.equal(rounds.hasPassed(place), true);
  rounds.end();
});

test('Names that wait for a walk count towards the limit of all', () => {
  const { rounds, ledger, overflown } = moving({ mostKeys: 2 });
  ledger.begin(WALK, 1);
  for (const key of ['late a', 'b', 'late c', 'd']) rounds.change(0, Buffer.from(key));
  assert.deepEqual(overflown, ['late c', 'd']);
  rounds.end();
});

function moving({ mostKeys = 1000 } = {}): Bench {
  return bench({ mostKeys, mayComeLate: (key) => String(key).startsWith('late') });
}
