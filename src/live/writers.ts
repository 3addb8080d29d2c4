// Whether anybody writes to the source, or keys only expire there; and who still writes after the cutover. What the feeds tell is
// held against what the servers say they have removed by themselves.

import type { Told } from './change-count.ts';
import type { Feeds } from './feeds.ts';
import type { Removed } from './removed-counts.ts';
import type { Rounds } from './rounds.ts';
import { ANSWERS } from './written-keys.ts';

/** Keys that are named. */
const MOST_NAMES = 20;

/** What was told, and what the servers say, at one moment. */
interface Base extends Removed, Told {}

type WritersFeeds = Pick<Feeds, 'removed' | 'caughtUp' | 'written' | 'tellsWritesApart'>;
type WritersRounds = Pick<Rounds, 'told' | 'gone' | 'count' | 'countUnnamed' | 'settled' | 'onReadKey'>;

export class Writers {
  readonly #feeds: WritersFeeds;
  readonly #rounds: WritersRounds;
  #base: Base | undefined;
  /** Changes that somebody made since then, as far as they were seen. */
  #made = 0;
  #idleSince = performance.now();
  /** Names of keys that have changed and are there; and of such as are gone, as keys are that expire. */
  readonly #there = new Set<string>();
  readonly #gone = new Set<string>();

  constructor(feeds: WritersFeeds, rounds: WritersRounds) {
    this.#feeds = feeds;
    this.#rounds = rounds;
  }

  /** The first keys that have changed since `begin`; of those that are gone, which may have expired, only where there are no others. */
  get names(): readonly Buffer[] {
    const names = [...this.#there, ...this.#gone].slice(0, MOST_NAMES);
    return names.map((name) => Buffer.from(name, 'latin1'));
  }

  /** Changes are counted from now on, and the first keys kept by name. */
  async begin(): Promise<void> {
    // Whatever the servers had removed by now is told, and read, by the time that the changes are counted.
    const removed = await this.#feeds.removed();
    for (let looks = 0; looks < ANSWERS; looks++) await this.look();
    await this.#rounds.settled();
    this.#base = { ...removed, ...this.#rounds.told };
    this.#made = 0;
    this.#idleSince = performance.now();
    this.#there.clear();
    this.#gone.clear();
    // Otherwise it is looked for: not all that is read has been written.
    if (!this.#feeds.tellsWritesApart) this.#rounds.onReadKey = (key, isGone) => this.#see(key, isGone);
  }

  /** Counts what is told of a cluster, where that has to be asked for. */
  async look(): Promise<void> {
    await this.#feeds.caughtUp();
    const { keys, slots } = await this.#feeds.written();
    for (const { db, key, times } of keys) {
      const { gone } = this.#rounds;
      if (this.#rounds.count(db, key, times)) this.#see(key, this.#rounds.gone > gone);
    }
    this.#rounds.countUnnamed(slots.length);
    // Who is let go of before the next look has said by then what it has removed.
    await this.#feeds.removed();
  }

  /** Milliseconds for which nobody wrote, as far as the looks so far tell. */
  async idleFor(): Promise<number> {
    if (this.#base === undefined) await this.begin();
    const before = this.#made;
    if ((await this.count()) > before) this.#idleSince = performance.now();
    return performance.now() - this.#idleSince;
  }

  /**
   * How many changes somebody has made since `begin`, of those that are read by now: keys and fields that expire are none, nor are
   * keys that are thrown away.
   */
  async count(): Promise<number> {
    const base = this.#base!;
    const { changes, gone: goneSoFar } = this.#rounds.told;
    const removed = await this.#feeds.removed();
    const gone = goneSoFar - base.gone;
    const expired = Math.min(gone, removed.keys - base.keys);
    const fields = removed.fields - base.fields;
    // A hash that has lost all of its fields goes as well, and is not counted as expired.
    const emptied = Math.min(gone - expired, fields);
    const made = changes - base.changes - expired - fields - emptied;
    // What was removed may be heard of later.
    this.#made = Math.max(this.#made, made);
    return this.#made;
  }

  #see(key: Buffer, isGone: boolean): void {
    const name = key.toString('latin1');
    if (isGone) this.#there.delete(name);
    const names = isGone ? this.#gone : this.#there;
    if (names.size < MOST_NAMES) names.add(name);
  }
}
