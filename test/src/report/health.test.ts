// What probes are told: who has a reason to be quiet is well, and who is not in sync is not ready.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthOf, readinessOf } from '../../../src/report/health.ts';
import { RunRecord } from '../../../src/report/run-record.ts';
import { DRY_RUN, progress, reconnect, START } from '../../cli/show/events.ts';

const TIMEOUT = 60_000;

function started(): {
  record: RunRecord;
  wait: (ms: number) => void;
  isWell: (heardAt?: number) => boolean;
  why: () => string;
} {
  let now = 0;
  // Somebody sets the time of the day back, again and again.
  const date = (): number => 1_700_000_000_000 - 100 * now;
  const record = new RunRecord({ version: '1', command: 'copy' }, date, () => now);
  record.onEvent(START);
  const health = (heardAt = -Infinity) => healthOf(record.state, { ...record.signs, now, heardAt, timeout: TIMEOUT });
  return { record, wait: (ms) => void (now += ms), isWell: (at) => health(at).isWell, why: () => health().why };
}

test('healthOf() is well while something moves within the timeout, or a server is heard', () => {
  const { record, wait, isWell, why } = started();
  wait(TIMEOUT);
  assert.ok(isWell());
  wait(1);
  assert.ok(!isWell());
  assert.equal(why(), 'copying, but for 60 s there was no reply: --timeout is 60 s');
  assert.ok(isWell(1));
  // The same figures again are no progress.
  record.onEvent(progress(0.5, { keys: 1 }));
  wait(TIMEOUT + 1);
  record.onEvent(progress(0.5, { keys: 1, elapsed: 100_000 }));
  assert.ok(!isWell());
  record.onEvent(progress(0.5, { keys: 2 }));
  assert.ok(isWell());
});

test('healthOf() is well while a server is waited for, but not for ever', () => {
  const { record, wait, isWell, why } = started();
  wait(TIMEOUT);
  record.onEvent({ ...reconnect(), pause: 30_000 });
  assert.equal(why(), 'copying, waiting: the connection was reset');
  wait(30_000 + TIMEOUT);
  assert.ok(isWell());
  wait(1);
  assert.ok(!isWell());
  record.onEvent({ type: 'recheck', keys: 3, round: 1, rounds: 3, pause: 600_000 });
  wait(600_000);
  assert.ok(isWell());
});

test('healthOf() is well while the limits let nothing go, and for the timeout behind it', () => {
  const { record, wait, isWell } = started();
  record.onEvent(progress(0.5));
  wait(10);
  record.onEvent({ ...progress(0.5), owed: 10 * TIMEOUT });
  wait(11 * TIMEOUT);
  assert.ok(isWell());
  wait(1);
  assert.ok(!isWell());
});

test('healthOf() is well while the run is paused, for however long', () => {
  const { record, wait, isWell } = started();
  record.onEvent({ ...progress(0.5), paused: true });
  wait(10 * TIMEOUT);
  assert.ok(isWell());
  record.onEvent(progress(0.5));
  assert.ok(!isWell());
});

test('healthOf() is well in sync with a source that is at rest', () => {
  const { record, wait, isWell } = started();
  record.onEvent({ type: 'phase', phase: 'in-sync' });
  wait(10 * TIMEOUT);
  assert.ok(isWell());
  record.onEvent({ type: 'phase', phase: 'following' });
  wait(TIMEOUT + 1);
  assert.ok(!isWell());
});

test('readinessOf() is for a target that has all, or had it a moment ago', () => {
  const { record } = started();
  const phases = ['copying', 'following', 'in-sync', 'following', 'cutover', 'lingering'] as const;
  const ready = phases.map((phase) => {
    record.onEvent({ type: 'phase', phase });
    return readinessOf(record.state).isWell;
  });
  assert.deepEqual(ready, [false, false, true, false, false, true]);
  record.onEvent({ type: 'phase', phase: 'in-sync' });
  record.onEvent({ ...progress(1), paused: true });
  assert.deepEqual(readinessOf(record.state), { isWell: false, why: 'in-sync, paused' });
  record.finish({ exitCode: 0, isComplete: true, text: 'everything was copied' });
  assert.deepEqual(readinessOf(record.state), { isWell: true, why: 'done: everything was copied' });
  assert.ok(healthOf(record.state, { ...record.signs, now: 9e15, heardAt: 0, timeout: 1 }).isWell);
  record.finish({ exitCode: 1, isComplete: false, text: '1 key was not copied' });
  assert.ok(!readinessOf(record.state).isWell);
  // It has only looked.
  record.onEvent(DRY_RUN);
  record.finish({ exitCode: 0, isComplete: true, text: 'nothing was written' });
  assert.deepEqual(readinessOf(record.state), { isWell: false, why: 'done: nothing was written' });
});
