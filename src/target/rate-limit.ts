// How fast keys may go out: a token bucket for bytes and one for keys, and who wakes those that wait for them.
//
//   Each bucket is one moment, the one at which its debt is paid: before it nothing goes, and every take moves it on by the
//   time that it costs. It never lies further back than BURST_MS, so that is all a pause saves up.

import { setTimeout as sleep } from 'node:timers/promises';
import { Pause } from '../flow/pause.ts';
import { Wakeup } from '../flow/wakeup.ts';

/** Those that are left out stay as they are; Infinity is no limit. */
export interface Rates {
  /** Of keys and payloads. */
  readonly bytesPerSecond?: number | undefined;
  readonly keysPerSecond?: number | undefined;
}

export interface RateLimitOptions extends Rates {
  /** While it is on, nothing goes. */
  readonly pause?: Pause;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: (() => number) | undefined;
}

/** A timer may be late by as much without a loss, and within any second no more than this share is too much. */
const BURST_MS = 50;

/** The shortest pause: keys that may go are sent together, as each pause costs more than a key. It stays well below the burst. */
const LEAST_PAUSE_MS = 10;

/** The longest pause, after which it is seen whether the copy was stopped meanwhile. */
const MOST_PAUSE_MS = 100;

/** One moment: before it nothing goes. */
class Bucket {
  #msPerUnit = 0;
  #paidAt = -Infinity;

  get isLimited(): boolean {
    return this.#msPerUnit > 0;
  }

  get perSecond(): number {
    return 1000 / this.#msPerUnit;
  }

  get paidAt(): number {
    return this.#paidAt;
  }

  /** What is owed stays owed, and is paid at the new rate. */
  set(perSecond: number, now: number): void {
    const owed = this.isLimited ? Math.max(0, this.#paidAt - now) / this.#msPerUnit : 0;
    this.#msPerUnit = 1000 / perSecond;
    this.#paidAt = now + owed * this.#msPerUnit;
  }

  take(units: number, now: number): void {
    this.#paidAt = Math.max(this.#paidAt, now - BURST_MS) + units * this.#msPerUnit;
  }
}

/** It keeps no timer: whoever asks waits by himself. The limits may change at any time. */
export class RateLimit {
  readonly #bytes = new Bucket();
  readonly #keys = new Bucket();
  readonly #pause: Pause;
  readonly #now: () => number;
  readonly #changed = new Wakeup();
  #isLimited = false;

  constructor({ pause = new Pause(), now = () => performance.now(), ...rates }: RateLimitOptions = {}) {
    this.#pause = pause;
    this.#now = now;
    this.set(rates);
    pause.onEnd(() => this.#changed.wake());
  }

  /** Whether all may go as it comes, and nobody has to ask. */
  get isOpen(): boolean {
    return !this.#isLimited && !this.#pause.isOn;
  }

  get isPaused(): boolean {
    return this.#pause.isOn;
  }

  get rates(): Required<{ [Name in keyof Rates]: number }> {
    return { bytesPerSecond: this.#bytes.perSecond, keysPerSecond: this.#keys.perSecond };
  }

  set({ bytesPerSecond, keysPerSecond }: Rates): void {
    const now = this.#now();
    if (bytesPerSecond !== undefined) this.#bytes.set(bytesPerSecond, now);
    if (keysPerSecond !== undefined) this.#keys.set(keysPerSecond, now);
    this.#isLimited = this.#bytes.isLimited || this.#keys.isLimited;
    this.#changed.wake();
  }

  /** `listener` is called when more may go than before: whoever waits should ask again. */
  onChange(listener: () => void): void {
    this.#changed.listen(listener);
  }

  /**
   * Takes one key of so many bytes, if it may go now. Whatever its size, it goes when nothing is owed, and is paid for by
   * those that follow: within any time go the limit, the burst, and at most one key on top.
   */
  take(bytes: number): boolean {
    if (this.#now() < this.#keys.paidAt || !this.takeMore(bytes)) return false;
    this.#keys.take(1, this.#now());
    return true;
  }

  /** The same for a piece of a key that was taken before. */
  takeMore(bytes: number): boolean {
    const now = this.#now();
    if (this.#pause.isOn || now < this.#bytes.paidAt) return false;
    this.#bytes.take(bytes, now);
    return true;
  }

  /** Whole milliseconds until the next key may go; 0 is now, and Infinity a pause. */
  waitMs(): number {
    return Math.max(this.waitMoreMs(), Math.ceil(this.#keys.paidAt - this.#now()));
  }

  /** The same of a piece. */
  waitMoreMs(): number {
    return this.#pause.isOn ? Infinity : Math.max(0, Math.ceil(this.#bytes.paidAt - this.#now()));
  }
}

/**
 * Waits until a piece of so many bytes may go, and takes it.
 * @param demandGoing called before, and now and then meanwhile; throws where it should end
 */
export async function takePiece(limit: RateLimit, bytes: number, demandGoing: () => void): Promise<void> {
  demandGoing();
  while (!limit.takeMore(bytes)) {
    await sleep(Math.min(MOST_PAUSE_MS, limit.waitMoreMs()));
    demandGoing();
  }
}

/** Says whether a key may go now, and tells when to ask again. */
export class Pacer {
  readonly #limit: RateLimit;
  readonly #onTurn: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: RateLimit, onTurn: () => void) {
    this.#limit = limit;
    this.#onTurn = onTurn;
    limit.onChange(onTurn);
  }

  /** Whether nobody has to ask. */
  get isOpen(): boolean {
    return this.#limit.isOpen;
  }

  get mayGo(): boolean {
    if (this.#limit.isOpen) return true;
    // Its end is told.
    if (this.#limit.isPaused) return false;
    const wait = this.#limit.waitMs();
    if (wait === 0) return true;
    const pause = Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, wait));
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#onTurn();
    }, pause);
    return false;
  }

  take(bytes: number): void {
    if (!this.#limit.isOpen) this.#limit.take(bytes);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
