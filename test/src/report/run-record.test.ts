// What is kept of a run, and that it does not grow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeAt, NONE, progress, reconnect, START } from '../../cli/show/events.ts';
import { AT, HOSTILE_KEYS, reportedRun } from '../../support/reported-run.ts';

const DAY = 86_400_000;

function progressOf(keys: number, phase: 'following' | 'in-sync', lag: number): ReturnType<typeof progress> {
  return { ...progress(1, { keys, bytes: keys * 10 }), live: { phase, behind: 3, lag } };
}

test('RunRecord has as much in memory after days as after an hour, and its samples span all of it', () => {
  const run = reportedRun();
  // Whole, a few hundred of them are longer than all that may be kept.
  const long = 'x'.repeat(10_000);
  run.tell(0, START);
  const sizes: number[] = [];
  for (let hour = 1; hour <= 24 * 5; hour++) {
    for (let minute = 0; minute < 60; minute++) {
      const key = Buffer.from(`${hour}:${minute}:${long}`);
      run.tell(
        60_000,
        progressOf(hour * 1000, minute % 2 === 0 ? 'following' : 'in-sync', minute),
        { type: 'warning', code: 'GAP', message: long },
        { ...reconnect(), reason: long },
        { type: 'key-failed', db: 0, key, code: 'ERR', reason: long },
      );
    }
    sizes.push(JSON.stringify(run.state).length);
  }
  const { state } = run;
  assert.ok(sizes.at(-1)! <= sizes[5]! * 1.1, `${sizes[5]} to ${sizes.at(-1)} characters`);
  assert.ok(sizes.at(-1)! < 1_500_000);
  assert.ok(state.samples.length >= 300 && state.samples.length <= 600);
  assert.ok(state.samples[0]!.at <= AT + 60_000 && state.samples.at(-1)!.at > AT + 5 * DAY - 3 * 3_600_000);
  assert.ok(state.phases.length <= 100);
  assert.deepEqual([state.phases[0], state.phases[1]?.phase], [{ phase: 'starting', at: AT }, 'copying']);
  assert.deepEqual([state.faults.length, state.failedKeys.length], [200, 100]);
  assert.deepEqual([state.moreFaults, state.moreFailedKeys], [2 * 7200 - 200, 7200 - 100]);
  assert.deepEqual(state.warnings, { GAP: 7200 });
});

test('RunRecord takes a sample four times a second to begin with, with the longest latency since the one before', () => {
  const run = reportedRun();
  const observed = { type: 'observed', types: [], largest: [], slowest: [] } as const;
  run.tell(0, START);
  for (let tenth = 1; tenth <= 40; tenth++) {
    const latency = { latest: 1, longest: tenth === 8 ? 77 : 2 };
    run.tell(100, { ...observed, latency }, progress(tenth / 40, { keys: tenth * 10 }));
  }
  run.record.finish({ exitCode: 0, isComplete: true, text: '' });
  const { samples, latency } = run.state;
  assert.equal(latency, 1);
  assert.deepEqual(
    samples.slice(0, 4).map(({ at, keys, latency }) => [at - AT, keys, latency]),
    [
      [0, 0, null],
      [300, 30, 2],
      [600, 60, 2],
      [900, 90, 77],
    ],
  );
  assert.deepEqual([samples.at(-1)!.at - AT, samples.at(-1)!.keys], [4000, 400]);
});

test('RunRecord begins with what an earlier part has done, which is no speed of this one', () => {
  const run = reportedRun();
  run.tell(0, START);
  run.tell(300, progress(0.5, { keys: 1_000_000, resumed: true }));
  assert.deepEqual(
    run.state.samples.map(({ keys }) => keys),
    [1_000_000],
  );
});

test('RunRecord goes on taking samples where the clock is put back, also to before the start', () => {
  const run = reportedRun();
  run.tell(0, START);
  run.tell(500, progress(0.1, { keys: 1 }));
  run.tell(-5000, progress(0.2, { keys: 2 }));
  for (let keys = 3; keys < 6; keys++) run.tell(500, progress(keys / 10, { keys }));
  assert.deepEqual(
    run.state.samples.map(({ at, keys }) => [at - AT, keys]),
    [
      [-4000, 3],
      [-3500, 4],
      [-3000, 5],
    ],
  );
});

test('RunRecord forgets a failed key that has recovered', () => {
  const run = reportedRun();
  run.tell(0, START);
  for (let i = 0; i < 103; i++) run.tell(0, failed(`k${i}`));
  run.tell(
    0,
    { type: 'key-recovered', db: 0, key: Buffer.from('k5') },
    { type: 'key-recovered', db: 0, key: Buffer.from('k101') },
  );
  const { failedKeys, moreFailedKeys } = run.state;
  assert.deepEqual([failedKeys.length, moreFailedKeys], [99, 2]);
  assert.ok(!failedKeys.some(({ key }) => key === 'k5'));
});

function failed(key: string): Parameters<ReturnType<typeof reportedRun>['tell']>[1] {
  return { type: 'key-failed', db: 0, key: Buffer.from(key), code: 'ERR', reason: 'why' };
}

test('RunRecord shows keys as --json does, and of a long one its beginning', () => {
  const run = reportedRun();
  run.tell(0, START);
  for (const key of HOSTILE_KEYS) run.tell(0, { type: 'key-failed', db: 0, key, code: 'ERR', reason: '' });
  const keys = run.state.failedKeys.map(({ key }) => key);
  for (const key of keys) assert.match(key, /^[ -~]+(?:… \(3\.9 KiB\))?$/);
  assert.equal(keys[5], 'invoice\\xe2\\x80\\xaefdp.exe\\xe2\\x80\\xac');
});

test('RunRecord leaves what a copy has found where a check follows it', () => {
  const run = reportedRun();
  run.tell(0, START, observed(5));
  run.tell(
    100,
    progress(1, { keys: 5 }),
    { ...START, target: { ...START.target, keys: 5, nodes: [nodeAt(9)] } },
    observed(1),
  );
  run.tell(100, { type: 'check-progress', fraction: 0.1, ...NOTHING_COMPARED }, observed(2));
  assert.equal(run.state.types[0]!.keys, 5);
  assert.equal(run.state.target!.keys, 0);
  assert.deepEqual(
    run.state.phases.map(({ phase }) => phase),
    ['starting', 'copying', 'checking'],
  );
});

function observed(keys: number): Parameters<ReturnType<typeof reportedRun>['tell']>[1] {
  return { type: 'observed', types: [{ type: 'set', keys, bytes: 1 }], largest: [], slowest: [], latency: null };
}

test('RunRecord counts the differences that it does not list, also those before the first figures of a check', () => {
  const run = reportedRun('check');
  run.tell(0, START);
  for (let i = 0; i < 103; i++) run.tell(0, differ(i));
  run.tell(0, { type: 'check-progress', fraction: 1, ...NOTHING_COMPARED, differ: 103 });
  assert.deepEqual([run.state.check!.differences.length, run.state.check!.moreDifferences], [100, 3]);
  run.tell(0, differ(103));
  assert.equal(run.state.check!.moreDifferences, 4);
});

function differ(i: number): Parameters<ReturnType<typeof reportedRun>['tell']>[1] {
  const key = Buffer.from(`k${i}`);
  return { type: 'verdict', verdict: 'differ', db: 0, key, targetDb: 0, targetKey: key, what: 'value' };
}

const NOTHING_COMPARED = { ...NONE, match: 0, differ: 0, sourceOnly: 0, targetOnly: 0, notComparable: 0, gone: 0 };
