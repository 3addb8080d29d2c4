// One loop that sleeps until something has happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTick } from 'node:timers/promises';
import { Wakeup } from '../../../src/flow/wakeup.ts';

test('Wakeup.sleep() settles at the next wake and not before', async () => {
  const wakeup = new Wakeup();
  let awake = false;
  const slept = wakeup.sleep().then(() => (awake = true));
  await nextTick();
  assert.equal(awake, false);
  wakeup.wake();
  await slept;
  assert.equal(awake, true);
});

test('Wakeup.wake() without a sleeper is not kept for the next one', async () => {
  const wakeup = new Wakeup();
  wakeup.wake();
  let awake = false;
  const slept = wakeup.sleep().then(() => (awake = true));
  await nextTick();
  assert.equal(awake, false);
  wakeup.wake();
  await slept;
});

test('Wakeup.wake() wakes one sleep once, however often it is called', async () => {
  const wakeup = new Wakeup();
  const first = wakeup.sleep();
  wakeup.wake();
  wakeup.wake();
  await first;
  let awake = false;
  const second = wakeup.sleep().then(() => (awake = true));
  await nextTick();
  assert.equal(awake, false);
  wakeup.wake();
  await second;
});

test('Wakeup.listen() hears of every wake, beside all others', () => {
  const wakeup = new Wakeup();
  const calls = [0, 0];
  wakeup.listen(() => calls[0]!++);
  wakeup.wake();
  wakeup.listen(() => calls[1]!++);
  wakeup.wake();
  assert.deepEqual(calls, [2, 1]);
});
