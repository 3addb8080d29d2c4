// Memory for bytes that wait, first in, first out or nearly so: small ones share a slab, and a slab is used again, while it is
// warm, once nothing in it is wanted any more.

import { Buffer } from 'node:buffer';
import { Bytes, NO_BYTES } from '../../resp/bytes.ts';

const SLAB_BYTES = 128 * 1024;
const MOST_SPARE = 2;

export class Slab {
  readonly bytes: Bytes;
  /** Pieces that are wanted. */
  pieces = 0;
  readonly #owner: Slabs;

  constructor(bytes: Bytes, owner: Slabs) {
    this.bytes = bytes;
    this.#owner = owner;
  }

  /** A piece is wanted no more. What it holds stays until its owner reserves again. */
  release(): void {
    if (--this.pieces === 0) this.#owner.reuse(this);
  }
}

export class Slabs {
  /** None at first: many a ring is never used. */
  #slab = new Slab(NO_BYTES, this);
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

  /** Nothing in the slab is wanted any more. */
  reuse(slab: Slab): void {
    if (slab === this.#slab) this.#at = 0;
    else if (this.#spare.length < MOST_SPARE && slab.bytes !== NO_BYTES) this.#spare.push(slab);
  }

  #next(): void {
    // One that is empty is begun anew: it is the current one, and is no spare.
    if (this.#slab.pieces > 0 || this.#slab.bytes === NO_BYTES) this.#slab = this.#spare.pop() ?? this.#newSlab();
    this.#at = 0;
  }

  #newSlab(): Slab {
    return new Slab(new Bytes(Buffer.allocUnsafeSlow(SLAB_BYTES)), this);
  }
}
