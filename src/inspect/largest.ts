// The keys that have the most of something, a few of them.

import type { Buffer } from 'node:buffer';
import { ownCopy } from '../flow/own-copy.ts';

export interface RankedKey {
  readonly db: number;
  readonly key: Buffer;
  readonly type: string;
  /** Bytes, or whatever is ranked. */
  readonly size: number;
}

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

  /** One that is admitted. @param key a copy of it is kept */
  add(db: number, key: Buffer, type: string, size: number): void {
    // A walk may give a key twice.
    const same = this.#keys.findIndex((one) => one.db === db && one.key.equals(key));
    if (same !== -1) this.#keys.splice(same, 1);
    const at = this.#keys.findIndex((one) => one.size >= size);
    this.#keys.splice(at === -1 ? this.#keys.length : at, 0, { db, key: ownCopy(key), type, size });
    if (this.#keys.length > this.#most) this.#keys.shift();
  }

  /** The largest one first. */
  get all(): readonly RankedKey[] {
    return this.#keys.toReversed();
  }
}
