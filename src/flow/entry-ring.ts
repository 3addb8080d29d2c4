// A first-in, first-out ring of entries. Its slots are made once and used again: an entry in passing costs no object.

import { Buffer } from 'node:buffer';
import type { Entry } from './entry.ts';
import { NEVER } from '../rdb/milliseconds.ts';

const INITIAL_SLOTS = 64;
const NO_KEY = Buffer.alloc(0);

export function newEntry(): Entry {
  return { db: 0, key: NO_KEY, payload: null, large: null, expireAt: NEVER, idle: -1, frequency: -1 };
}

function copyEntry(from: Entry, to: Entry): void {
  to.db = from.db;
  to.key = from.key;
  to.payload = from.payload;
  to.large = from.large;
  to.expireAt = from.expireAt;
  to.idle = from.idle;
  to.frequency = from.frequency;
}

export class EntryRing {
  #slots: Entry[] = Array.from({ length: INITIAL_SLOTS }, newEntry);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies the fields of `entry`; the Buffers themselves are kept. */
  push(entry: Entry): void {
    if (this.#length === this.#slots.length) this.#grow();
    copyEntry(entry, this.#slots[(this.#head + this.#length++) & (this.#slots.length - 1)]!);
  }

  /** Moves the oldest entry into `entry`; false when there is none. */
  take(entry: Entry): boolean {
    if (this.#length === 0) return false;
    const slot = this.#slots[this.#head]!;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    copyEntry(slot, entry);
    slot.key = NO_KEY;
    slot.payload = null;
    slot.large = null;
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = Array.from({ length: old.length * 2 }, (_, i) =>
      i < old.length ? old[(this.#head + i) & (old.length - 1)]! : newEntry(),
    );
    this.#head = 0;
  }
}
