// A long argument in several pieces of memory. It may be let go as it is sent: then it can be sent once.

import type { Buffer } from 'node:buffer';
import { countOf } from './figures.ts';

export class Parts {
  /** Bytes of all. */
  readonly length: number;
  #parts: readonly Buffer[];
  #isSentOnce = false;
  #onSent = (): void => {};

  constructor(parts: readonly Buffer[]) {
    this.#parts = parts;
    this.length = parts.reduce((bytes, { length }) => bytes + length, 0);
  }

  /** Whether it was let go: there is nothing left to be sent. */
  get isSpent(): boolean {
    return this.#parts.length === 0;
  }

  toString(): string {
    return countOf(this.length, 'byte');
  }

  /** @param onSent called when nothing of it is in the process any more: it was sent, or the connection was lost */
  letGoWhenSent(onSent: () => void): void {
    this.#isSentOnce = true;
    this.#onSent = onSent;
  }

  /** All of them, for whoever sends them. */
  take(): readonly Buffer[] {
    const parts = this.#parts;
    if (this.#isSentOnce) this.#parts = [];
    return parts;
  }

  /** Whoever took them has sent them. */
  sent(): void {
    this.#onSent();
  }
}
