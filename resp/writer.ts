// Brings encoded commands to the socket, one write for whatever was read at a time, and says when to wait. It knows no replies.

import type { Bytes } from './bytes.ts';
import { Encoder } from './encoder.ts';
import type { Parts } from './parts.ts';
import type { Socket } from './socket.ts';

/** What is shorter may wait for more. */
const SHORT_BYTES = 32 * 1024;

export class Writer {
  readonly encoder = new Encoder(() => this.flush());
  readonly #socket: Socket;
  readonly #onFlush: () => void;
  readonly #isBusy: () => boolean;
  #scheduled = false;
  #full = false;

  /**
   * @param onFlush called when everything encoded so far has gone to the socket
   * @param isBusy whether the peer has much to do still
   */
  constructor(socket: Socket, onFlush: () => void, isBusy: () => boolean) {
    this.#socket = socket;
    this.#onFlush = onFlush;
    this.#isBusy = isBusy;
  }

  /** Whether the socket has enough to do: wait for its `onDrain`. */
  get full(): boolean {
    return this.#full;
  }

  /**
   * Something is encoded: it goes out once all is done that follows from what was read last, if not earlier; or later, where the
   * peer is busy. So the peer has work again while the next chunk of its replies is read.
   */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#scheduleFlush);
  }

  flush(): void {
    if (this.encoder.isEmpty) return;
    const { pieces, spent, parts } = this.encoder.take();
    const isWaitedFor = spent.length > 0 || parts.length > 0;
    this.#socket.write(pieces, isWaitedFor ? () => this.#written(spent, parts) : undefined);
    if (this.#socket.isIdle) this.encoder.rewind();
    this.#full = this.#socket.needsDrain;
    this.#onFlush();
  }

  /** The socket has taken everything. */
  drained(): void {
    this.#full = false;
  }

  #written(spent: readonly Bytes[], parts: readonly Parts[]): void {
    this.encoder.reuse(spent);
    for (const sent of parts) sent.sent();
  }

  /** Behind the promises that were settled with what was read: those who waited for it have their say in the same write. */
  readonly #scheduleFlush = (): void => process.nextTick(this.#flushScheduled);

  readonly #flushScheduled = (): void => {
    this.#scheduled = false;
    // A few short commands are worth no write of their own while the peer is busy: its next replies bring them out.
    if (this.encoder.waiting >= SHORT_BYTES || !this.#isBusy()) this.flush();
  };
}
