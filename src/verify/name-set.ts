// The names of a file, as 64-bit hashes within a budget: where they are too many, those from a part of the range of hashes.
// The rest is for another pass, which begins where this one ended.

import { randomBytes } from 'node:crypto';

export const HASH_RANGE = 2 ** 32;

const DEFAULT_BUDGET = 32 * 1024 * 1024;
const HASH_BYTES = 8;
/** Above this share of the slots the search for a free one takes long. */
const MOST_FILLED = 0.7;

export class NameSet {
  readonly #hash: NameHash;
  readonly #from: number;
  readonly #budget: number;
  readonly #highs: Uint32Array;
  readonly #lows: Uint32Array;
  readonly #most: number;
  #upTo = HASH_RANGE;
  #size = 0;

  /**
   * @param from the first half of the hashes that are looked at, from here up
   * @param budget bytes, of which a power of two is used
   */
  constructor(hash: NameHash, from: number, budget: number = DEFAULT_BUDGET) {
    this.#hash = hash;
    this.#from = from;
    this.#budget = budget;
    const slots = 2 ** Math.floor(Math.log2(budget / HASH_BYTES));
    this.#highs = new Uint32Array(slots);
    this.#lows = new Uint32Array(slots);
    this.#most = Math.floor(slots * MOST_FILLED);
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
    this.#put(this.#hash.high, this.#hash.low);
    while (this.#size > this.#most) this.#shrink();
  }

  /** Whether it can tell of the name. */
  covers(db: number, name: Buffer): boolean {
    this.#hash.of(db, name);
    return this.#hash.high >= this.#from && this.#hash.high < this.#upTo;
  }

  /** Whether the name was added, where it covers it. */
  has(db: number, name: Buffer): boolean {
    this.#hash.of(db, name);
    const slot = this.#slotOf(this.#hash.high, this.#hash.low || 1);
    return this.#lows[slot] !== 0;
  }

  /** A low half of 0 is an empty slot. */
  #put(high: number, low: number): void {
    const slot = this.#slotOf(high, low || 1);
    if (this.#lows[slot] === 0) this.#size++;
    this.#highs[slot] = high;
    this.#lows[slot] = low || 1;
  }

  #slotOf(high: number, low: number): number {
    const mask = this.#lows.length - 1;
    let slot = low & mask;
    while (this.#lows[slot] !== 0 && (this.#lows[slot] !== low || this.#highs[slot] !== high)) slot = (slot + 1) & mask;
    return slot;
  }

  #shrink(): void {
    this.#upTo = this.#from + Math.max(1, Math.floor((this.#upTo - this.#from) / 2));
    const kept: [number, number][] = [];
    for (const [slot, low] of this.#lows.entries()) {
      if (low !== 0 && this.#highs[slot]! < this.#upTo) kept.push([this.#highs[slot]!, low]);
    }
    this.#lows.fill(0);
    this.#size = 0;
    for (const [high, low] of kept) this.#put(high, low);
  }
}

/** 64 bits of a database and a name, other ones in every run: what tells names apart without keeping them. */
export class NameHash {
  readonly #seeds = [randomBytes(4).readUInt32LE(), randomBytes(4).readUInt32LE()] as const;
  /** Both halves are whole numbers below 2^32, and of the last name that `of` was given. */
  high = 0;
  low = 0;

  of(db: number, name: Buffer): void {
    let high = this.#seeds[0] ^ db;
    let low = Math.imul(this.#seeds[1] ^ db, 0x9e3779b1);
    for (let i = 0; i < name.length; i++) {
      const byte = name[i]!;
      high = Math.imul(high ^ byte, 0x01000193);
      high ^= high >>> 15;
      low = Math.imul(low + byte, 0x85ebca6b);
      low = (low << 13) | (low >>> 19);
    }
    this.high = mixed(high ^ name.length);
    this.low = mixed(low ^ this.#seeds[0]);
  }
}

/** Every bit of the result depends on every bit of the sum. */
function mixed(sum: number): number {
  let bits = sum;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}
