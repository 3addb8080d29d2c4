// Keys that differ may only be on the move, so they are kept and read once more: by name at a server, or with their whole file.

import { ownCopy } from '../flow/own-copy.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import type { Milliseconds } from '../rdb/milliseconds.ts';
import type { Channel } from '../flow/channel.ts';
import { newEntry, type Entry } from '../flow/entry.ts';
import type { Source } from '../source/source.ts';
import type { Verdict } from './options.ts';

/** A key that is not the same as far as it is known. */
export interface RecheckKey {
  /** Where the walked side has it, or might have it. */
  readonly walked: readonly KeyId[];
  /** Where the asked side has it, or would. */
  readonly asked: KeyId;
  readonly verdict: Exclude<Verdict, 'match'>;
  readonly what: string | undefined;
  /** When it expires at the walked side, as `Entry.expireAt`. */
  readonly expireAt: Milliseconds;
}

const DEFAULT_BUDGET = 16 * 1024 * 1024;
/** What one takes beside its names: objects, its id, and its place in the map. */
const KEY_BYTES = 500;

/** Keys that are to be read again: names only, up to a budget. */
export class RecheckQueue implements Iterable<RecheckKey> {
  readonly #budget: number;
  readonly #byId = new Map<string, RecheckKey>();
  #bytes = 0;

  /** @param budget bytes */
  constructor(budget: number = DEFAULT_BUDGET) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Takes the place of what was known of the key. False where there is no room for it. */
  add(key: RecheckKey): boolean {
    const [first] = key.walked as [KeyId];
    const id = idOf(first);
    if (!this.#byId.has(id)) {
      const bytes = bytesOf(key);
      if (this.#bytes + bytes > this.#budget) return false;
      this.#bytes += bytes;
    }
    const walked = key.walked.map(copyOf);
    // Most keys have one name on both sides, and need it once.
    const isSameName = walked.length === 1 && first.key === key.asked.key;
    const asked = isSameName ? { db: key.asked.db, key: walked[0]!.key } : copyOf(key.asked);
    this.#byId.set(id, { ...key, walked, asked });
    return true;
  }

  /** @param walked where the walked side has the key */
  get(walked: KeyId): RecheckKey | undefined {
    return this.#byId.get(idOf(walked));
  }

  delete(walked: KeyId): void {
    const id = idOf(walked);
    const key = this.#byId.get(id);
    if (key === undefined) return;
    this.#bytes -= bytesOf(key);
    this.#byId.delete(id);
  }

  /** Where the walked side has them, or might have them. */
  *places(): Generator<readonly KeyId[]> {
    for (const { walked } of this.#byId.values()) yield walked;
  }

  [Symbol.iterator](): Iterator<RecheckKey> {
    return this.#byId.values();
  }
}

function bytesOf({ walked, asked }: RecheckKey): number {
  // The id is as long as the name once more.
  return walked.reduce((sum, { key }) => sum + 2 * key.length, KEY_BYTES + asked.key.length);
}

/** A view would keep the chunk alive that it came with. */
function copyOf({ db, key }: KeyId): KeyId {
  return { db, key: ownCopy(key) };
}

/** A file is read as a whole; whoever takes the entries asks which of them are in the queue. */
export class FileRecheck implements Source {
  readonly #file: Source;
  readonly #queue: RecheckQueue;
  readonly #met = new Set<string>();

  constructor(file: Source, queue: RecheckQueue) {
    this.#file = file;
    this.#queue = queue;
  }

  get fraction(): number {
    return this.#file.fraction;
  }

  /** Whether the entry is in the queue. */
  isQueued(entry: Entry): boolean {
    if (this.#queue.get(entry) === undefined) return false;
    this.#met.add(idOf(entry));
    return true;
  }

  async read(channel: Channel): Promise<void> {
    await this.#file.read(channel);
    const entry = newEntry();
    for (const { walked } of this.#queue) {
      if (this.#met.has(idOf(walked[0]!))) continue;
      await channel.writable();
      channel.push({ ...entry, ...walked[0]! });
    }
    await channel.settled();
  }

  again(entry: Entry): void {
    this.#file.again(entry);
  }

  againInPieces(): boolean {
    return false;
  }

  rescan(): void {
    // Nothing is written that could be lost.
  }

  stop(reason: Error): void {
    this.#file.stop(reason);
  }
}
