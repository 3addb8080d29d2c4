// Keys that the target had before the run, half of them of names that the source writes and deletes: each policy keeps its word.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { feedCut, SMALL_BACKLOG } from '../support/live/faults.ts';
import { FEEDS, runModel, type FeedName } from '../support/live/model.ts';
import { Random } from '../support/live/random.ts';
import type { Outcome, Router, Step } from '../support/live/router.ts';
import { Standing } from '../support/live/standing.ts';
import { Writer } from '../support/live/writers.ts';
import { variants } from '../support/tier.ts';

const OWN = 1000;
/** The source writes and deletes so many of them. */
const SHARED = 500;
const RATE = 400;
const UNSHARED = names(SHARED, OWN);

/** What the target has of the shared names at the end. */
type Judge = (at: SharedNames) => void;

interface SharedNames {
  readonly writer: SharedWriter;
  /** By name, what each side holds. */
  readonly source: ReadonlyMap<string, string | null>;
  readonly target: ReadonlyMap<string, string | null>;
  /** Whether deletes may have been missed, so that a name has stayed the target's own. */
  readonly hasGaps: boolean;
}

const POLICIES: Readonly<Record<string, { readonly code: number; readonly judge: Judge }>> = {
  replace: { code: 0, judge: assertReplaced },
  skip: { code: 0, judge: assertKept },
  fail: { code: 1, judge: assertKept },
};

const CASES = Object.entries(POLICIES).flatMap(([policy, how]) => FEEDS.map((feed) => ({ policy, how, feed })));

for (const { policy, how, feed } of variants(...CASES)) {
  test(`rump that follows by ${feed} with --on-conflict ${policy} knows whose keys the target has`, (t) =>
    follow(t, feed, policy, { ...how, hasGaps: feed !== FEEDS[0] }));
}

async function follow(
  t: TestContext,
  feed: FeedName,
  policy: string,
  { code, judge, hasGaps }: { readonly code: number; readonly judge: Judge; readonly hasGaps: boolean },
): Promise<void> {
  const databases = [0];
  const [source, target] = await Promise.all([
    Standing.start(t, { databases, args: SMALL_BACKLOG }),
    Standing.start(t, { databases }),
  ]);
  const [from, to] = await Promise.all([source.server.client(), target.server.client()]);
  await to.pipeline(names(0, OWN).map((name) => ['SET', name, mine(name)]));
  const router = source.side.router();
  t.after(() => router.close());
  const writer = new SharedWriter(router, new Random(1));
  await from.pipeline(names(0, SHARED / 2).map((name) => ['SET', name, 'source']));
  for (const name of names(0, SHARED / 2)) writer.written.add(name);
  await runModel(t, {
    feed,
    source: source.side,
    target: target.side,
    endpoints: ['--from', source.readerUrl, '--to', target.url],
    args: ['--on-conflict', policy],
    code,
    before: 1000,
    following: 600,
    writers: [writer],
    faults: hasGaps ? [feedCut(source)] : [],
    same: {
      isForeign: (name) => name.startsWith('own:'),
      nameOf: (name) => (name.startsWith('own:') ? undefined : name),
    },
  });
  const [theirs, ours] = await Promise.all(
    [from, to].map(async (client) => {
      const values = (await client.send('MGET', ...names(0, OWN))) as (Buffer | null)[];
      return new Map(names(0, OWN).map((name, i) => [name, values[i] === null ? null : String(values[i])]));
    }),
  );
  for (const name of UNSHARED) assert.equal(ours!.get(name), mine(name));
  judge({ writer, source: theirs!, target: ours!, hasGaps });
}

function assertReplaced({ writer, source, target, hasGaps }: SharedNames): void {
  for (const name of names(0, SHARED)) {
    const [expected, found] = [source.get(name), target.get(name)];
    if (!writer.written.has(name)) assert.equal(found, mine(name), `${name} is none of the source's`);
    else if (expected !== null || !hasGaps) assert.equal(found, expected, name);
    else assert.ok(found === null || found === mine(name), `${name} is ${found}`);
  }
}

function assertKept({ target }: SharedNames): void {
  for (const name of names(0, SHARED)) assert.equal(target.get(name), mine(name));
}

class SharedWriter extends Writer {
  /** Names that the source has had since the run began. */
  readonly written = new Set<string>();
  readonly #random: Random;
  #value = 0;

  constructor(router: Router, random: Random) {
    super(router, RATE);
    this.#random = random;
  }

  protected override next(count: number): readonly Step[] {
    return Array.from({ length: count }, () => {
      const name = `own:${this.#random.hot(SHARED)}`;
      const command = this.#random.chance(0.4) ? ['DEL', name] : ['SET', name, `source ${(this.#value += 1)}`];
      return { db: 0, key: Buffer.from(name), commands: [command] };
    });
  }

  protected override settled(step: Step, outcome: Outcome): void {
    super.settled(step, outcome);
    if (step.commands[0]![0] === 'SET') this.written.add(String(step.key));
  }
}

function names(first: number, end: number): string[] {
  return Array.from({ length: end - first }, (_, i) => `own:${first + i}`);
}

function mine(name: string): string {
  return `mine ${name}`;
}
