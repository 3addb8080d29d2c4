// How many DUMPs may be on the way at once. The source holds every reply that is not yet read, and serves nobody else while
// it makes one: so the window opens only as far as the sizes seen lately allow, and the time that such values took.

import { TransferLimits, type MaxLatency } from '../server/transfer-limits.ts';

/** The share of the longest wait that all values on the way may take; those that take long have the rest. */
const LATENCY_SHARE = 1 / 4;
/** Two, so that the line is never idle between two large values. */
const LEAST = 2;
/** What the first values are taken for: eight are asked for at once, until they prove smaller. */
const FIRST_GUESS = 1024 * 1024;
/**
 * Bytes of replies on the way that keep a source busy while rump is: with more of them a server reads more requests at once, and
 * writes their replies only behind the last of them, when rump has nothing to do. Over a line so many more, a millisecond.
 */
const BUSY_BYTES = 512 * 1024;
const LINE_BYTES_PER_MS = 1024 * 1024;
/** A payload of more closes the window at once; shorter ones do as soon as there are several of them. */
const LONG_PAYLOAD = 64 * 1024;
/** Shares of a new size in the two averages: one that forgets a large value soon, one that keeps the rare ones in mind. */
const SHORT = 1 / 16;
const LONG = 1 / 1024;

/** What the work for a key comes to beside its bytes, as bytes. */
const KEY_BYTES = 512;
/** By how much replies may prove slower from one look to the next. */
const MOST_SLOWDOWN = 1.5;
/**
 * Milliseconds that a source needs for a byte: at least, and at most. What comes later still is late for reasons that a smaller
 * window would not change.
 */
const LEAST_PACE = 1e-6;
const MOST_PACE = 32e-6;
/** As long as nothing is known. */
const USUAL_PACE = 10e-6;

export class DumpWindow {
  readonly #most: number;
  readonly #maxLatency: MaxLatency;
  /** Milliseconds from a command to its reply, where the source has nothing else to do; as far as was seen. */
  #roundTrip: number;
  /** Milliseconds a byte. */
  #pace = USUAL_PACE;
  #recent = FIRST_GUESS;
  #mean = 0;
  /** Whether a payload has come. */
  #hasSeen = false;
  #size: number;
  readonly #limits: TransferLimits;

  /**
   * @param most keys, however small they prove to be
   * @param roundTrip milliseconds
   * @param limits bytes of replies on the way
   */
  constructor(
    most: number,
    maxLatency: MaxLatency = { ms: Infinity },
    roundTrip = 0,
    limits = new TransferLimits(Infinity),
  ) {
    this.#most = most;
    this.#maxLatency = maxLatency;
    this.#roundTrip = roundTrip;
    this.#limits = limits;
    this.#size = Math.max(1, limits.windowBytes / FIRST_GUESS);
  }

  get roundTrip(): number {
    return this.#roundTrip;
  }

  get size(): number {
    return this.#size;
  }

  /** The server says that a value takes so much: all that is known before the first payload. */
  foresee(bytes: number): void {
    if (!this.#hasSeen) this.#fit(bytes, 1, bytes);
  }

  /**
   * So many payloads have come, of so many bytes together. A larger one than expected closes the window at once.
   * @param longest of them
   */
  observe(bytes: number, payloads = 1, longest = bytes): void {
    this.#hasSeen = true;
    this.#fit(bytes, payloads, longest);
    this.#limits.observe(bytes);
  }

  #fit(bytes: number, payloads: number, longest: number): void {
    const mean = bytes / payloads;
    const recent = this.#recent + (mean - this.#recent) * (1 - (1 - SHORT) ** payloads);
    this.#recent = longest > recent && longest > LONG_PAYLOAD ? longest : recent;
    this.#mean += (mean - this.#mean) * (1 - (1 - LONG) ** payloads);
    const expected = this.#recent > this.#mean ? this.#recent : this.#mean;
    const limits = this.#limits;
    const busy = BUSY_BYTES + this.#roundTrip * LINE_BYTES_PER_MS;
    const fitting = (busy < limits.windowBytes ? busy : limits.windowBytes) / (expected + 1);
    const quick = (this.#maxLatency.ms * LATENCY_SHARE) / (this.#pace * (expected + KEY_BYTES));
    const size = fitting < quick ? fitting : quick;
    const least = limits.isTight ? 1 : LEAST;
    this.#size = size > this.#most ? this.#most : size < least ? least : size;
  }

  /** So many keys that were on the way at once have come, with so many bytes, after so many milliseconds. */
  took(keys: number, bytes: number, ms: number): void {
    if (ms < this.#roundTrip) this.#roundTrip = ms;
    // The line takes its time however few there are: only what comes on top of it is a queue at the source.
    const pace = Math.max(LEAST_PACE, (ms - this.#roundTrip) / (keys * KEY_BYTES + bytes));
    this.#pace = Math.min(pace, this.#pace * MOST_SLOWDOWN, MOST_PACE);
  }
}
