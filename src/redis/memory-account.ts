// Whether a server can hold values of some size that nobody has seen yet: it can, while the keys that were measured do not
// account for the memory that it says it uses.
//
//   unexplained = memory of all values − keys × what the measured ones take, on the average
//
//   A value that is far above all others would be in the first and not in the second. So keys are measured until it is
//   sure, within three standard errors, that there is none; where all are small and alike that is soon.

import type { ServerInfo } from './info.ts';

/** Keys that are measured in any case where a large value would fit at all. */
const LEAST_MEASURED = 2048;
const ERRORS = 3;
/**
 * Bytes a key by which MEMORY USAGE is above `used_memory_dataset`, which lacks the slots of the table and what comes with
 * them: seen with strings, numbers and hashes, 21 to 33 for Redis 6.0 to 8.0 and Redict 7.3, and always the same for Valkey
 * 8.1 and 9.1. What is too high here costs time and loses nothing.
 */
const SURPLUS = 33;
const SURPLUS_OF_VALKEY: Readonly<Record<string, number>> = { '8': -18, '9': 14 };

export class MemoryAccount {
  readonly #bigKey: number;
  readonly #dataset: number;
  readonly #keys: number;
  #isOpen: boolean;
  #measured = 0;
  #sum = 0;
  #squares = 0;

  /** @param bigKey bytes that make a value large */
  constructor(info: ServerInfo, bigKey: number) {
    this.#bigKey = bigKey;
    this.#keys = [...info.databases.values()].reduce((sum, keys) => sum + keys, 0);
    this.#dataset = info.usedByValues + this.#keys * surplusOf(info);
    this.#isOpen = info.usedByValues >= bigKey;
  }

  /** Whether keys have to be measured. Once it is settled that none is large, it stays so. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @param bytes what MEMORY USAGE says of one more key */
  observe(bytes: number): void {
    // A large one is known now, and is none of the others.
    if (bytes >= this.#bigKey) return;
    this.#measured++;
    this.#sum += bytes;
    this.#squares += bytes * bytes;
    if (this.#measured % LEAST_MEASURED === 0) this.#settle();
  }

  #settle(): void {
    const mean = this.#sum / this.#measured;
    const variance = Math.max(0, this.#squares / this.#measured - mean * mean);
    const error = Math.sqrt(variance / this.#measured);
    const unexplained = this.#dataset - this.#keys * (mean - ERRORS * error);
    if (unexplained < this.#bigKey) this.#isOpen = false;
  }
}

function surplusOf({ name, version }: ServerInfo): number {
  return (name === 'valkey' ? SURPLUS_OF_VALKEY[version.split('.')[0]!] : undefined) ?? SURPLUS;
}
