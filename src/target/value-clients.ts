// Which connection a value goes on that RESTORE does not take as it is, and in pieces of how many bytes: what has broken a
// connection goes apart from all others, one such value at a time.

import { Breaks } from '../cluster/suspects.ts';
import { RoutedClient, type RoutedClientOptions } from '../cluster/routed-client.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { KeyId } from '../flow/key-id.ts';
import { Mutex } from '../flow/room.ts';
import type { AskAbout } from '../server/replies.ts';
import { SMALLEST_PIECE, type TransferLimits } from '../server/transfer-limits.ts';

export class ValueClients {
  /** For all that have broken nothing. */
  readonly usual: RoutedClient;
  /** Whether somebody else than whoever was asked may have to be asked again. */
  readonly isCluster: boolean;
  readonly #apart: RoutedClient;
  readonly #turns = new Mutex();
  readonly #breaks = new Breaks('was sent');
  readonly #limits: TransferLimits;

  constructor(deployment: Deployment, options: RoutedClientOptions & { readonly limits: TransferLimits }) {
    this.usual = new RoutedClient(deployment, options);
    this.isCluster = deployment.isCluster;
    this.#apart = new RoutedClient(deployment, options);
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

  #askingAt(client: RoutedClient, { db, key }: KeyId): AskAbout {
    return (commands) => client.ask(db, key, commands);
  }
}
