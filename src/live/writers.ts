// Whether anybody writes to the source, or keys only expire there; and who still writes after the cutover. What the feeds tell is
// held against what the servers say they have removed by themselves.

import type { Feeds } from './feeds.ts';
import type { Removed } from './removed-counts.ts';
import type { Rounds } from './rounds.ts';
import { ANSWERS } from './written-keys.ts';

/** Keys that are named. */
const MOST_NAMES = 20;
/** Of those that may be there, whose names are kept until they are read; and bytes of more than are named. */
const MOST_SEEN = 1000;
const MOST_BYTES = 1024 * 1024;

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
  /** Names of keys that have changed, and may be there; and of some that are gone, as keys are that expire. */
  readonly #there = new Set<string>();
  readonly #gone = new Set<string>();
  #bytes = 0;
  #isNaming = false;

  constructor(feeds: WritersFeeds, rounds: WritersRounds) {
    this.#feeds = feeds;
    this.#rounds = rounds;
  }

  /** A key in scope has changed. @param isGone whether it was gone when it was read since */
  see(key: Buffer, isGone = false): void {
    if (!this.#isNaming) return;
    const name = key.toString('latin1');
    if (isGone) this.#keepGone(name);
    else if (!this.#there.has(name) && this.#hasRoom(key.length)) {
      this.#there.add(name);
      this.#bytes += key.length;
    }
  }

  /** A key was read that is gone. */
  onGone(key: Buffer): void {
    if (!this.#isNaming) return;
    const name = key.toString('latin1');
    if (!this.#there.delete(name)) return;
    this.#bytes -= key.length;
    this.#keepGone(name);
  }

  /** The first keys that have changed since `begin`; of those that are gone, which may have expired, only where there are no others. */
  get names(): readonly Buffer[] {
    const names = [...this.#there, ...this.#gone].slice(0, MOST_NAMES);
    return names.map((name) => Buffer.from(name, 'latin1'));
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
    this.#there.clear();
    this.#gone.clear();
    this.#bytes = 0;
    this.#isNaming = true;
  }

  /** Counts what is told of a cluster, where that has to be asked for. */
  async look(): Promise<void> {
    await this.#feeds.caughtUp();
    const { keys, slots } = await this.#feeds.written();
    for (const { db, key, times } of keys) {
      const { gone } = this.#rounds;
      if (this.#rounds.count(db, key, times)) this.see(key, this.#rounds.gone > gone);
    }
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

  #hasRoom(bytes: number): boolean {
    const { size } = this.#there;
    return size < MOST_NAMES || (size < MOST_SEEN && this.#bytes + bytes <= MOST_BYTES);
  }

  #keepGone(name: string): void {
    if (this.#gone.size < MOST_NAMES) this.#gone.add(name);
  }
}
