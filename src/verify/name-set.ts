// The names of a file, as 64-bit hashes within a budget: where they are too many, those from a part of the range of hashes.
// The rest is for another pass, which begins where this one ended.

import { NameTable, type NameHash } from '../flow/name-table.ts';

export const HASH_RANGE = 2 ** 32;

const DEFAULT_BUDGET = 32 * 1024 * 1024;
const HASH_BYTES = 8;

export class NameSet {
  readonly #hash: NameHash;
  readonly #from: number;
  readonly #budget: number;
  readonly #names: NameTable;
  #upTo = HASH_RANGE;

  /**
   * @param from the first half of the hashes that are looked at, from here up
   * @param budget bytes, of which a power of two is used
   */
  constructor(hash: NameHash, from: number, budget: number = DEFAULT_BUDGET) {
    this.#hash = hash;
    this.#from = from;
    this.#budget = budget;
    this.#names = new NameTable(2 ** Math.floor(Math.log2(budget / HASH_BYTES)));
  }

  /** Where the hashes end that it knows all of; as large as `HASH_RANGE` when there are no others. */
  get upTo(): number {
    return this.#upTo;
  }

  /** For names of the hashes that follow. */
  next(): NameSet {
    return new NameSet(this.#hash, this.#upTo, this.#budget);
  }

  add(db: number, name: Buffer): void {
    if (!this.covers(db, name)) return;
    this.#names.add(this.#hash.high, this.#hash.low);
    while (this.#names.isFull) this.#shrink();
  }

  /** Whether it can tell of the name. */
  covers(db: number, name: Buffer): boolean {
    this.#hash.of(db, name);
    return this.#hash.high >= this.#from && this.#hash.high < this.#upTo;
  }

  /** Whether the name was added, where it covers it. */
  has(db: number, name: Buffer): boolean {
    this.#hash.of(db, name);
    return this.#names.has(this.#hash.high, this.#hash.low);
  }

  #shrink(): void {
    this.#upTo = this.#from + Math.max(1, Math.floor((this.#upTo - this.#from) / 2));
    this.#names.keepBelow(this.#upTo);
  }
}
