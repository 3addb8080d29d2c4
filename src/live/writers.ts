// Whether anybody writes to the source, or keys only expire there; and who still writes after the cutover. What the feeds tell is
// held against what the servers say they have removed by themselves.

import type { Feeds } from './feeds.ts';
import type { Removed } from './removed-counts.ts';
import type { Rounds } from './rounds.ts';
import { ANSWERS } from './written-keys.ts';

const MOST_NAMES = 20;

/** What was told, and what the servers say, at one moment. */
interface Base extends Removed {
  readonly changes: number;
  readonly gone: number;
}

type WritersFeeds = Pick<Feeds, 'removed' | 'caughtUp' | 'written'>;
type WritersRounds = Pick<Rounds, 'changes' | 'gone' | 'count' | 'countUnnamed'>;

export class Writers {
  readonly #feeds: WritersFeeds;
  readonly #rounds: WritersRounds;
  #base: Base | undefined;
  /** Changes that somebody made since then, as far as they were seen. */
  #made = 0;
  #idleSince = performance.now();
  readonly #names = new Map<string, Buffer>();
  #isNaming = false;

  constructor(feeds: WritersFeeds, rounds: WritersRounds) {
    this.#feeds = feeds;
    this.#rounds = rounds;
  }

  /** A key in scope has changed. */
  see(key: Buffer): void {
    if (this.#isNaming && this.#names.size < MOST_NAMES) this.#names.set(key.toString('latin1'), Buffer.from(key));
  }

  /** The first keys that have changed since `begin`. */
  get names(): readonly Buffer[] {
    return [...this.#names.values()];
  }

  /** Changes are counted from now on, and the first keys kept by name. */
  async begin(): Promise<void> {
    // Whatever the servers had removed by now is told by the time that the changes are counted.
    const removed = await this.#feeds.removed();
    let gone = 0;
    for (let looks = 0; looks < ANSWERS; looks++) {
      // What is told while it looks is counted by the next look: so what of it is read meanwhile, and is gone, is gone since.
      ({ gone } = this.#rounds);
      await this.look();
    }
    this.#base = { ...removed, changes: this.#rounds.changes, gone };
    this.#made = 0;
    this.#idleSince = performance.now();
    this.#names.clear();
    this.#isNaming = true;
  }

  /** Counts what is told of a cluster, where that has to be asked for. */
  async look(): Promise<void> {
    await this.#feeds.caughtUp();
    const { keys, slots } = await this.#feeds.written();
    for (const { db, key, times } of keys) if (this.#rounds.count(db, key, times)) this.see(key);
    this.#rounds.countUnnamed(slots.length);
    // Who is let go of before the next look has said by then what it has removed.
    await this.#feeds.removed();
  }

  /** Milliseconds for which nobody wrote, as far as the looks so far tell. @param changes as of `count` */
  async idleFor(changes: number): Promise<number> {
    if (this.#base === undefined) await this.begin();
    const before = this.#made;
    if ((await this.count(changes)) > before) this.#idleSince = performance.now();
    return performance.now() - this.#idleSince;
  }

  /**
   * How many changes somebody has made since `begin`: keys and fields that expire are none, nor are keys that are thrown away.
   * @param changes that the feeds had told by a moment; all of them are read by now
   */
  async count(changes: number): Promise<number> {
    const base = this.#base!;
    const removed = await this.#feeds.removed();
    const gone = this.#rounds.gone - base.gone;
    const expired = Math.min(gone, removed.keys - base.keys);
    const fields = removed.fields - base.fields;
    // A hash that has lost all of its fields goes as well, and is not counted as expired.
    const emptied = Math.min(gone - expired, fields);
    const made = changes - base.changes - expired - fields - emptied;
    // What was removed may be heard of later.
    this.#made = Math.max(this.#made, made);
    return this.#made;
  }
}
