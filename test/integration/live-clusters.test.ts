// A copy that follows random writers from cluster to cluster, while slots move and primaries fail or hand over on both sides.
import { test, type TestContext } from 'node:test';
import { failedOver, resharded, slotsMigrated, takenOver } from '../support/live/cluster-faults.ts';
import { kills } from '../support/live/faults.ts';
import { FEEDS, runModel, type Fault, type FeedName, type ModelOptions } from '../support/live/model.ts';
import { clusterSide } from '../support/live/sides.ts';
import { AFTER_MOVES, startCluster, type ClusterOptions, type TestCluster } from '../support/redis-cluster.ts';
import { serversWith } from '../support/server-versions.ts';
import { UNSETTABLE } from '../support/snapshot.ts';
import { count, longOnly } from '../support/tier.ts';

const FOLLOWING_MS = count(1500, 6000);
/** Servers lose time with each MIGRATE. */
const MOVED: Partial<ModelOptions> = { same: { ...AFTER_MOVES, without: UNSETTABLE } };

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
  for (const { name, binary } of serversWith('valkey-9.1')) {
    const plain = { source: { binary }, target: { binary } };
    test(`rump follows by tracking a cluster while slots of the other move as one (${name})`, (t) =>
      follow(t, 'tracking', { ...plain, faults: (_, target) => [slotsMigrated(target)] }));
    for (const feed of FEEDS) {
      test(`rump follows by ${feed} a cluster whose slots move as one (${name})`, (t) =>
        follow(t, feed, { ...plain, faults: (source) => [slotsMigrated(source)] }));

      // A server whose slots move as one, and are written, mixes up their databases; so those of the target stay.
      const numbered = { binary, args: ['--cluster-databases', '2'] };
      test(`rump follows by ${feed} two databases of a cluster whose slots move as one (${name})`, (t) =>
        follow(t, feed, { source: numbered, target: numbered, faults: (source) => [slotsMigrated(source)] }));
    }
  }
});

test('rump follows a cluster into a cluster', (t) => follow(t, 'tracking', { faults: () => [] }));

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
