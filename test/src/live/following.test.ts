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
const never = (): Promise<never> => new Promise(() => {});

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
    hearTarget: nothing,
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

test('Following is in sync no more once the target stands still, or the copy is paused, though nothing is written', async () => {
  let isPaused = false;
  const stream = [{ db: 0, key: Buffer.from('stream') }];
  const unread = { streams: { isComplete: true, portions: [stream] }, readAgain: never };
  const ways = [
    follow(unread),
    follow({ hearTarget: inTurn(nothing, never) }),
    follow({ isPaused: () => isPaused }, () => void (isPaused = true)),
  ];
  const seen = await Promise.all(ways.map(async (way) => (await way).leavesSync()));
  const expected = ['following', 'in-sync', 'following'];
  assert.deepEqual(seen, [expected, expected, expected]);
});

/** In sync at first; then the source does not answer, and is lost. */
async function phasesOfLost(lose: (following: Following, onLost: () => void) => void): Promise<Phase[]> {
  const failures: (() => void)[] = [];
  const noAnswer = (): Promise<void> => new Promise((_, reject) => failures.push(() => reject(LOST)));
  const { following, phases, running, leavesSync } = await follow({ caughtUp: inTurn(nothing, noAnswer) });
  await leavesSync();
  lose(following, failures[0]!);
  await assert.rejects(running, LOST);
  await turn();
  return phases;
}

/** The first of them once, and then the other one. */
function inTurn<T>(first: () => Promise<T>, then: () => Promise<T>): () => Promise<T> {
  let times = 0;
  return () => (times++ === 0 ? first() : then());
}

interface Ways {
  readonly caughtUp?: () => Promise<void>;
  readonly hearTarget?: () => Promise<void>;
  readonly readAgain?: () => Promise<void>;
  readonly streams?: object;
  readonly isPaused?: () => boolean;
}

interface Followed {
  readonly following: Following;
  readonly phases: Phase[];
  readonly running: Promise<void>;
  /** Resolves once it was in sync, and is so no more. */
  readonly leavesSync: () => Promise<Phase[]>;
}

/** Follows what is at rest. */
async function follow(
  { caughtUp = nothing, hearTarget = nothing, readAgain = nothing, isPaused = () => false, ...ways }: Ways,
  onSync = (): void => {},
): Promise<Followed> {
  const { streams = { isComplete: true, portions: [] } } = ways;
  const parts = {
    feeds: { attach: nothing, watch: nothing, caughtUp, detach: () => {} },
    rounds: { run: nothing, end: () => {}, settled: nothing, readAgain, changes: 0 },
    gaps: new Gaps(),
    streams,
    lookForDatabases: nothing,
    looks: [],
    findStreams: nothing,
    hearTarget,
    close: nothing,
  } as unknown as FollowingParts;
  const phases: Phase[] = [];
  const sink = { onPhase: (phase: Phase) => void phases.push(phase), onStragglers: () => {} };
  const following = new Following(parts, { ...OPTIONS, cutover: undefined, isPaused }, sink);
  await following.attach();
  following.onWalked();
  const running = following.run();
  const leavesSync = async (): Promise<Phase[]> => {
    while (!phases.includes('in-sync')) await sleep(1);
    onSync();
    while (phases.at(-1) === 'in-sync') await sleep(1);
    return phases;
  };
  return { following, phases, running, leavesSync };
}
