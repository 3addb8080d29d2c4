// The keys that have the most of something, a few of them.

import type { Buffer } from 'node:buffer';
import { ownCopy } from '../flow/own-copy.ts';

export interface RankedKey {
  readonly db: number;
  /** The beginning of its name, where that is very long. */
  readonly key: Buffer;
  /** Bytes of the whole name. */
  readonly keyBytes: number;
  readonly type: string;
  /** Bytes, or whatever is ranked. */
  readonly size: number;
}

/** Bytes of a name that are kept: it may have 512 MB. Two that begin alike and are as long are taken for one. */
const LONGEST = 1024;

export class Largest {
  readonly #most: number;
  /** The smallest one first. */
  readonly #keys: RankedKey[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether one of that size would be among them: most are not, and need no Buffer. */
  admits(size: number): boolean {
    return this.#keys.length < this.#most || size > this.#keys[0]!.size;
  }

  /** One that is admitted, whose name lies in `from`, from `start` to before `end`. */
  add(db: number, from: Buffer, start: number, end: number, type: string, size: number): void {
    const keyBytes = end - start;
    const key = ownCopy(from.subarray(start, start + Math.min(keyBytes, LONGEST)));
    // A walk may give a key twice.
    const same = this.#keys.findIndex((one) => one.db === db && one.keyBytes === keyBytes && one.key.equals(key));
    if (same !== -1) this.#keys.splice(same, 1);
    const at = this.#keys.findIndex((one) => one.size >= size);
    this.#keys.splice(at === -1 ? this.#keys.length : at, 0, { db, key, keyBytes, type, size });
    if (this.#keys.length > this.#most) this.#keys.shift();
  }

  /** The largest one first. */
  get all(): readonly RankedKey[] {
    return this.#keys.toReversed();
  }
}
