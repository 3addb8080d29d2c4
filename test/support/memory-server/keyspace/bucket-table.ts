// A hash table that SCAN walks as it walks that of Redis: by a cursor whose increment starts at its highest bit.
//
//   8 buckets   0 4 2 6 1 5 3 7      what was read is read in a table of any other size as well: bucket 4 of 8 becomes
//   4 buckets   0   2   1   3        4 and 12 of 16, which follow each other there, or a part of 0 of 4
import type { KeyTable, Page } from './key-table.ts';
import { keyHash } from './key-hash.ts';

const LEAST_BITS = 2;
/** A table this many times too large for its keys is made smaller. */
const SPARSE = 8;
/** Buckets that one page may look at for each key that was asked for, as in Redis. */
const BUCKETS_PER_KEY = 10;

export class BucketTable implements KeyTable {
  readonly #seed: number;
  #bits = LEAST_BITS;
  #buckets: (string[] | undefined)[] = [];
  #size = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  add(key: string): void {
    if (this.#size === 2 ** this.#bits) this.#resize(this.#bits + 1);
    this.#insert(key);
    this.#size += 1;
  }

  delete(key: string): void {
    const index = this.#indexOf(key);
    const bucket = this.#buckets[index]!;
    bucket.splice(bucket.indexOf(key), 1);
    if (bucket.length === 0) this.#buckets[index] = undefined;
    this.#size -= 1;
    if (this.#bits > LEAST_BITS && this.#size * SPARSE < 2 ** this.#bits) this.#resize(this.#bits - 1);
  }

  scan(cursor: bigint, count: number): Page {
    const keys: string[] = [];
    let index = Number(BigInt.asUintN(this.#bits, cursor));
    let looks = count * BUCKETS_PER_KEY;
    do {
      for (const key of this.#buckets[index] ?? []) keys.push(key);
      index = this.#following(index);
      looks -= 1;
    } while (index !== 0 && looks > 0 && keys.length < count);
    return { cursor: BigInt(index), keys };
  }

  random(): string {
    for (;;) {
      const bucket = this.#buckets[Math.floor(Math.random() * 2 ** this.#bits)];
      if (bucket !== undefined) return bucket[Math.floor(Math.random() * bucket.length)]!;
    }
  }

  /** 0 after the last one. */
  #following(index: number): number {
    let bit = 2 ** (this.#bits - 1);
    let next = index;
    // The carry of an increment, but towards the low bits.
    while ((next & bit) !== 0) {
      next ^= bit;
      bit >>>= 1;
    }
    return next | bit;
  }

  #indexOf(key: string): number {
    return keyHash(key, this.#seed) & (2 ** this.#bits - 1);
  }

  #insert(key: string): void {
    const index = this.#indexOf(key);
    const bucket = this.#buckets[index];
    if (bucket === undefined) this.#buckets[index] = [key];
    else bucket.push(key);
  }

  #resize(bits: number): void {
    const old = this.#buckets;
    this.#bits = bits;
    this.#buckets = Array.from({ length: 2 ** bits });
    for (const bucket of old) for (const key of bucket ?? []) this.#insert(key);
  }
}
