// RecheckQueue and AskedKeys: what is kept of keys that are being looked at.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecheckQueue, type Doubt } from '../../../src/verify/recheck-queue.ts';
import { AskedKeys } from '../../../src/verify/asked-keys.ts';

function doubtOf(name: string, what = 'value'): Doubt {
  const place = { db: 0, key: Buffer.from(name) };
  return { walked: [place], other: place, verdict: 'differ', what, expireAt: -1 };
}

test('RecheckQueue.add() keeps one doubt of a key, the last one, in a Buffer of its own', () => {
  const doubts = new RecheckQueue();
  const doubt = doubtOf('key');
  assert.ok(doubts.add(doubt) && doubts.add(doubtOf('key', 'length')));
  assert.equal(doubts.size, 1);
  const [kept] = [...doubts];
  assert.equal(kept!.what, 'length');
  doubt.walked[0]!.key.fill('x');
  assert.equal(kept!.walked[0]!.key.toString(), 'key');
});

test('RecheckQueue.add() refuses what is beyond the budget, and takes it again once there is room', () => {
  const doubts = new RecheckQueue(2000);
  let kept = 0;
  while (doubts.add(doubtOf(`key:${kept}`))) kept += 1;
  assert.ok(kept > 0 && kept < 10, `${kept} doubts`);
  assert.ok(doubts.add(doubtOf('key:0', 'other')), 'one that is known takes no more room');
  doubts.delete({ db: 0, key: Buffer.from('key:0') });
  assert.ok(doubts.add(doubtOf(`key:${kept}`)));
  assert.equal(doubts.size, kept);
});

test('AskedKeys.take() finds each step by the Buffer that it was asked with, in order and out of it', () => {
  const steps = new AskedKeys();
  const keys = Array.from({ length: 10 }, () => Buffer.from('the same name'));
  for (const [db, key] of keys.entries()) {
    const step = steps.newStep();
    step.entry.db = db;
    steps.add(step, key);
  }
  assert.equal(steps.take(keys[0]!).entry.db, 0);
  assert.equal(steps.take(keys[1]!).entry.db, 1);
  for (const db of [7, 3, 9, 2, 4, 5, 6, 8]) assert.equal(steps.take(keys[db]!).entry.db, db);
  assert.equal(steps.size, 0);
});
