// How long to wait before the next try, and when there were enough: twice as long each time, with jitter.

export interface RetryOptions {
  /** Tries in a row without progress in between; 0 is none. */
  readonly retries: number;
  /** Milliseconds: the longest pause. */
  readonly longest: number;
}

const FIRST_MS = 100;

export class Backoff {
  readonly #options: RetryOptions;
  #tries = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Tries since the last progress. */
  get tries(): number {
    return this.#tries;
  }

  /** Milliseconds to wait before the next try; `undefined` when there were enough. */
  next(): number | undefined {
    if (this.#tries >= this.#options.retries) return undefined;
    const ceiling = Math.min(this.#options.longest, FIRST_MS * 2 ** this.#tries++);
    // All who lost the same server must not come back at the same moment.
    return ceiling * (0.5 + Math.random() / 2);
  }

  /** There was progress. */
  reset(): void {
    this.#tries = 0;
  }
}
