// A copy that follows random writers from cluster to cluster, while slots move and primaries fail or hand over on both sides.
import { test, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { slotOfKey } from '../support/cluster-slot.ts';
import type { SameSidesOptions } from '../support/live/compare.ts';
import { failedOver, resharded, slotsMigrated, takenOver } from '../support/live/cluster-faults.ts';
import { kills } from '../support/live/faults.ts';
import { FEEDS, runModel, type Fault, type FeedName, type ModelOptions } from '../support/live/model.ts';
import type { Step } from '../support/live/router.ts';
import { clusterSide } from '../support/live/sides.ts';
import { AFTER_MOVES, startCluster, type ClusterOptions, type TestCluster } from '../support/redis-cluster.ts';
import { serversWith } from '../support/server-versions.ts';
import { UNSETTABLE } from '../support/snapshot.ts';
import { longOnly } from '../support/tier.ts';

/** Through several faults. */
const FOLLOWING_MS = 6000;
/** Servers lose time with each MIGRATE. */
const MOVED: Partial<ModelOptions> = { same: { ...AFTER_MOVES, without: UNSETTABLE } };

/** Faults go on until rump has ended. */
const lingering = (time: string): Partial<ModelOptions> => ({
  lasts: true,
  args: ['--retries', '50', '--linger', time],
});
const LINGERING = lingering('2s');
/** Whoever writes all the time does so within it, however busy the machine is. */
const LINGERING_LONG = lingering('8s');
/** Milliseconds for which a slot stays: whoever writes to it is told from the move. */
const STAYING = [800, 1000] as const;
/** What is written until rump has ended, and so is not the same on both sides; other keys of its slot are. */
const LATE = '{late}written';
/** Keys of the same slot that nobody writes any more. */
const STILL = Array.from({ length: 100 }, (_, i) => `{late}${i}`);
const MOST_NAMES = 20;
/** A slot that moves as one leaves behind what is pending of entries that are deleted: also when all has been read. */
const WITHOUT_PENDING: SameSidesOptions = { without: new Set([...UNSETTABLE, 'pel-count', 'pending']) };
const WITHOUT_LATE: SameSidesOptions = {
  nameOf: (name) => (name === LATE ? undefined : name),
  isForeign: (name) => name === LATE,
};

interface Case {
  readonly source?: ClusterOptions;
  readonly target?: ClusterOptions;
  readonly faults: (source: TestCluster, target: TestCluster) => readonly Fault[];
  readonly options?: Partial<ModelOptions>;
}

const CASES: Readonly<Record<string, Case>> = {
  'while slots of both move': {
    faults: (source, target) => [resharded(source), resharded(target)],
    options: MOVED,
  },
  'whose primaries hand over': {
    source: { replicas: 1 },
    faults: (source) => [takenOver(source)],
    options: { forgets: true },
  },
  'and the primaries of the other hand over': {
    target: { replicas: 1 },
    faults: (_, target) => [takenOver(target)],
  },
  'one of whose primaries fails': {
    source: { replicas: 1 },
    faults: (source) => [failedOver(source)],
    options: { forgets: true },
  },
  'by a rump that is killed now and then, while slots move': {
    source: { replicas: 1 },
    faults: (source) => [kills(), resharded(source)],
    options: { ...MOVED, args: ['--retries', '50', '--resume', 'target'] },
  },
  'and a primary of the other fails': {
    target: { replicas: 1 },
    faults: (_, target) => [failedOver(target)],
  },
};

longOnly(() => {
  // Each takes a cluster on both sides, and a quarter of a minute: the feeds take turns.
  for (const [index, [what, one]] of Object.entries(CASES).entries()) {
    const feed = FEEDS[index % FEEDS.length]!;
    test(`rump follows by ${feed} a cluster ${what}`, (t) => follow(t, feed, one));
  }
  test('rump names nobody by tracking whose slots move while it cuts over', (t) =>
    follow(t, 'tracking', { faults: (source) => [resharded(source)], options: { ...LINGERING, ...MOVED } }));

  for (const { name, binary } of serversWith('valkey-9.1')) {
    const plain = { source: { binary }, target: { binary } };
    test(`rump follows by tracking a cluster while slots of the other move as one (${name})`, (t) =>
      follow(t, 'tracking', { ...plain, faults: (_, target) => [slotsMigrated(target)] }));
    test(`rump names nobody by psync whose slots move as one while it cuts over (${name})`, (t) =>
      follow(t, 'psync', {
        ...plain,
        faults: (source) => [slotsMigrated(source)],
        options: { ...LINGERING, same: WITHOUT_PENDING },
      }));

    test(`rump names by psync who writes to a slot that moves as one while it cuts over, and nobody else (${name})`, (t) =>
      follow(t, 'psync', {
        ...plain,
        faults: (source) => [slotsMigrated(source, { slots: [slotOfKey(LATE)], pause: STAYING }), writing(source)],
        options: { ...LINGERING_LONG, code: 1, same: WITHOUT_LATE },
      }));

    // A server whose slots move as one, and are written, mixes up their databases; so those of the target stay.
    const numbered = { binary, args: ['--cluster-databases', '2'] };
    for (const feed of FEEDS) {
      test(`rump follows by ${feed} two databases of a cluster whose slots move as one (${name})`, (t) =>
        follow(t, feed, { source: numbered, target: numbered, faults: (source) => [slotsMigrated(source)] }));
    }
  }
});

test('rump follows a cluster into a cluster', (t) =>
  follow(t, 'tracking', { faults: () => [], options: { following: 500, before: 1500, rate: 800 } }));

/** Somebody who was not stopped, and whom rump is to name. */
function writing(cluster: TestCluster): Fault {
  const router = clusterSide(cluster).router();
  let times = 0;
  return {
    pause: [20, 60],
    async strike() {
      await router.deliver([...(times === 0 ? STILL : []), LATE].map((name) => stepSetting(name, times)));
      times += 1;
    },
    unfelt(stderr) {
      const [, told = ''] =
        /^rump: warning: the source is still written after the cutover, .* are (.*)$/m.exec(stderr) ?? [];
      const names = told.split(', ');
      // Keys that have expired are among them.
      const named = names.filter((name) => name.startsWith('"{late}'));
      const isNamed = isDeepStrictEqual(named, names.length < MOST_NAMES ? [`"${LATE}"`] : named.slice(0, 1));
      return isNamed ? undefined : `It was told of ${told}`;
    },
  };
}

function stepSetting(name: string, value: number): Step {
  const key = Buffer.from(name);
  return { db: 0, key, commands: [['SET', key, value]] };
}

async function follow(t: TestContext, feed: FeedName, one: Case): Promise<void> {
  const [source, target] = await Promise.all([startCluster(t, one.source), startCluster(t, one.target)]);
  const databases = one.source?.args?.includes('--cluster-databases') === true ? [0, 1] : [0];
  await runModel(t, {
    feed,
    source: clusterSide(source, databases),
    target: clusterSide(target, databases),
    endpoints: ['--from', source.url, '--to', target.url],
    args: ['--retries', '50'],
    following: FOLLOWING_MS,
    faults: one.faults(source, target),
    ...one.options,
  });
}
