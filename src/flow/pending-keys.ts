// Keys that a server was asked about, in the order in which its replies come.

import { Ring } from '../../resp/ring.ts';

export class PendingKeys {
  readonly #keys = new Ring<Buffer>();
  readonly #dbs = new Ring<number>();

  get length(): number {
    return this.#keys.length;
  }

  push(db: number, key: Buffer): void {
    this.#keys.push(key);
    this.#dbs.push(db);
  }

  /** The database of the key that is next. */
  get db(): number {
    return this.#dbs.peek()!;
  }

  /** Takes the next key out; there has to be one. */
  shift(): Buffer {
    this.#dbs.shift();
    return this.#keys.shift()!;
  }

  /** Hands all out: they were never answered. */
  drain(lost: (db: number, key: Buffer) => void): void {
    while (this.length > 0) {
      const { db } = this;
      lost(db, this.shift());
    }
  }
}
