// Memory for bytes that wait, first in, first out or nearly so: small ones share a slab, and a slab is used again, while it is
// warm, once nothing in it is wanted any more.

import { Buffer } from 'node:buffer';
import { Bytes } from '../../resp/bytes.ts';

/** From this size on bytes have memory of their own, and are kept by reference. */
export const BY_REFERENCE = 16 * 1024;
const SLAB_BYTES = 128 * 1024;
const MOST_SPARE = 2;

const NOTHING = new Bytes(Buffer.alloc(0));

export interface Slab {
  readonly bytes: Bytes;
  /** Pieces that are wanted. */
  pieces: number;
}

export class Slabs {
  /** None at first: many a ring is never used. */
  #slab: Slab = { bytes: NOTHING, pieces: 0 };
  #at = 0;
  readonly #spare: Slab[] = [];

  /** The slab of the piece that was reserved last. */
  get slab(): Slab {
    return this.#slab;
  }

  /** Makes room for a piece of so many bytes, which are fewer than twice `BY_REFERENCE`; returns where it begins in `slab`. */
  reserve(bytes: number): number {
    if (this.#at + bytes > this.#slab.bytes.buffer.length) this.#next();
    const at = this.#at;
    this.#at = at + bytes;
    this.#slab.pieces++;
    return at;
  }

  /** A piece is wanted no more. What it holds stays until the next `reserve`. */
  release(slab: Slab): void {
    if (--slab.pieces > 0) return;
    if (slab === this.#slab) this.#at = 0;
    else if (this.#spare.length < MOST_SPARE && slab.bytes !== NOTHING) this.#spare.push(slab);
  }

  #next(): void {
    // One that is empty is begun anew: it is the current one, and is no spare.
    if (this.#slab.pieces > 0 || this.#slab.bytes === NOTHING) this.#slab = this.#spare.pop() ?? newSlab();
    this.#at = 0;
  }
}

function newSlab(): Slab {
  return { bytes: new Bytes(Buffer.allocUnsafeSlow(SLAB_BYTES)), pieces: 0 };
}
