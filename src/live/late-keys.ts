// Keys that were read as they had changed, of slots that have moved since a walk began: what the walk had asked of the node before
// may still come, and be written behind that. So they are read once more when all is settled that the walks had found by then.
//
//     add ──▶ gathered ── those before are taken ──▶ waiting ── their pages are settled ──▶ a round

import type { KeyId } from '../flow/key-id.ts';
import type { PageLedger } from '../scan/page-ledger.ts';
import { DirtyKeys, type DirtyKeysOptions, type HeldNames } from './dirty-keys.ts';

/** Keys that are read once more in the same round. */
export interface LateKeysGroup {
  /** The last page that had come when the last of them was added. */
  page: number;
  /** `undefined` as long as they wait. */
  nextRound: number | undefined;
}

export class LateKeys implements HeldNames {
  readonly #rounds: object;
  readonly #ledger: PageLedger;
  readonly #keys: DirtyKeys;
  #gathered: LateKeysGroup | undefined;
  #waiting: LateKeysGroup | undefined;

  /**
   * @param rounds whose own pages are not waited for
   * @param beside see `DirtyKeys`
   */
  constructor(rounds: object, ledger: PageLedger, options: DirtyKeysOptions, beside: HeldNames) {
    this.#rounds = rounds;
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

  /** Whether some have waited long enough. */
  get areDue(): boolean {
    if (this.#waiting === undefined && this.#gathered !== undefined) {
      this.#keys.take();
      this.#waiting = this.#gathered;
      this.#gathered = undefined;
    }
    return this.#waiting !== undefined && this.#ledger.isDone(this.#waiting.page, this.#rounds);
  }

  /** These are handed out by `next` from now on. */
  take(round: number): void {
    this.#waiting!.nextRound = round;
    this.#waiting = undefined;
  }

  next(): KeyId | undefined {
    return this.#keys.next();
  }
}
