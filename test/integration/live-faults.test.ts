// A copy that follows random writers through every fault ends with what they have left. Each run has a seed, which is
// printed; TEST_SEED runs it again.
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  failOver,
  feedCut,
  kills,
  lateBytes,
  refusing,
  resets,
  restarts,
  SMALL_BACKLOG,
  stalls,
} from '../support/live/faults.ts';
import { LateProxy } from '../support/live/late-proxy.ts';
import { FEEDS, runModel, type Fault, type FeedName, type ModelOptions } from '../support/live/model.ts';
import { Standing, type StandingOptions } from '../support/live/standing.ts';
import { folderOf } from '../support/resp-file.ts';
import { count, longOnly, variants } from '../support/tier.ts';

const FOLLOWING_MS = count(1200, 3000);

interface Case {
  readonly source?: StandingOptions;
  readonly target?: StandingOptions;
  readonly faults: (source: Standing, target: Standing, t: TestContext) => readonly Fault[];
  readonly options?: (t: TestContext) => Partial<ModelOptions>;
  /** With which it failed once. */
  readonly seeds?: Readonly<Partial<Record<FeedName, number>>>;
}

/** The first in the quick tier. */
const CASES: Readonly<Record<string, Case>> = {
  'whose feed is cut every second': {
    source: { args: SMALL_BACKLOG },
    faults: (source) => [feedCut(source)],
  },
  'over lines that are reset in the middle of frames': {
    faults: (source, target) => [resets(source.door), resets(target.door)],
    options: () => ({ args: ['--retries', '50'] }),
  },
  'from and to servers that stall': {
    faults: (source, target) => [stalls(source), stalls(target)],
  },
  'into a server that is killed and begins again': {
    target: { keeps: true },
    faults: (_, target) => [restarts(target)],
    seeds: { psync: 3_832_919, tracking: 221_861_637 },
  },
  'into a server that is lost, and its replica takes over': {
    target: { replica: true },
    faults: (_, target) => [failOver(target, 'lost')],
  },
  'into a server that hands over to its replica': {
    target: { replica: true },
    faults: (_, target) => [failOver(target, 'handed over')],
  },
  'from a server that is lost, and its replica takes over': {
    source: { replica: true },
    faults: (source) => [failOver(source, 'lost')],
    options: () => ({ forgets: true }),
  },
  'from a server that hands over to its replica': {
    source: { replica: true },
    faults: (source) => [failOver(source, 'handed over')],
    options: () => ({ forgets: true }),
  },
  'into a server that has no memory now and then': {
    faults: (_, target) => [refusing(target, 'OOM')],
    options: () => ({ args: ['--retries', '50'] }),
  },
  'into a server that takes no writes now and then': {
    faults: (_, target) => [refusing(target, 'READONLY')],
    options: () => ({ args: ['--retries', '50'] }),
  },
  'which is flushed and swapped now and then': {
    faults: () => [],
    options: () => ({ floods: true, rate: 3000 }),
    seeds: { psync: 995_023_786 },
  },
  'by a rump that is killed now and then': {
    faults: () => [kills()],
    options: (t) => ({ args: ['--resume', join(folderOf(t), 'checkpoint')] }),
  },
  'whose feed is cut, over lines that are reset, from and to servers that stall': {
    source: { args: SMALL_BACKLOG },
    faults: (source, target) => [feedCut(source), resets(target.door), stalls(target)],
    options: () => ({ args: ['--retries', '50'] }),
  },
};

for (const [index, [what, one]] of variants(...Object.entries(CASES).entries())) {
  for (const feed of FEEDS) {
    // The feeds take turns, and what has failed once stays.
    const isTurn = feed === FEEDS[index % FEEDS.length];
    for (const seed of new Set([
      ...(isTurn ? [undefined] : []),
      ...(one.seeds?.[feed] === undefined ? [] : [one.seeds[feed]]),
    ])) {
      const title = seed === undefined ? '' : ` (seed ${seed})`;
      test(`rump follows by ${feed} random writers ${what}${title}`, (t) => follow(t, feed, one, seed));
    }
  }
}

longOnly(() => {
  for (const feed of FEEDS) {
    test(`rump follows by ${feed} into a server that hears late what lost connections had sent`, async (t) => {
      const [source, target] = await Promise.all([Standing.start(t), Standing.start(t)]);
      const proxy = await LateProxy.start(target.server.port);
      t.after(() => proxy.close());
      await runModel(t, {
        feed,
        source: source.side,
        target: target.side,
        endpoints: ['--from', source.readerUrl, '--to', proxy.url],
        args: ['--retries', '50'],
        following: FOLLOWING_MS,
        faults: [lateBytes(proxy)],
      });
    });
  }
});

async function follow(t: TestContext, feed: FeedName, one: Case, seed: number | undefined): Promise<void> {
  const [source, target] = await Promise.all([Standing.start(t, one.source), Standing.start(t, one.target)]);
  await runModel(t, {
    feed,
    source: source.side,
    target: target.side,
    endpoints: ['--from', source.readerUrl, '--to', target.url],
    following: FOLLOWING_MS,
    faults: one.faults(source, target, t),
    ...(seed === undefined ? {} : { seed }),
    ...one.options?.(t),
  });
}
