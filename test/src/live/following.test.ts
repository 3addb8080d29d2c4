// The lead of a copy that follows: what it does once it was stopped. Whole runs are in test/integration.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Gaps } from '../../../src/live/gaps.ts';
import { Following, type FollowingParts, type Phase } from '../../../src/live/following.ts';

const OPTIONS = {
  untilIdle: undefined,
  cutoverFile: undefined,
  cutoverTimeout: 60_000,
  linger: 100,
  settle: 200,
  isPaused: () => false,
};
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
    confirm: nothing,
  } as unknown as FollowingParts;
  const phases: Phase[] = [];
  const sink = { onPhase: (phase: Phase) => void phases.push(phase), onStragglers: () => {} };
  const following = new Following(parts, { ...OPTIONS, cutover: AbortSignal.abort() }, sink);
  await following.attach();
  following.onWalked();
  const running = following.run();
  while (asked.looks < 3) await turn();
  following.fail(new Error('The source was lost'));
  await assert.rejects(running, /^Error: The source was lost$/);
  const before = asked.looks;
  await turn();
  assert.ok(asked.looks <= before + 1, `${asked.looks - before} more looks`);
  assert.deepEqual(phases, ['following', 'cutover']);
});
