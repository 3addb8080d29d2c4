// Some of the keys that one server process has acknowledged: the first ones, the last ones, and by chance some in between.
//
//   Whoever flushes a server takes the first ones away, whenever it happens; a replica that takes over lacks the last ones.

import { idOf } from '../flow/key-id.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { ownCopy } from '../flow/own-copy.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';

export interface WrittenKey {
  /** Database and name at the target. */
  readonly db: number;
  readonly name: Buffer;
  /** As `Entry.expireAt`. */
  readonly expireAt: Milliseconds;
}

const FIRST = 64;
const LAST = 64;
const BY_CHANCE = 512;
/** Bytes: a longer name is not kept. */
const LONGEST_NAME = 4096;
/** Fields of a hash may expire from this type byte on, and take the key with them. */
const FIRST_TYPE_WITH_EXPIRING_FIELDS = 22;

export class WrittenSample {
  readonly #first: WrittenKey[] = [];
  readonly #byChance: WrittenKey[] = [];
  readonly #last: WrittenKey[] = [];
  #offered = 0;

  /** One more key is on the target. @param expireAt of the key at the target */
  offer(entry: EntryView, db: number, name: Buffer): void {
    const { expireAt, large, payloadIn, payloadAt } = entry;
    const mayEmpty =
      entry.kind === 'value'
        ? payloadIn.buffer[payloadAt]! >= FIRST_TYPE_WITH_EXPIRING_FIELDS
        : large?.fieldsExpire === true;
    if (mayEmpty || name.length > LONGEST_NAME) return;
    const key = { db, name, expireAt };
    if (this.#first.length < FIRST) {
      this.#first.push(key);
      return;
    }
    this.#last[this.#offered % LAST] = key;
    this.#offered++;
    // Each of those offered stays with the same chance, and long.
    const place = this.#byChance.length < BY_CHANCE ? this.#byChance.length : Math.floor(Math.random() * this.#offered);
    if (place < BY_CHANCE) this.#byChance[place] = { ...key, name: ownCopy(name) };
  }

  /** Those that must be there still, each once, the first one first. @param now by the clock of `expireAt` */
  presentAt(now: number): readonly WrittenKey[] {
    const all = new Map<string, WrittenKey>();
    for (const key of [...this.#first, ...this.#byChance, ...this.#last])
      all.set(idOf({ db: key.db, key: key.name }), key);
    return [...all.values()].filter(({ expireAt }) => expireAt === NEVER || expireAt > now);
  }

  /** What was acknowledged so far may be lost, and is written again. */
  clear(): void {
    for (const keys of [this.#first, this.#byChance, this.#last]) keys.length = 0;
    this.#offered = 0;
  }
}
