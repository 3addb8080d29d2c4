// Keys that wait for their turn, or for a reply, first in, first out. Its slots are made once and used again, and small names
// share slabs: a key in passing costs no object.

import { Buffer } from 'node:buffer';
import { BY_REFERENCE, Bytes, NO_BYTES } from '../../resp/bytes.ts';
import { Slabs, type Slab } from './slabs.ts';

/** A key where it lies; it holds until the next one is put in. */
export interface KeyView {
  readonly db: number;
  readonly bytes: Bytes;
  readonly start: number;
  readonly end: number;
  /** The Buffer that was put in, where it was one. */
  readonly own: Buffer | undefined;
}

const INITIAL_SLOTS = 64;

class Slot implements KeyView {
  db = 0;
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
  push(db: number, key: Buffer): void {
    const slot = this.#newSlot(db);
    slot.bytes = new Bytes(key);
    slot.own = key;
    slot.start = 0;
    slot.end = key.length;
  }

  /** Keeps a copy, of what may be a view into much more. */
  pushBuffer(db: number, key: Buffer): void {
    if (key.length >= BY_REFERENCE) return this.push(db, Buffer.from(key));
    const at = this.#slabs.reserve(key.length);
    const { slab } = this.#slabs;
    slab.bytes.buffer.set(key, at);
    this.#show(db, slab, at, at + key.length);
  }

  /** Keeps a copy. */
  pushCopy(db: number, bytes: Bytes, start: number, end: number): void {
    const length = end - start;
    if (length >= BY_REFERENCE) return this.push(db, bytes.slice(start, end));
    const at = this.#slabs.reserve(length);
    const { slab } = this.#slabs;
    bytes.copyTo(slab.bytes, at, start, end);
    this.#show(db, slab, at, at + length);
  }

  /** Keeps what lies elsewhere: the very Buffer, where it is one, or a copy. */
  pushView({ db, bytes, start, end, own }: KeyView): void {
    if (own === undefined) this.pushCopy(db, bytes, start, end);
    else this.push(db, own);
  }

  /** Takes the next key out of another queue, with the memory in which it lies; there has to be one. */
  take(from: KeyQueue): void {
    const taken = from.#slots[from.#head]!;
    const slot = this.#newSlot(taken.db);
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

  /** Takes the next key out, as a Buffer of its own; there has to be one. */
  shift(): Buffer {
    const { bytes, start, end } = this.#slots[this.#head]!;
    const key = bytes.slice(start, end);
    this.drop();
    return key;
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
  drain(lost: (db: number, key: Buffer) => void): void {
    while (this.#length > 0) {
      const { db } = this.#slots[this.#head]!;
      lost(db, this.shift());
    }
  }

  #show(db: number, slab: Slab, start: number, end: number): void {
    const slot = this.#newSlot(db);
    slot.bytes = slab.bytes;
    slot.slab = slab;
    slot.start = start;
    slot.end = end;
  }

  #newSlot(db: number): Slot {
    if (this.#length === this.#slots.length) this.#grow();
    const slot = this.#slots[(this.#head + this.#length++) & (this.#slots.length - 1)]!;
    slot.db = db;
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
export function keyViewOf(db: number, key: Buffer): KeyView {
  return { db, bytes: new Bytes(key), start: 0, end: key.length, own: key };
}
