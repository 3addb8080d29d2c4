// Keys that something is told of, each once, until it is true no more: the first ones by name, in a bound, the others as hashes,
// which tell them apart and no more.

import { idOf, type KeyId } from './key-id.ts';
import { NameHash, NameTable } from './name-table.ts';

/** A key, and what is told of it. */
export interface Noted<T> extends KeyId {
  readonly what: T;
}

const MOST_NAMES = 10_000;
/** Of their names together. */
const MOST_BYTES = 1024 * 1024;
/** Bytes: a longer name is not kept. */
const LONGEST_NAME = 4096;
/** They take 16 MiB. */
const MOST_HASHES = 1_000_000;
const MOST_AT_ONCE = 1000;

export class KeyList<T> {
  readonly #named = new Map<string, Noted<T>>();
  #bytes = 0;
  readonly #hash = new NameHash();
  readonly #hashed = new NameTable();
  /** Of which nothing is known but that they are there. */
  #more: number;

  /** @param more keys that are in it, whose names are not known */
  constructor(more = 0) {
    this.#more = more;
  }

  get length(): number {
    return this.#named.size + this.more;
  }

  /** Keys whose names are not kept. */
  get more(): number {
    return this.#hashed.size + this.#more;
  }

  /** Those that are kept by name, in the order in which they came. */
  get named(): Iterable<Noted<T>> {
    return this.#named.values();
  }

  /** The same as they are now, each time as many as those before: whoever tries them can see how long it takes. */
  *growing(): Generator<readonly KeyId[]> {
    const keys = [...this.#named.values()];
    let done = 0;
    while (done < keys.length) {
      const some = keys.slice(done, done + Math.min(MOST_AT_ONCE, Math.max(1, done)));
      yield some;
      done += some.length;
    }
  }

  /** False where it is there already: then it is the newest that is told of it. */
  add({ db, key }: KeyId, what: T): boolean {
    const id = idOf({ db, key });
    const known = this.#named.get(id);
    if (known !== undefined) {
      this.#named.set(id, { ...known, what });
      return false;
    }
    if (this.#isHashed(db, key)) return false;
    const hasRoom = this.#named.size < MOST_NAMES && this.#bytes + key.length <= MOST_BYTES;
    if (!hasRoom || key.length > LONGEST_NAME) this.#addHash();
    else {
      // A view into something larger would keep that alive.
      this.#named.set(id, { db, key: Buffer.from(key), what });
      this.#bytes += key.length;
    }
    return true;
  }

  /** Whether it was there. */
  delete({ db, key }: KeyId): boolean {
    if (this.#named.delete(idOf({ db, key }))) {
      this.#bytes -= key.length;
      return true;
    }
    if (!this.#isHashed(db, key)) return false;
    this.#hashed.delete(this.#hash.high, this.#hash.low);
    return true;
  }

  #isHashed(db: number, key: Buffer): boolean {
    this.#hash.of(db, key);
    return this.#hashed.size > 0 && this.#hashed.has(this.#hash.high, this.#hash.low);
  }

  /** Of the key that was looked for last. Beyond the bound each is counted whenever it comes. */
  #addHash(): void {
    if (this.#hashed.size >= MOST_HASHES) {
      this.#more++;
      return;
    }
    this.#hashed.add(this.#hash.high, this.#hash.low);
    if (this.#hashed.isFull) this.#hashed.grow();
  }
}
