// How often a connection broke at a value that went by itself, and what is done about it: it goes in pieces, then in smaller
// ones, and in the end it fails by its name.

import { RespError } from '../../resp/errors.ts';
import type { AskAbout } from '../server/ask-about.ts';
import { SMALLEST_PIECE } from '../server/page-size.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import { isBreak } from './node-link.ts';

/** The code of an error: each connection on which the key went was lost. */
export const BREAKS = 'BREAKS';
/** By how much the pieces shrink with each break. */
const SHRINK = 4;
/** So often a connection breaks at the smallest pieces of a value before that is its fault: one may break for any reason. */
const MOST_AT_LEAST = 2;
/** Keys that are kept in mind. */
const MOST_KEPT = 65_536;

interface Mark {
  /** Bytes that a piece may have. */
  readonly pieceBytes: number;
  /** Breaks at the smallest pieces. */
  readonly atLeast: number;
}

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
