// How fast keys may go out: a token bucket for bytes and one for keys, and who wakes those that wait for them.
//
//   Each bucket is one moment, the one at which its debt is paid: before it nothing goes, and every take moves it on by the
//   time that it costs. It never lies further back than BURST_MS, so that is all a pause saves up.

import { setTimeout as sleep } from 'node:timers/promises';

export interface RateLimitOptions {
  /** Of keys and payloads; no limit without it. */
  readonly bytesPerSecond?: number | undefined;
  readonly keysPerSecond?: number | undefined;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: (() => number) | undefined;
}

/** A timer may be late by as much without a loss, and within any second no more than this share is too much. */
const BURST_MS = 50;

/** The longest pause, after which it is seen whether the copy was stopped meanwhile. */
const MOST_PAUSE_MS = 100;

/** It keeps no timer: whoever asks waits by himself. */
export class RateLimit {
  readonly #msPerByte: number;
  readonly #msPerKey: number;
  readonly #now: () => number;
  #bytesPaidAt: number;
  #keysPaidAt: number;

  constructor({
    bytesPerSecond = Infinity,
    keysPerSecond = Infinity,
    now = () => performance.now(),
  }: RateLimitOptions) {
    this.#msPerByte = 1000 / bytesPerSecond;
    this.#msPerKey = 1000 / keysPerSecond;
    this.#now = now;
    this.#bytesPaidAt = now();
    this.#keysPaidAt = this.#bytesPaidAt;
  }

  /**
   * Takes one key of so many bytes, if it may go now. Whatever its size, it goes when nothing is owed, and is paid for by
   * those that follow: within any time go the limit, the burst, and at most one key on top.
   */
  take(bytes: number): boolean {
    if (this.#now() < this.#keysPaidAt || !this.takeMore(bytes)) return false;
    this.#keysPaidAt = Math.max(this.#keysPaidAt, this.#now() - BURST_MS) + this.#msPerKey;
    return true;
  }

  /** The same for a piece of a key that was taken before. */
  takeMore(bytes: number): boolean {
    const now = this.#now();
    if (now < this.#bytesPaidAt) return false;
    this.#bytesPaidAt = Math.max(this.#bytesPaidAt, now - BURST_MS) + bytes * this.#msPerByte;
    return true;
  }

  /** Whole milliseconds until the next key may go; 0 is now. */
  waitMs(): number {
    return Math.max(this.waitMoreMs(), Math.ceil(this.#keysPaidAt - this.#now()));
  }

  /** The same of a piece. */
  waitMoreMs(): number {
    return Math.max(0, Math.ceil(this.#bytesPaidAt - this.#now()));
  }
}

/**
 * Waits until a piece of so many bytes may go, and takes it.
 * @param demandGoing called now and then meanwhile; throws where it should end
 */
export async function takePiece(limit: RateLimit | undefined, bytes: number, demandGoing: () => void): Promise<void> {
  while (limit?.takeMore(bytes) === false) {
    await sleep(Math.min(MOST_PAUSE_MS, limit.waitMoreMs()));
    demandGoing();
  }
}

/** Says whether a key may go now, and tells when to ask again. */
export class Pacer {
  readonly #limit: RateLimit | undefined;
  readonly #onTurn: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: RateLimit | undefined, onTurn: () => void) {
    this.#limit = limit;
    this.#onTurn = onTurn;
  }

  get mayGo(): boolean {
    const wait = Math.min(MOST_PAUSE_MS, this.#limit?.waitMs() ?? 0);
    if (wait === 0) return true;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#onTurn();
    }, wait);
    return false;
  }

  take(bytes: number): void {
    this.#limit?.take(bytes);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
