// Streams that were read. What consumer groups do to them is told by no feed in full: XREADGROUP, for one, changes what its own
// pending entries say, and no replica hears of it. So they are read again and again.

import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import { MAY_BE_STREAM } from '../rdb/payload.ts';

/** Of all names that are kept, and names, that are read at once. */
const SHARE = 1 / 4;
const MOST_AT_ONCE = 4096;

export class Streams {
  readonly #most: number;
  readonly #keys = new Map<string, KeyId>();
  readonly #view = new EntryView();
  #isComplete = true;

  /** @param most names that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether there was room for all of them. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** All of them, so many at once that what changes meanwhile finds room beside them, of as many names. */
  get portions(): readonly (readonly KeyId[])[] {
    const keys = [...this.#keys.values()];
    const size = Math.ceil(Math.min(this.#most * SHARE, MOST_AT_ONCE));
    return Array.from({ length: Math.ceil(keys.length / size) }, (_, i) => keys.slice(i * size, (i + 1) * size));
  }

  /** An entry was read, whose value may be a stream. */
  observe(entry: EntryView): void {
    // What is read in pieces tells its type when it is read.
    const isOne =
      entry.kind === 'large' ||
      (entry.kind === 'value' && MAY_BE_STREAM[entry.payloadIn.buffer[entry.payloadAt]!] === 1);
    if (!isOne) return;
    const key = { db: entry.db, key: Buffer.from(entry.key) };
    if (this.#keys.size < this.#most) this.#keys.set(idOf(key), key);
    else if (!this.#keys.has(idOf(key))) this.#isComplete = false;
  }

  observeAll(entries: EntryRun): void {
    for (let i = 0; i < entries.length; i++) {
      if (MAY_BE_STREAM[entries.typeByteOf(i)] === 0) continue;
      entries.show(i, this.#view);
      this.observe(this.#view);
    }
  }

  /** It was deleted. */
  forget(entry: EntryView): void {
    if (this.#keys.size > 0) this.#keys.delete(idOf({ db: entry.db, key: entry.key }));
  }
}
