// Which keys rump wrote itself, so that a BUSYKEY about one of them is not taken for a conflict.

import { idOf } from '../flow/key-id.ts';
import { KeyFilter } from '../keys/key-filter.ts';

/** What is known of a key that the target already has. */
export type Origin = 'foreign' | 'written' | 'maybe-written';

export class WrittenKeys {
  readonly #written: KeyFilter;
  /** Those whose replies were lost with a connection: few, and of the last moments. */
  readonly #unanswered = new Set<string>();

  /**
   * @param keys how many are expected
   * @param bitsPerKey as of `KeyFilter`
   */
  constructor(keys: number, bitsPerKey?: number) {
    this.#written = new KeyFilter(keys, bitsPerKey);
  }

  /** It was acknowledged. */
  add(db: number, name: Buffer): void {
    this.#written.add(name);
    if (this.#unanswered.size > 0) this.#unanswered.delete(idOf({ db, key: name }));
  }

  /** It was sent, and the reply was lost. */
  addUnanswered(db: number, name: Buffer): void {
    this.#unanswered.add(idOf({ db, key: name }));
  }

  /** `written` may be a mistake: only the value at the target proves it. */
  originOf(db: number, name: Buffer): Origin {
    if (this.#unanswered.has(idOf({ db, key: name }))) return 'maybe-written';
    return this.#written.has(name) ? 'written' : 'foreign';
  }
}
