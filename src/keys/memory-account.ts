// Whether a server can hold values of some size that nobody has seen yet: it can, while the keys that were measured do not
// account for the memory that it says it uses.
//
//   unexplained = memory of all values − keys × what the measured ones take, on the average
//
//   A value that is far above all others would be in the first and not in the second. So keys are measured until it is
//   sure, within three standard errors, that there is none; where all are small and alike that is soon.

import { keysIn, type ServerInfo } from '../server/info.ts';

/** Bytes a key that may stay unexplained: so far apart are the ways in which servers count, and allocators round up. */
const TOLERANCE = 16;
/** Keys that are measured in any case where a large value would fit at all. */
const LEAST_MEASURED = 2048;
const ERRORS = 3;
/**
 * So many keys, or such a share of very many, are enough where all that is unexplained may be the error of the servers
 * themselves: of collections MEMORY USAGE looks at a few elements only. Seen with values of mixed types, 4 KB in the mean: 5.4 %
 * of the dataset with Redis 6.0, 3.6 with 7.0, 2.7 with 8.0, 2.8 with Redict 7.3, 1.4 and 0.8 with Valkey 8.1 and 9.1.
 */
const LONG_SAMPLE = 200_000;
const LONG_SHARE = 1 / 50;
const ERROR_OF_SERVERS = 0.08;
/**
 * Bytes a key by which MEMORY USAGE is above `used_memory_dataset`. It counts the entry of the table, which the dataset is
 * without, and so is 16 bytes of every object: 40 where an entry of 24 bytes takes 24, and 32 where the allocator makes 32 of
 * it, as Debian's does (then 8 less for a key that expires). Seen with Redis 6.0 to 8.0 and Redict 7.3: 23 to 32 for strings
 * and small collections, less for lists and sets of some. Of Valkey 8.1 -1 to 15, and 16 less for a key that expires; of
 * Valkey 9.1 15.
 */
const SURPLUS = 36;
const SURPLUS_OF_VALKEY: Readonly<Record<string, number>> = { '8': 8, '9': 16 };
const LESS_FOR_EXPIRING: Readonly<Record<string, number>> = { '8': 16 };

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
    this.#keys = keysIn(info);
    this.#dataset = info.usedByValues + surplusOf(info, this.#keys);
    this.#isOpen = info.usedByValues + info.usedByClients >= bigKey;
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
    const others = Math.max(0, this.#keys - this.#measured);
    const unexplained = this.#dataset - this.#sum - others * (mean - ERRORS * error);
    if (unexplained < Math.max(this.#bigKey, this.#keys * TOLERANCE)) this.#isOpen = false;
    const isLongSample = this.#measured >= Math.max(LONG_SAMPLE, this.#keys * LONG_SHARE);
    if (isLongSample && unexplained < this.#dataset * ERROR_OF_SERVERS) this.#isOpen = false;
  }
}

/** Bytes of all keys. */
function surplusOf({ name, version, keyspace }: ServerInfo, keys: number): number {
  const expiringKeys = keyspace.reduce((sum, { expiring }) => sum + expiring, 0);
  const major = name === 'valkey' ? version.split('.')[0]! : '';
  return keys * (SURPLUS_OF_VALKEY[major] ?? SURPLUS) - expiringKeys * (LESS_FOR_EXPIRING[major] ?? 0);
}
