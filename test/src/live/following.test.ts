// The lead of a copy that follows: what it does once it was stopped. Whole runs are in test/integration.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { Gaps } from '../../../src/live/gaps.ts';
import { Following, type FollowingParts, type Phase } from '../../../src/live/following.ts';

const OPTIONS = {
  isPaused: () => false,
  untilIdle: undefined,
  cutoverFile: undefined,
  cutoverTimeout: 60_000,
  linger: 100,
  settle: 200,
};
const LOST = new Error('The source was lost');
const nothing = async (): Promise<void> => {};

test('Following asks nobody any more, and says nothing, once it was lost in the middle of a cutover', async () => {
  const asked = { looks: 0 };
  let isOver = false;
  const feeds = {
    attach: nothing,
    watch: nothing,
    tellWritesApart: () => {},
    // Nobody is waited for then.
    caughtUp: () => (isOver ? Promise.resolve() : turn()),
    detach: () => (isOver = true),
  };
  const rounds = { run: nothing, end: () => {}, settled: nothing };
  const parts = {
    feeds,
    rounds,
    gaps: new Gaps(),
    streams: { isComplete: true, portions: [] },
    // A server that was lost does not answer.
    lookForDatabases: () =>
      ++asked.looks < 10_000 ? Promise.resolve(false) : Promise.reject(new Error('without an end')),
    looks: [],
    findStreams: nothing,
    close: nothing,
    reachTarget: nothing,
    unanswered: () => [],
    failed: () => [],
    confirm: nothing,
  } as unknown as FollowingParts;
  const phases: Phase[] = [];
  const sink = { onPhase: (phase: Phase) => void phases.push(phase), onStragglers: () => {} };
  const following = new Following(parts, { ...OPTIONS, cutover: AbortSignal.abort() }, sink);
  await following.attach();
  following.onWalked();
  const running = following.run();
  while (asked.looks < 3) await turn();
  following.fail(LOST);
  await assert.rejects(running, LOST);
  const before = asked.looks;
  await turn();
  assert.ok(asked.looks <= before + 1, `${asked.looks - before} more looks`);
  assert.deepEqual(phases, ['following', 'cutover']);
});

test('Following does not take what it measured last for the state of a source that is lost meanwhile', async () => {
  const ways = [(_: Following, onLost: () => void) => onLost(), (following: Following) => following.fail(LOST)];
  const seen = await Promise.all(ways.map((lose) => phasesOfLost(lose)));
  const expected = ['following', 'in-sync', 'following'];
  assert.deepEqual(seen, [expected, expected]);
});

/** In sync at first; then the source does not answer, and is lost. */
async function phasesOfLost(lose: (following: Following, onLost: () => void) => void): Promise<Phase[]> {
  const failures: (() => void)[] = [];
  let measured = 0;
  const noAnswer = (): Promise<void> => new Promise((_, reject) => failures.push(() => reject(LOST)));
  const feeds = {
    attach: nothing,
    watch: nothing,
    caughtUp: () => (measured++ === 0 ? Promise.resolve() : noAnswer()),
    detach: () => {},
  };
  const rounds = {
    run: nothing,
    end: () => {},
    settled: nothing,
    get changes() {
      return measured;
    },
  };
  const parts = {
    feeds,
    rounds,
    gaps: new Gaps(),
    streams: { isComplete: true, portions: [] },
    lookForDatabases: nothing,
    looks: [],
    findStreams: nothing,
    close: nothing,
  } as unknown as FollowingParts;
  const phases: Phase[] = [];
  const sink = { onPhase: (phase: Phase) => void phases.push(phase), onStragglers: () => {} };
  const following = new Following(parts, { ...OPTIONS, cutover: undefined }, sink);
  await following.attach();
  following.onWalked();
  const running = following.run();
  while (failures.length === 0 || phases.at(-1) === 'in-sync') await sleep(1);
  lose(following, failures[0]!);
  await assert.rejects(running, LOST);
  await turn();
  return phases;
}
