// Asks nothing: each key is handed on by its name alone, where a walk is all that is wanted.

import type { Entry } from '../flow/entry.ts';
import { newEntry } from '../flow/entry-ring.ts';
import type { KeyReader } from './key-reader.ts';

export class NameReader implements KeyReader {
  readonly inFlight = 0;
  readonly hasRoom = true;
  readonly #entry = newEntry();
  readonly #onName: (entry: Entry) => void;

  /** @param onName the entry has no payload, and is used again: copy what is kept */
  constructor(onName: (entry: Entry) => void) {
    this.#onName = onName;
  }

  send(db: number, key: Buffer): void {
    this.#entry.db = db;
    this.#entry.key = key;
    this.#onName(this.#entry);
  }

  drain(): void {}
}
