// Brings encoded commands to the socket, one write a tick, and says when to wait. It knows no replies.

import type { Buffer } from 'node:buffer';
import { Encoder } from './encoder.ts';
import type { Parts } from './parts.ts';
import type { Socket } from './socket.ts';

export class Writer {
  readonly encoder = new Encoder(() => this.flush());
  readonly #socket: Socket;
  readonly #onFlush: () => void;
  #scheduled = false;
  #full = false;

  /** @param onFlush called when everything encoded so far has gone to the socket */
  constructor(socket: Socket, onFlush: () => void) {
    this.#socket = socket;
    this.#onFlush = onFlush;
  }

  /** Whether the socket has enough to do: wait for its `onDrain`. */
  get full(): boolean {
    return this.#full;
  }

  /** Something is being encoded: it goes out at the end of this tick, if not earlier. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushScheduled);
  }

  flush(): void {
    if (this.encoder.isEmpty) return;
    const { pieces, spent, parts } = this.encoder.take();
    const isWaitedFor = spent.length > 0 || parts.length > 0;
    this.#socket.write(pieces, isWaitedFor ? () => this.#written(spent, parts) : undefined);
    this.#full = this.#socket.needsDrain;
    this.#onFlush();
  }

  /** The socket has taken everything. */
  drained(): void {
    this.#full = false;
  }

  #written(spent: readonly Buffer[], parts: readonly Parts[]): void {
    this.encoder.reuse(spent);
    for (const sent of parts) sent.sent();
  }

  readonly #flushScheduled = (): void => {
    this.#scheduled = false;
    this.flush();
  };
}
