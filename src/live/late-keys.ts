// Keys that have changed where their slot has moved, while a walk may still come with what the node before had of them: they are
// marked once all is settled that the walks had found by the time that the change was told.
//
//     add ──▶ gathered ── those before are marked ──▶ waiting ── their pages are settled ──▶ marked

import type { KeyId } from '../flow/key-id.ts';
import type { PageLedger } from '../scan/page-ledger.ts';
import { DirtyKeys, type DirtyKeysOptions, type HeldNames } from './dirty-keys.ts';

/** Keys that are marked at once. */
export interface LateKeysGroup {
  /** The last page that had come by then. */
  page: number;
  /** The round in which they are read; `undefined` as long as they wait. */
  nextRound: number | undefined;
}

export class LateKeys implements HeldNames {
  readonly #walk: object;
  readonly #ledger: PageLedger;
  readonly #keys: DirtyKeys;
  #gathered: LateKeysGroup | undefined;
  #waiting: LateKeysGroup | undefined;

  /**
   * @param walk whose own pages are not waited for
   * @param beside see `DirtyKeys`
   */
  constructor(walk: object, ledger: PageLedger, options: DirtyKeysOptions, beside: HeldNames) {
    this.#walk = walk;
    this.#ledger = ledger;
    this.#keys = new DirtyKeys(options);
    this.#keys.beside = beside;
  }

  get held(): number {
    return this.#keys.held;
  }

  get bytes(): number {
    return this.#keys.bytes;
  }

  get groups(): readonly LateKeysGroup[] {
    return [this.#waiting, this.#gathered].filter((group) => group !== undefined);
  }

  /** False where there is no room for one name more. */
  add(db: number, key: Buffer): boolean {
    if (!this.#keys.add(db, key)) return false;
    this.#gathered ??= { page: 0, nextRound: undefined };
    this.#gathered.page = this.#ledger.last;
    return true;
  }

  /** Hands out what has waited long enough. @param round in which that is read */
  release(round: number, mark: (key: KeyId) => void): void {
    while (this.held > 0) {
      if (this.#waiting === undefined) this.#take();
      const { page } = this.#waiting!;
      if (!this.#ledger.isDone(page, this.#walk)) return;
      this.#waiting!.nextRound = round;
      this.#waiting = undefined;
      for (let key = this.#keys.next(); key !== undefined; key = this.#keys.next()) mark(key);
    }
  }

  #take(): void {
    this.#keys.take();
    this.#waiting = this.#gathered;
    this.#gathered = undefined;
  }
}
