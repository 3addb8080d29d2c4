// Hands pieces of bytes to a stream, says when to wait for it, and when they have left. It knows no frames.

import type { Buffer } from 'node:buffer';
import type { Writable } from 'node:stream';
import { Wakeup } from '../flow/wakeup.ts';

export class PieceWriter {
  readonly #stream: Writable;
  readonly #wakeup = new Wakeup();
  #underWay = 0;
  #error: unknown;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', (error) => this.#fail(error));
    stream.on('drain', () => this.#wakeup.wake());
  }

  /** Whether the stream has enough to do. */
  get isFull(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Whether everything has left. */
  get isEmpty(): boolean {
    return this.#underWay === 0;
  }

  /** Why nothing more can be written. */
  get error(): unknown {
    return this.#error;
  }

  /** @param onWritten called when all of it has left */
  write(pieces: readonly Buffer[], onWritten: () => void): void {
    if (this.#error !== undefined) return;
    this.#underWay++;
    const done = (error: Error | null | undefined): void => {
      if (error) return this.#fail(error);
      this.#underWay--;
      onWritten();
      this.#wakeup.wake();
    };
    // Together they make one system call.
    this.#stream.cork();
    for (let i = 0; i < pieces.length - 1; i++) this.#stream.write(pieces[i]);
    this.#stream.write(pieces.at(-1), done);
    this.#stream.uncork();
  }

  /** Returns when something has changed, or after so many milliseconds. */
  async progress(ms: number): Promise<void> {
    const timer = setTimeout(() => this.#wakeup.wake(), ms);
    await this.#wakeup.sleep();
    clearTimeout(timer);
  }

  #fail(error: unknown): void {
    this.#error ??= error;
    this.#wakeup.wake();
  }
}
