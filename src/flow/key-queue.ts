// Keys that wait for their turn, or for a reply, first in, first out. Its slots are made once and used again, and small names
// share slabs: a key in passing costs no object.

import { Buffer } from 'node:buffer';
import { BY_REFERENCE, Bytes, NO_BYTES } from '../../resp/bytes.ts';
import { NO_PAGE, type FoundKey } from './key-id.ts';
import { Slabs, type Slab } from './slabs.ts';

/** A key where it lies; it holds until the next one is put in. */
export interface KeyView {
  readonly db: number;
  /** As of a `FoundKey`. */
  readonly page: number;
  readonly bytes: Bytes;
  readonly start: number;
  readonly end: number;
  /** The Buffer that was put in, where it was one. */
  readonly own: Buffer | undefined;
}

const INITIAL_SLOTS = 64;

class Slot implements KeyView {
  db = 0;
  page = NO_PAGE;
  bytes: Bytes = NO_BYTES;
  start = 0;
  end = 0;
  own: Buffer | undefined;
  slab: Slab | undefined;
}

export class KeyQueue {
  readonly #slabs = new Slabs();
  #slots: Slot[] = Array.from({ length: INITIAL_SLOTS }, () => new Slot());
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The next one; `undefined` where there is none. */
  get head(): KeyView | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head];
  }

  /** Keeps the very Buffer: it comes out again by `shift`. */
  push({ db, key, page }: FoundKey): void {
    const slot = this.#newSlot(db, page);
    slot.bytes = new Bytes(key);
    slot.own = key;
    slot.start = 0;
    slot.end = key.length;
  }

  /** Keeps a copy, of what may be a view into much more. */
  pushBuffer(db: number, key: Buffer, page: number): void {
    if (key.length >= BY_REFERENCE) return this.push({ db, key: Buffer.from(key), page });
    const at = this.#slabs.reserve(key.length);
    const { slab } = this.#slabs;
    slab.bytes.buffer.set(key, at);
    this.#show(this.#newSlot(db, page), slab, at, at + key.length);
  }

  /** Keeps a copy. */
  pushCopy(db: number, bytes: Bytes, start: number, end: number, page: number): void {
    const length = end - start;
    if (length >= BY_REFERENCE) return this.push({ db, key: bytes.slice(start, end), page });
    const at = this.#slabs.reserve(length);
    const { slab } = this.#slabs;
    bytes.copyTo(slab.bytes, at, start, end);
    this.#show(this.#newSlot(db, page), slab, at, at + length);
  }

  /** Keeps what lies elsewhere: the very Buffer, where it is one, or a copy. */
  pushView({ db, page, bytes, start, end, own }: KeyView): void {
    if (own === undefined) this.pushCopy(db, bytes, start, end, page);
    else this.push({ db, key: own, page });
  }

  /** Takes the next key out of another queue, with the memory in which it lies; there has to be one. */
  take(from: KeyQueue): void {
    const taken = from.#slots[from.#head]!;
    const slot = this.#newSlot(taken.db, taken.page);
    slot.bytes = taken.bytes;
    slot.start = taken.start;
    slot.end = taken.end;
    slot.own = taken.own;
    slot.slab = taken.slab;
    taken.slab = undefined;
    from.drop();
  }

  /** The key that is next but so many, which has to be there. */
  at(index: number): KeyView {
    return this.#slots[(this.#head + index) & (this.#slots.length - 1)]!;
  }

  /** Takes the next key out, with a Buffer of its own; there has to be one. */
  shift(): FoundKey {
    const { db, page, bytes, start, end } = this.#slots[this.#head]!;
    const key = bytes.slice(start, end);
    this.drop();
    return { db, key, page };
  }

  /** Takes the next key out; there has to be one. */
  drop(): void {
    const slot = this.#slots[this.#head]!;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    if (slot.slab === undefined) {
      slot.bytes = NO_BYTES;
      slot.own = undefined;
    } else {
      slot.slab.release();
      slot.slab = undefined;
    }
  }

  /** Hands all out. */
  drain(lost: (key: FoundKey) => void): void {
    while (this.#length > 0) lost(this.shift());
  }

  #show(slot: Slot, slab: Slab, start: number, end: number): void {
    slot.bytes = slab.bytes;
    slot.slab = slab;
    slot.start = start;
    slot.end = end;
  }

  #newSlot(db: number, page: number): Slot {
    if (this.#length === this.#slots.length) this.#grow();
    const slot = this.#slots[(this.#head + this.#length++) & (this.#slots.length - 1)]!;
    slot.db = db;
    slot.page = page;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = Array.from({ length: old.length * 2 }, (_, i) =>
      i < old.length ? old[(this.#head + i) & (old.length - 1)]! : new Slot(),
    );
    this.#head = 0;
  }
}

/** Of a Buffer, by reference. */
export function keyViewOf({ db, key, page }: FoundKey): KeyView {
  return { db, page, bytes: new Bytes(key), start: 0, end: key.length, own: key };
}
