// A set of slots.

import { SLOTS } from './slot.ts';

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

  *[Symbol.iterator](): IterableIterator<number> {
    for (let slot = 0; slot < SLOTS; slot++) if (this.has(slot)) yield slot;
  }
}
