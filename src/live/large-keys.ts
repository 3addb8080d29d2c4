// Keys that have changed, whose values are written piece by piece: none of them is read again before it is written, nor sooner
// than a while after it was read last.

import type { EntryView } from '../flow/entry-view.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';

export interface LargeKey extends KeyId {
  /** When it was read, in milliseconds. */
  readonly since: number;
  isWritten: boolean;
  /** It has changed since it was read. */
  isMarked: boolean;
  /** The round in which it is read once more; `undefined` as long as it is written. */
  nextRound: number | undefined;
}

export interface LargeKeysSink {
  /** The round in which a key is read that is marked now. */
  nextRound(): number;
  onWritten(): void;
  /** It may be read again. */
  onReleased(large: LargeKey): void;
}

export class LargeKeys {
  readonly #rest: number;
  readonly #sink: LargeKeysSink;
  readonly #keys = new Map<string, LargeKey>();
  #isHurried = false;

  /** @param rest milliseconds from one reading of a key to the next, at least */
  constructor(rest: number, sink: LargeKeysSink) {
    this.#rest = rest;
    this.#sink = sink;
  }

  get size(): number {
    return this.#keys.size;
  }

  get all(): Iterable<LargeKey> {
    return this.#keys.values();
  }

  /** Those that are read once more when they are written. */
  get marked(): readonly LargeKey[] {
    return this.size === 0 ? [] : [...this.all].filter(({ isMarked }) => isMarked);
  }

  /** Whether this one is not released yet. */
  has(large: LargeKey): boolean {
    return this.#keys.get(idOf(large)) === large;
  }

  /** The key has changed. @returns false where it is none of these */
  mark(key: KeyId): boolean {
    const large = this.#keys.get(idOf(key));
    if (large === undefined) return false;
    large.isMarked = true;
    return true;
  }

  /** It was read. @returns what to call when it is written; `undefined` where it is read for the target's sake once more */
  begin({ db, key }: EntryView): (() => void) | undefined {
    const id = idOf({ db, key });
    if (this.#keys.has(id)) return undefined;
    const state = { isWritten: false, isMarked: false, nextRound: undefined };
    const large: LargeKey = { db, key, since: performance.now(), ...state };
    this.#keys.set(id, large);
    return () => this.#onWritten(large);
  }

  /** From now on nobody waits for the time of a key that is written. */
  hurry(): void {
    this.#isHurried = true;
    for (const large of this.all) if (large.isWritten) this.#release(large);
  }

  #onWritten(large: LargeKey): void {
    large.isWritten = true;
    this.#sink.onWritten();
    const wait = large.since + this.#rest - performance.now();
    if (this.#isHurried || wait <= 0) this.#release(large);
    else setTimeout(() => this.#release(large), wait).unref();
  }

  #release(large: LargeKey): void {
    if (!this.has(large)) return;
    this.#keys.delete(idOf(large));
    large.nextRound = this.#sink.nextRound();
    this.#sink.onReleased(large);
  }
}
