// The keys in one long list: a cursor is a place in it. A new key takes a place that another has left, or the end.
import type { KeyTable, Page } from './key-table.ts';

export class SlotList implements KeyTable {
  readonly #slots: (string | undefined)[] = [];
  readonly #slotOf = new Map<string, number>();
  readonly #free: number[] = [];

  get size(): number {
    return this.#slotOf.size;
  }

  add(key: string): void {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = key;
    this.#slotOf.set(key, slot);
  }

  delete(key: string): void {
    const slot = this.#slotOf.get(key)!;
    this.#slots[slot] = undefined;
    this.#slotOf.delete(key);
    this.#free.push(slot);
  }

  scan(cursor: bigint, count: number): Page {
    if (cursor >= BigInt(this.#slots.length)) return { cursor: 0n, keys: [] };
    const start = Number(cursor);
    const end = start + count;
    const keys = this.#slots.slice(start, end).filter((key) => key !== undefined);
    return { cursor: end < this.#slots.length ? BigInt(end) : 0n, keys };
  }

  random(): string {
    for (;;) {
      const key = this.#slots[Math.floor(Math.random() * this.#slots.length)];
      if (key !== undefined) return key;
    }
  }
}
