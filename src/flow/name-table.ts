// Names as 64-bit hashes, eight bytes a slot: what tells names apart without keeping them. Two names of one hash are taken for
// one; with a million names in the table that becomes of one name out of 2^44, and nobody can choose it: the seeds are new in each run.

import { randomBytes } from 'node:crypto';

const FIRST_SLOTS = 1024;
/** Above this share of the slots the search for a free one takes long. */
const MOST_FILLED = 0.7;

/** Open addressing: a hash stands at the slot that its low half names, or at the next free one. A low half of 0 is a free slot. */
export class NameTable {
  #highs: Uint32Array;
  #lows: Uint32Array;
  #size = 0;

  /** @param slots a power of two */
  constructor(slots: number = FIRST_SLOTS) {
    this.#highs = new Uint32Array(slots);
    this.#lows = new Uint32Array(slots);
  }

  get size(): number {
    return this.#size;
  }

  /** Whether it is time to `grow`, or to take something out. */
  get isFull(): boolean {
    return this.#size > this.#lows.length * MOST_FILLED;
  }

  has(high: number, low: number): boolean {
    return this.#lows[this.#slotOf(high, low || 1)] !== 0;
  }

  add(high: number, low: number): void {
    const slot = this.#slotOf(high, low || 1);
    if (this.#lows[slot] === 0) this.#size++;
    this.#highs[slot] = high;
    this.#lows[slot] = low || 1;
  }

  /** What stands behind it moves up, so that every search still ends at a free slot. */
  delete(high: number, low: number): void {
    const [highs, lows] = [this.#highs, this.#lows];
    const mask = lows.length - 1;
    let free = this.#slotOf(high, low || 1);
    if (lows[free] === 0) return;
    for (let slot = (free + 1) & mask; lows[slot] !== 0; slot = (slot + 1) & mask) {
      const fromHome = (slot - lows[slot]!) & mask;
      // It may not stand in front of the slot that it names.
      if (fromHome < ((slot - free) & mask)) continue;
      highs[free] = highs[slot]!;
      lows[free] = lows[slot]!;
      free = slot;
    }
    lows[free] = 0;
    this.#size--;
  }

  /** Doubles the slots. */
  grow(): void {
    this.#fill(this.#lows.length * 2, () => true);
  }

  /** Takes out whatever has a high half from here up. */
  keepBelow(high: number): void {
    this.#fill(this.#lows.length, (other) => other < high);
  }

  #fill(slots: number, isKept: (high: number) => boolean): void {
    const [highs, lows] = [this.#highs, this.#lows];
    this.#highs = new Uint32Array(slots);
    this.#lows = new Uint32Array(slots);
    this.#size = 0;
    for (let slot = 0; slot < lows.length; slot++) {
      if (lows[slot] !== 0 && isKept(highs[slot]!)) this.add(highs[slot]!, lows[slot]!);
    }
  }

  #slotOf(high: number, low: number): number {
    const mask = this.#lows.length - 1;
    let slot = low & mask;
    while (this.#lows[slot] !== 0 && (this.#lows[slot] !== low || this.#highs[slot] !== high)) slot = (slot + 1) & mask;
    return slot;
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
