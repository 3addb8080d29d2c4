// How many keys had changed and were gone when they were read, to be held against what servers say they have removed. A key may
// be read for other reasons as well, as one that has come or gone with its slot: then it counts only once it counts as changed.

import { NameHash } from '../flow/name-table.ts';

/** Names, each of them as a number. */
export const MOST_NAMES = 500_000;
/** Names of a round that are gone from one database and not from all, at most. */
const MOST_GONE = 65_536;

export class GoneCount {
  readonly #hash = new NameHash();
  #entries = 0;
  #keys = 0;
  /** To be read for another reason, and from which round on: what is read before that is read as it has changed. */
  readonly #uncounted = new Map<number, number>();
  /** Those of them that count as changed by now, and are not read since. */
  readonly #owed = new Set<number>();
  /** Read, and gone, and not counted as changed. */
  readonly #gone = new Set<number>();
  /** In how many databases each name of the round is gone so far, where it is not told of which one. */
  #goneFrom: Map<number, number> | undefined;
  #databases = 1;
  #round = 0;

  /** Keys, in each of the databases in which they are gone. */
  get entries(): number {
    return this.#entries;
  }

  /** Those that are gone from all of the databases in which they may have been. */
  get keys(): number {
    return this.#keys;
  }

  /** A round begins. @param databases in which each of its names may be, where it is not told in which one it is */
  begin(databases: number): void {
    this.#round++;
    this.#databases = databases;
    this.#goneFrom = databases > 1 ? new Map() : undefined;
  }

  /** A key is to be read in a later round, of which nobody has said that it has changed. */
  onMarked(db: number, key: Buffer): void {
    const name = this.#numberOf(db, key);
    if (this.#uncounted.size < MOST_NAMES && !this.#uncounted.has(name)) this.#uncounted.set(name, this.#round + 1);
  }

  /** A key counts as changed: it was read before, or is about to be. */
  onCounted(db: number, key: Buffer): void {
    const name = this.#numberOf(db, key);
    if (this.#gone.delete(name)) this.#count(key);
    else if (this.#uncounted.has(name)) this.#owed.add(name);
  }

  /** It was read, and is there. @param isMarked whether it is to be read once more. @returns whether it counts as changed */
  onThere(db: number, key: Buffer, isMarked: boolean): boolean {
    const name = this.#numberOf(db, key);
    this.#gone.delete(name);
    const isChange = this.#owed.has(name) || this.#hasChanged(name);
    if (!isMarked) this.#settle(name);
    return isChange;
  }

  /** It was read, and is gone. @param isMarked whether it is to be read once more. @returns whether it counts as changed */
  onGone(db: number, key: Buffer, isMarked: boolean): boolean {
    const name = this.#numberOf(db, key);
    const isChange = this.#owed.delete(name) || this.#hasChanged(name);
    if (isChange) this.#count(key);
    else if (this.#gone.size < MOST_NAMES) this.#gone.add(name);
    if (!isMarked) this.#settle(name);
    return isChange;
  }

  /** Whether it matters that a key counts as changed, or is there. */
  get hasUncounted(): boolean {
    return this.#uncounted.size + this.#gone.size > 0;
  }

  /** Whether it was read as it counts as changed. Where there are too many, whoever writes is rather seen once too often than not at all. */
  #hasChanged(name: number): boolean {
    const { size } = this.#uncounted;
    return (this.#uncounted.get(name) ?? Infinity) > this.#round && size < MOST_NAMES;
  }

  #settle(name: number): void {
    this.#uncounted.delete(name);
    this.#owed.delete(name);
  }

  #count(key: Buffer): void {
    this.#entries++;
    const goneFrom = this.#goneFrom;
    if (goneFrom === undefined) return void this.#keys++;
    const name = this.#numberOf(0, key);
    const times = (goneFrom.get(name) ?? 0) + 1;
    if (times === this.#databases) {
      goneFrom.delete(name);
      this.#keys++;
    } else if (times > 1 || goneFrom.size < MOST_GONE) goneFrom.set(name, times);
  }

  #numberOf(db: number, key: Buffer): number {
    this.#hash.of(db, key);
    return this.#hash.high * 2 ** 21 + (this.#hash.low >>> 11);
  }
}
