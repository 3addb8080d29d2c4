// How many changes were told of keys in scope, and how many of these keys were gone when they were read. Both are known together only
// as of a round that is done with: those to come may have read a part of what they are for.

import { GoneCount } from './gone-count.ts';

export interface Told {
  readonly changes: number;
  readonly gone: number;
}

export class ChangeCount {
  readonly #counts: 'entries' | 'keys';
  /** What hears of each key that is read. */
  readonly read = new GoneCount();
  #changes = 0;
  /** Of these, whose keys are read in a round to come. */
  #unread = 0;
  #told: Told = { changes: 0, gone: 0 };

  /**
   * @param isAll whether all keys are in scope. Where no database is told a key that is written is gone from the others; what a server
   *   removes beside it may be out of scope: then one counts that is gone from all.
   */
  constructor(isAll: boolean) {
    this.#counts = isAll ? 'entries' : 'keys';
  }

  get changes(): number {
    return this.#changes;
  }

  /** Keys that had changed, and were gone when they were read. */
  get gone(): number {
    return this.read[this.#counts];
  }

  /** As of the last round that is done with, and what was counted since of keys that are read. */
  get told(): Told {
    return this.#told;
  }

  /** A key has changed that is to be read. @param databases in which it may be */
  change(db: number | undefined, databases: Iterable<number>, key: Buffer): void {
    this.#changes++;
    this.#unread++;
    this.#onCounted(db, databases, key);
  }

  /** The same of one that is marked, or was read by now. @param times how often it has changed */
  count(db: number | undefined, databases: Iterable<number>, key: Buffer, times: number): void {
    const before = this.gone;
    this.#onCounted(db, databases, key);
    this.#add(times, this.gone - before);
  }

  /** Changes of which no name is kept: at least so many. */
  countUnnamed(changes: number): void {
    this.#add(changes, 0);
  }

  /** All that is to be read is read from now on, in the round that begins. */
  onTaken(): void {
    this.#unread = 0;
  }

  onDone(): void {
    this.#told = { changes: this.#changes - this.#unread, gone: this.gone };
  }

  #add(changes: number, gone: number): void {
    this.#changes += changes;
    this.#told = { changes: this.#told.changes + changes, gone: this.#told.gone + gone };
  }

  #onCounted(db: number | undefined, databases: Iterable<number>, key: Buffer): void {
    if (!this.read.hasUncounted) return;
    for (const each of db === undefined ? databases : [db]) this.read.onCounted(each, key);
  }
}
