// Which connection a value goes on that RESTORE does not take as it is, and in pieces of how many bytes: what has broken a
// connection goes apart from all others, one such value at a time.

import { Breaks } from '../cluster/breaks.ts';
import { Dialogue } from '../cluster/dialogue.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { LineOptions } from '../cluster/line.ts';
import type { KeyId } from '../key-id.ts';
import { Mutex } from '../mutex.ts';
import type { AskAbout } from '../redis/ask-about.ts';
import { SMALLEST_PIECE } from '../redis/page-size.ts';
import type { TransferLimits } from '../redis/transfer-limits.ts';

export class ValueDialogues {
  /** For all that have broken nothing. */
  readonly usual: Dialogue;
  /** Whether somebody else than whoever was asked may have to be asked again. */
  readonly isCluster: boolean;
  readonly #apart: Dialogue;
  readonly #turns = new Mutex();
  readonly #breaks = new Breaks('was sent');
  readonly #limits: TransferLimits;

  constructor(deployment: Deployment, options: LineOptions & { readonly limits: TransferLimits }) {
    this.usual = new Dialogue(deployment, options);
    this.isCluster = deployment.isCluster;
    this.#apart = new Dialogue(deployment, options);
    this.#limits = options.limits;
  }

  hasBroken(id: KeyId): boolean {
    return this.#breaks.pieceBytesOf(id) < Infinity;
  }

  /** Settles when it is the turn of this value, which lasts until what comes back is called. */
  async turnOf(id: KeyId): Promise<() => void> {
    return this.hasBroken(id) ? this.#turns.acquire() : () => {};
  }

  /** Whether it may go as a whole: what has broken a connection may not, but where there is nothing smaller. */
  isWhole(id: KeyId, bytes: number): boolean {
    return bytes <= (this.hasBroken(id) ? SMALLEST_PIECE : this.#limits.valueBytes);
  }

  /** Bytes of a piece at most, about. */
  pieceBytesOf(id: KeyId): number {
    return Math.min(this.#limits.pieceBytes, this.#breaks.pieceBytesOf(id));
  }

  /** @param bytes of the longest command, about: where the connection breaks, it goes in smaller pieces next */
  asking(id: KeyId, bytes: number, onBreak?: () => void): AskAbout {
    if (this.hasBroken(id)) return this.#breaks.noting(id, bytes, this.#askingAt(this.#apart, id), onBreak);
    // It was not alone: whatever its size, it may be another one's fault.
    return this.#breaks.noting(id, Math.max(bytes, SMALLEST_PIECE + 1), this.#askingAt(this.usual, id), onBreak);
  }

  /** It is written, in pieces of so many bytes. */
  arrived(id: KeyId, bytes: number): void {
    if (this.#breaks.forget(id)) this.#limits.pieceBore(bytes);
  }

  stop(reason: Error): void {
    this.usual.stop(reason);
    this.#apart.stop(reason);
  }

  close(): void {
    this.usual.close();
    this.#apart.close();
  }

  #askingAt(dialogue: Dialogue, { db, key }: KeyId): AskAbout {
    return (commands) => dialogue.ask(db, key, commands);
  }
}
