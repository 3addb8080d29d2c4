// Which of the 16,384 slots a key belongs to: CRC16/XMODEM of its name, or of its hash tag. A tag for each slot, sets of them, and
// when each was seen to move.

import { formatCount } from '../../resp/figures.ts';

export const SLOTS = 16_384;

const OPEN = 123;
const CLOSE = 125;
const POLYNOMIAL = 0x1021;
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let sum = byte << 8;
  for (let bit = 0; bit < 8; bit++) sum = (sum << 1) ^ (sum & 0x8000 ? POLYNOMIAL : 0);
  return sum;
});

/** @param start, end where the name lies in `key` */
export function slotOf(key: Buffer, start = 0, end = key.length): number {
  let from = start;
  let to = end;
  const open = indexOf(key, OPEN, start, end);
  if (open < end) {
    const close = indexOf(key, CLOSE, open + 1, end);
    // An empty tag is none.
    if (close < end && close > open + 1) {
      from = open + 1;
      to = close;
    }
  }
  let sum = 0;
  for (let i = from; i < to; i++) sum = ((sum << 8) & 0xffff) ^ TABLE[(sum >> 8) ^ key[i]!]!;
  return sum & (SLOTS - 1);
}

/** `end` where it is not there. */
function indexOf(key: Buffer, byte: number, start: number, end: number): number {
  let at = start;
  while (at < end && key[at] !== byte) at++;
  return at;
}

/** Hash tags: of the numbers so far, the first of each slot. */
const tags: string[] = [];
let next = 0;

/** What puts a key of any name beside another one: decimal digits whose slot it is. One number in 16,384 belongs to each: no more than 109,757 are ever looked at. */
export function tagOf(slot: number): string {
  for (; tags[slot] === undefined; next++) tags[slotOf(Buffer.from(String(next)))] ??= String(next);
  return tags[slot];
}

/** More of them make a message no clearer. */
const MOST_RANGES = 20;

/** The first slot of a run, and the last. */
export type SlotRange = readonly [first: number, last: number];

export class SlotSet implements Iterable<number> {
  readonly #has = new Uint8Array(SLOTS);
  #size = 0;

  constructor(ranges: readonly SlotRange[] = []) {
    for (const [first, last] of ranges) this.addRange(first, last);
  }

  static all(): SlotSet {
    return new SlotSet([[0, SLOTS - 1]]);
  }

  get size(): number {
    return this.#size;
  }

  has(slot: number): boolean {
    return this.#has[slot] === 1;
  }

  add(slot: number): void {
    this.#size += 1 - this.#has[slot]!;
    this.#has[slot] = 1;
  }

  /** @param last the last slot of the range, included */
  addRange(first: number, last: number): void {
    for (let slot = first; slot <= last; slot++) this.add(slot);
  }

  addAll(slots: Iterable<number>): void {
    for (const slot of slots) this.add(slot);
  }

  delete(slot: number): void {
    this.#size -= this.#has[slot]!;
    this.#has[slot] = 0;
  }

  /** Runs of slots, in their order. */
  get ranges(): SlotRange[] {
    const ranges: [first: number, last: number][] = [];
    for (const slot of this) {
      const range = ranges.at(-1);
      if (range?.[1] === slot - 1) range[1] = slot;
      else ranges.push([slot, slot]);
    }
    return ranges;
  }

  /** `0-99, 512`, the ranges beyond the first `most` as a number of slots. */
  describe(most = MOST_RANGES): string {
    const { ranges } = this;
    const shown = ranges.slice(0, most).map(([first, last]) => (first === last ? String(first) : `${first}-${last}`));
    const rest = ranges.slice(most).reduce((sum, [first, last]) => sum + last - first + 1, 0);
    return rest === 0 ? shown.join(', ') : `${shown.join(', ')} and ${formatCount(rest)} more`;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (let slot = 0; slot < SLOTS; slot++) if (this.has(slot)) yield slot;
  }
}

/** When each slot was last seen to move: whoever remembers a moment learns which slots have not stayed since. */
export class SlotMoves {
  readonly #movedAt = new Float64Array(SLOTS);
  #now = 0;

  /** This moment, as `hasMoved` takes it. */
  get now(): number {
    return this.#now;
  }

  add(slots: Iterable<number>): void {
    const now = this.#now + 1;
    for (const slot of slots) this.#movedAt[slot] = this.#now = now;
  }

  hasMoved(slot: number, since: number): boolean {
    return this.#movedAt[slot]! > since;
  }
}
