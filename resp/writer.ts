// Brings encoded commands to the socket, one write a tick, and says when to wait. It knows no replies.

import { Encoder } from './encoder.ts';
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
    const { pieces, spent } = this.encoder.take();
    this.#socket.write(pieces, spent.length === 0 ? undefined : () => this.encoder.reuse(spent));
    this.#full = this.#socket.needsDrain;
    this.#onFlush();
  }

  /** The socket has taken everything. */
  drained(): void {
    this.#full = false;
  }

  readonly #flushScheduled = (): void => {
    this.#scheduled = false;
    this.flush();
  };
}
