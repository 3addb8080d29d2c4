// How much a server bears at once: what its settings say, and what breaks have shown.
//
//   A server with `client-output-buffer-limit` hangs up on whoever has more to read than that, and one with
//   `client-query-buffer-limit` on whoever says more. So no value and no piece is nearly as large, and all that are on the way
//   together are not either.

import { PIECE_BYTES, SMALLEST_PIECE } from './page-size.ts';

/** Bytes of replies on the way that are aimed at. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const LEAST_WINDOW = 64 * 1024;
/** The share of a limit that one value may take, or all that is on the way. */
const SHARE = 1 / 4;
/** The window grows back by this share of what passes: half a GiB for one MiB, as a break costs more than that. */
const GROWTH = 1 / 512;

export class TransferLimits {
  #mostWindow: number;
  #windowBytes: number;
  #valueBytes: number;
  #pieceBytes: number;

  /** @param valueBytes what makes a value large in any case */
  constructor(valueBytes: number, windowBytes = WINDOW_BYTES) {
    this.#mostWindow = windowBytes;
    this.#windowBytes = windowBytes;
    this.#valueBytes = valueBytes;
    this.#pieceBytes = Math.max(1, Math.min(PIECE_BYTES, valueBytes));
  }

  /** Bytes that may be on the way. */
  get windowBytes(): number {
    return this.#windowBytes;
  }

  /** Whether the server bears less than is usual. */
  get isTight(): boolean {
    return this.#windowBytes < this.#mostWindow || this.#mostWindow < WINDOW_BYTES;
  }

  /** Larger values go in pieces. */
  get valueBytes(): number {
    return this.#valueBytes;
  }

  get pieceBytes(): number {
    return this.#pieceBytes;
  }

  /** @param bytes after which the server hangs up; Infinity where there is no limit, or none that is told */
  learn(bytes: number): void {
    const share = Math.max(LEAST_WINDOW, Math.floor(bytes * SHARE));
    this.#mostWindow = Math.min(this.#mostWindow, share);
    this.#windowBytes = Math.min(this.#windowBytes, share);
    this.#valueBytes = Math.min(this.#valueBytes, share);
    this.#pieceBytes = Math.min(this.#pieceBytes, share);
  }

  /** A connection broke while several values were on the way: they may have been too much. @param bytes of all, if known */
  broke(bytes = Infinity): void {
    this.#windowBytes = Math.max(LEAST_WINDOW, Math.min(this.#windowBytes, bytes) / 2);
  }

  /** It broke at a value of so many bytes that went alone. */
  valueBroke(bytes: number): void {
    if (bytes * SHARE < SMALLEST_PIECE) return;
    this.#valueBytes = Math.min(this.#valueBytes, bytes / 2);
    this.pieceBore(bytes * SHARE);
  }

  /** It broke at a piece of so many bytes, which may have been chance: nobody suffers much from pieces that are smaller by this. */
  pieceBroke(bytes: number): void {
    this.pieceBore(Math.max(LEAST_WINDOW, bytes * SHARE));
  }

  /** A value that broke connections went in pieces of so many bytes. */
  pieceBore(bytes: number): void {
    this.#pieceBytes = Math.min(this.#pieceBytes, Math.max(SMALLEST_PIECE, Math.floor(bytes)));
  }

  /** So many bytes have passed. */
  observe(bytes: number): void {
    if (this.#windowBytes < this.#mostWindow) this.#windowBytes += bytes * GROWTH;
  }
}
