// Keys that break the connections they go on: which may be to blame, and what is done about one that went by itself.

import { RespError } from '../../resp/errors.ts';
import { EntryRing } from '../flow/entry-ring.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import type { AskAbout } from '../server/replies.ts';
import { SMALLEST_PIECE } from '../server/transfer-limits.ts';
import { isBreak } from './node-link.ts';

/** So few go alone at once: each costs a round trip. More of them are sent in so many shares. */
const FEW = 16;
const SHARES = 64;
/** A key that is read anew comes back behind others, which may break a connection as well. */
const BREAKS_KEPT = 4;
/** Keys that are kept in mind; what is forgotten has to break two connections once more. */
const MOST_KEPT = 65_536;

/**
 * Which keys may be what breaks the connections to a node. It knows no connections, only what was not answered at each break.
 *
 * A key that was under way at a break, and again at one of the next, is suspect; so is one that was under way by itself. Where
 * there are many, they are sent once more, a few at once, so that the next break has far fewer of them. Those that are left
 * then go alone.
 */
export class Suspects {
  /** What was under way at each of the last breaks. */
  #last: readonly ReadonlySet<string>[] = [];
  /** What is suspect, and too much to go alone. */
  #many: ReadonlySet<string> = new Set();
  /** What goes alone, and how often it has broken a connection so. */
  readonly #alone = new Map<string, number>();
  #atOnce = Infinity;

  /** How many of those that are suspect, and do not go alone, may be under way at once. */
  get atOnce(): number {
    return this.#atOnce;
  }

  /** How many they are. */
  get size(): number {
    return this.#many.size;
  }

  /** Whether all keys are treated alike. */
  get isEmpty(): boolean {
    return this.#many.size === 0 && this.#alone.size === 0;
  }

  /** Whether it is one of those of which only some may be under way. */
  has(id: KeyId): boolean {
    return this.#many.size > 0 && this.#many.has(idOf(id));
  }

  goesAlone(id: KeyId): boolean {
    return this.#alone.size > 0 && this.#alone.has(idOf(id));
  }

  /**
   * A connection broke.
   * @param unanswered what was under way
   * @returns whether there are fewer suspects than before, or the first ones
   */
  broke(unanswered: Iterable<KeyId>): boolean {
    const now = new Set<string>();
    for (const id of unanswered) now.add(idOf(id));
    const known = common(now, [this.#many]);
    const suspect = known.size > 0 ? known : now.size === 1 ? now : common(now, this.#last);
    this.#last = [now, ...this.#last].slice(0, BREAKS_KEPT);
    if (suspect.size > FEW) {
      this.#many = suspect;
      this.#atOnce = Math.ceil(suspect.size / SHARES);
    } else {
      this.#many = new Set();
      this.#atOnce = Infinity;
      for (const name of suspect) this.#keep(name, this.#alone.get(name) ?? 0);
    }
    return suspect.size > 0;
  }

  /** All that are suspect, but for those that go alone, were answered: it was none of them. */
  clear(): void {
    this.#many = new Set();
    this.#atOnce = Infinity;
  }

  /** How often it has broken a connection on which it was alone. */
  breaksOf(id: KeyId): number {
    return this.#alone.get(idOf(id)) ?? 0;
  }

  /** It was alone, and the connection broke. */
  brokeAlone(id: KeyId): void {
    this.#keep(idOf(id), this.breaksOf(id) + 1);
  }

  /** It was answered alone, and as any other key is. */
  acquit(id: KeyId): void {
    this.#alone.delete(idOf(id));
  }

  #keep(name: string, breaks: number): void {
    this.#alone.set(name, breaks);
    if (this.#alone.size > MOST_KEPT) this.#alone.delete(this.#alone.keys().next().value!);
  }
}

/** Those names that are in any of the others. */
function common(names: ReadonlySet<string>, others: readonly ReadonlySet<string>[]): Set<string> {
  return new Set([...names].filter((name) => others.some((set) => set.has(name))));
}

/** The code of an error: each connection on which the key went was lost. */
export const BREAKS = 'BREAKS';
/** By how much the pieces shrink with each break. */
const SHRINK = 4;
/** So often a connection breaks at the smallest pieces of a value before that is its fault: one may break for any reason. */
const MOST_AT_LEAST = 2;

interface Mark {
  /** Bytes that a piece may have. */
  readonly pieceBytes: number;
  /** Breaks at the smallest pieces. */
  readonly atLeast: number;
}

/**
 * How often a connection broke at a value that went by itself, and what is done about it: it goes in pieces, then in smaller
 * ones, and in the end it fails by its name.
 */
export class Breaks {
  readonly #doing: string;
  readonly #marks = new Map<string, Mark>();

  /** @param doing what is done with a key, as its error says it: `was asked for` */
  constructor(doing: string) {
    this.#doing = doing;
  }

  /** Bytes that a piece of the value may have; Infinity where it has broken nothing yet. */
  pieceBytesOf(id: KeyId): number {
    return this.#marks.get(idOf(id))?.pieceBytes ?? Infinity;
  }

  /**
   * The way of the value has ended with an error.
   * @param pieceBytes in pieces of how many bytes it went, at most
   * @returns the error to go on with: `retryable`, as a lost connection is, until there is nothing more to try
   */
  note(id: KeyId, pieceBytes: number, error: unknown): unknown {
    if (!isBreak(error) || !error.retryable) return error;
    const name = idOf(id);
    const atLeast = pieceBytes <= SMALLEST_PIECE ? (this.#marks.get(name)?.atLeast ?? 0) + 1 : 0;
    this.#marks.delete(name);
    if (atLeast === MOST_AT_LEAST) return brokeAlways(this.#doing, error);
    this.#marks.set(name, { pieceBytes: Math.max(SMALLEST_PIECE, Math.floor(pieceBytes / SHRINK)), atLeast });
    if (this.#marks.size > MOST_KEPT) this.#marks.delete(this.#marks.keys().next().value!);
    return error;
  }

  /** What asks on the way of the value: the first break counts, and what is taken away behind it is no second one. */
  noting(id: KeyId, pieceBytes: number, ask: AskAbout, onBreak?: () => void): AskAbout {
    let isBroken = false;
    return async (commands) => {
      try {
        return await ask(commands);
      } catch (error) {
        if (isBroken || !isBreak(error)) throw error;
        isBroken = true;
        onBreak?.();
        throw this.note(id, pieceBytes, error);
      }
    };
  }

  /** It is where it was to go. Returns whether it had broken anything. */
  forget(id: KeyId): boolean {
    return this.#marks.size > 0 && this.#marks.delete(idOf(id));
  }
}

/** What a key fails with, by its name. */
export function brokeAlways(doing: string, { code, peer, cause }: RespError): RespError {
  return new RespError(BREAKS, `The connection was lost each time that it ${doing} (${code})`, { peer, cause });
}

/**
 * Entries among the suspects of a node that is written to: a few of them are under way at once, and the rest wait here, in their
 * order. It sends nothing itself.
 */
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
    // It may be suspect no more, while what was read before it still waits.
    if (!isDue && this.waiting.length > 0 && this.waiting.holds(entry)) {
      this.waiting.pushView(entry);
      return 'later';
    }
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
