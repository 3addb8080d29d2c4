// Keys that differ as far as it is known: they may settle, so they are looked at again. Bounded: names only, up to a budget.

import { idOf } from '../flow/key-id.ts';
import { ownCopy } from '../flow/own-copy.ts';
import type { Milliseconds } from '../rdb/milliseconds.ts';
import type { Place } from './asked-keys.ts';
import type { Verdict } from './options.ts';

export interface Doubt {
  /** Where the walked side has it, or might have it. */
  readonly walked: readonly Place[];
  readonly other: Place;
  readonly verdict: Exclude<Verdict, 'match'>;
  readonly what: string | undefined;
  /** When it expires at the walked side, as `Entry.expireAt`. */
  readonly expireAt: Milliseconds;
}

const DEFAULT_BUDGET = 16 * 1024 * 1024;
/** What a doubt takes beside its names: objects, its id, and its place in the map. */
const DOUBT_BYTES = 500;

export class RecheckQueue implements Iterable<Doubt> {
  readonly #budget: number;
  readonly #byId = new Map<string, Doubt>();
  #bytes = 0;

  /** @param budget bytes */
  constructor(budget: number = DEFAULT_BUDGET) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** A key has one doubt at most: the last one. False where there is no room for it. */
  add(doubt: Doubt): boolean {
    const [{ db, key }] = doubt.walked as [Place];
    const id = idOf({ db, key });
    if (!this.#byId.has(id)) {
      const bytes = bytesOf(doubt);
      if (this.#bytes + bytes > this.#budget) return false;
      this.#bytes += bytes;
    }
    const walked = doubt.walked.map(kept);
    // Most keys have one name on both sides, and need it once.
    const isSameName = walked.length === 1 && doubt.walked[0]!.key === doubt.other.key;
    const other = isSameName ? { db: doubt.other.db, key: walked[0]!.key } : kept(doubt.other);
    this.#byId.set(id, { ...doubt, walked, other });
    return true;
  }

  /** @param place where the walked side has the key */
  get({ db, key }: Place): Doubt | undefined {
    return this.#byId.get(idOf({ db, key }));
  }

  delete({ db, key }: Place): void {
    const id = idOf({ db, key });
    const doubt = this.#byId.get(id);
    if (doubt === undefined) return;
    this.#bytes -= bytesOf(doubt);
    this.#byId.delete(id);
  }

  [Symbol.iterator](): Iterator<Doubt> {
    return this.#byId.values();
  }
}

function bytesOf({ walked, other }: Doubt): number {
  // The id is as long as the name once more.
  return walked.reduce((sum, { key }) => sum + 2 * key.length, DOUBT_BYTES + other.key.length);
}

/** A view would keep the chunk alive that it came with. */
function kept({ db, key }: Place): Place {
  return { db, key: ownCopy(key) };
}
