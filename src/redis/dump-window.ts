// How many DUMPs may be on the way at once. The source must hold every reply that is not yet read, whatever its size, so
// the window opens only as far as the sizes seen lately allow.

/** Bytes of replies on the way that are aimed at. */
const TARGET_BYTES = 8 * 1024 * 1024;
/** Two, so that the line is never idle between two large values. */
const LEAST = 2;
/** What the first values are taken for: eight are asked for at once, until they prove smaller. */
const FIRST_GUESS = 1024 * 1024;
/** Shares of a new size in the two averages: one that forgets a large value soon, one that keeps the rare ones in mind. */
const SHORT = 1 / 16;
const LONG = 1 / 1024;

export class DumpWindow {
  readonly #most: number;
  #recent = FIRST_GUESS;
  #mean = 0;
  #size = TARGET_BYTES / FIRST_GUESS;

  /** @param most keys, however small they prove to be */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /** A payload of so many bytes has come. A larger one than expected closes the window at once. */
  observe(bytes: number): void {
    this.#recent = bytes > this.#recent ? bytes : this.#recent + (bytes - this.#recent) * SHORT;
    this.#mean += (bytes - this.#mean) * LONG;
    const expected = this.#recent > this.#mean ? this.#recent : this.#mean;
    const size = TARGET_BYTES / (expected + 1);
    this.#size = size > this.#most ? this.#most : size < LEAST ? LEAST : size;
  }
}
