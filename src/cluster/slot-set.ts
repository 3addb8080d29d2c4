// A set of slots.

import { formatCount } from '../../resp/figures.ts';
import { SLOTS } from './slot.ts';

/** More of them make a message no clearer. */
const MOST_RANGES = 20;

export class SlotSet implements Iterable<number> {
  readonly #has = new Uint8Array(SLOTS);
  #size = 0;

  static all(): SlotSet {
    const all = new SlotSet();
    all.addRange(0, SLOTS - 1);
    return all;
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

  /** `0-99, 512`, the ranges beyond the first `most` as a number of slots. */
  describe(most = MOST_RANGES): string {
    const ranges: [first: number, last: number][] = [];
    for (const slot of this) {
      const range = ranges.at(-1);
      if (range?.[1] === slot - 1) range[1] = slot;
      else ranges.push([slot, slot]);
    }
    const shown = ranges.slice(0, most).map(([first, last]) => (first === last ? String(first) : `${first}-${last}`));
    const rest = ranges.slice(most).reduce((sum, [first, last]) => sum + last - first + 1, 0);
    return rest === 0 ? shown.join(', ') : `${shown.join(', ')} and ${formatCount(rest)} more`;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (let slot = 0; slot < SLOTS; slot++) if (this.has(slot)) yield slot;
  }
}
