// Memory for bytes that wait, first in, first out or nearly so: small ones share a slab, and a slab is used again, while it is
// warm, once nothing in it is wanted any more.

import { Buffer } from 'node:buffer';
import { Bytes, NO_BYTES } from '../../resp/bytes.ts';

const SLAB_BYTES = 128 * 1024;
const MOST_SPARE = 2;

export interface Slab {
  readonly bytes: Bytes;
  /** Pieces that are wanted. */
  pieces: number;
}

export class Slabs {
  /** None at first: many a ring is never used. */
  #slab: Slab = { bytes: NO_BYTES, pieces: 0 };
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
    else if (this.#spare.length < MOST_SPARE && slab.bytes !== NO_BYTES) this.#spare.push(slab);
  }

  #next(): void {
    // One that is empty is begun anew: it is the current one, and is no spare.
    if (this.#slab.pieces > 0 || this.#slab.bytes === NO_BYTES) this.#slab = this.#spare.pop() ?? newSlab();
    this.#at = 0;
  }
}

function newSlab(): Slab {
  return { bytes: new Bytes(Buffer.allocUnsafeSlow(SLAB_BYTES)), pieces: 0 };
}
