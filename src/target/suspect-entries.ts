// Entries that may be what breaks the connections to a node: a few of them are under way at once, and the rest wait here, in
// their order. It sends nothing itself.

import { Suspects } from '../cluster/suspects.ts';
import type { KeyId } from '../flow/key-id.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { EntryRing } from '../flow/entry-ring.ts';

export class SuspectEntries {
  readonly #suspects = new Suspects();
  readonly #idOf: (key: KeyId) => KeyId;
  /** Those whose turn has not come. */
  readonly waiting = new EntryRing();
  #underWay = 0;
  /** Suspects that were not answered yet. */
  #left = 0;

  /** @param idOf where a key goes */
  constructor(idOf: (key: KeyId) => KeyId) {
    this.#idOf = idOf;
  }

  /** Whether no entry is suspect. */
  get isEmpty(): boolean {
    return this.#suspects.isEmpty;
  }

  /** Whether it has to be told of each entry that is answered. */
  get isOpen(): boolean {
    return this.#suspects.atOnce < Infinity;
  }

  /**
   * Of an entry that is about to be sent. `later`: it waits here. `alone`: it must not go among others.
   * @param isDue whether its turn has come, and it must not wait
   */
  wayOf(entry: EntryView, isDue: boolean): 'now' | 'later' | 'alone' {
    if (this.#suspects.isEmpty) return 'now';
    const id = this.#idOf(entry);
    if (this.#suspects.goesAlone(id)) return 'alone';
    if (!this.#suspects.has(id)) return 'now';
    if (!isDue && (this.waiting.length > 0 || !this.#hasTurn)) {
      this.waiting.pushView(entry);
      return 'later';
    }
    this.#underWay++;
    return 'now';
  }

  /** Whether the turn of one has come. */
  get isDue(): boolean {
    return this.#hasTurn && this.waiting.length > 0;
  }

  /** The server has said something of this one, so that it has broken nothing. */
  answered(key: KeyId): void {
    if (!this.isOpen || !this.#suspects.has(this.#idOf(key))) return;
    this.#underWay--;
    if (--this.#left <= 0 && this.waiting.length === 0) this.#suspects.clear();
  }

  /** A connection broke. Returns whether there are fewer suspects than before, or the first ones. */
  broke(unanswered: readonly KeyId[]): boolean {
    const isNarrower = this.#suspects.broke(unanswered);
    this.#underWay = 0;
    this.#left = this.#suspects.size;
    return isNarrower;
  }

  get #hasTurn(): boolean {
    return this.#underWay < this.#suspects.atOnce;
  }
}
