// How much is asked of a server at once: keys under way, bytes on the way, elements of a page.

/** How long other clients of the source may have to wait: it may change at any time. */
export interface MaxLatency {
  readonly ms: number;
}

/** Bytes of replies on the way that are aimed at. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const LEAST_WINDOW = 64 * 1024;
/** The share of a limit that one value may take, or all that is on the way. */
const SHARE = 1 / 4;
/** The window grows back by this share of what passes: half a GiB for one MiB, as a break costs more than that. */
const GROWTH = 1 / 512;

/**
 * How much a server bears at once: what its settings say, and what breaks have shown. One with `client-output-buffer-limit`
 * hangs up on whoever has more to read than that, and one with `client-query-buffer-limit` on whoever says more. So no value
 * and no piece is nearly as large, and all that are on the way together are not either.
 */
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

/** Nothing is known of the elements yet: each may be as long as a reply should be, and it takes five pages to come to many. */
const FIRST_COUNT = 1;
/** However slowly replies come: that may be for reasons of others, which smaller pages would not change. */
const LEAST_FOR_TIME = 512;
const MOST_ELEMENTS = 8192;
/** Of elements in their order, at any size: those to come may be as much larger as they like. */
const MOST_IN_ORDER = 512;
/** For how much of itself a mean counts that was seen a page ago. */
const LASTING = 1 / 2;
/** Bytes of a reply that are aimed at, unless others are asked for. */
export const PIECE_BYTES = 1024 * 1024;
/** A piece is not made smaller than this for the sake of a connection: what breaks it then, does so whatever its size. */
export const SMALLEST_PIECE = 16 * 1024;
/** A page may be so many times as large as the one before: the sizes of elements change. */
const MOST_GROWTH = 4;
/** By how much an element may prove slower at once: one reply that was late says little. */
const MOST_SLOWDOWN = 2;
/** The share of the longest wait that the server may need for one page, as several values are read at once. */
const PAGE_SHARE = 1 / 16;
/** Milliseconds that any element takes. */
const LEAST_PACE = 5e-5;

export interface PageOptions {
  /** Bytes of a page, about. */
  readonly pieceBytes: number;
  readonly maxLatency: MaxLatency;
  /** What a question takes of which the answer is at hand, in milliseconds, as far as was seen. */
  readonly roundTrip: number;
  /** Elements of a page, at most. */
  readonly mostElements?: number | undefined;
}

/**
 * How many elements of a large value to ask for at once: about as many bytes as are wanted, and no more than the server has in
 * the time that it may take.
 */
export class PageSize {
  readonly #options: PageOptions;
  #roundTrip: number;
  #count = FIRST_COUNT;
  /** Milliseconds an element, in the eyes of who waits for it. */
  #pace = Infinity;
  #most: number;
  #isOrdered = false;
  /** Bytes of an element, where the largest ones seen count for a while. */
  #mean = 0;

  constructor(options: PageOptions) {
    this.#options = options;
    this.#roundTrip = options.roundTrip;
    this.#most = Math.min(MOST_ELEMENTS, options.mostElements ?? MOST_ELEMENTS);
  }

  get pieceBytes(): number {
    return this.#options.pieceBytes;
  }

  /** Elements of the next page. */
  get count(): number {
    return this.#count;
  }

  /** The elements come in an order in which large ones may follow many that are small. */
  keepOrder(): void {
    this.#isOrdered = true;
    this.#most = Math.min(this.#most, MOST_IN_ORDER);
  }

  /** The last page had so many bytes, and came after so many milliseconds. */
  observe(bytes: number, ms: number): void {
    const { pieceBytes, maxLatency } = this.#options;
    if (ms < this.#roundTrip) this.#roundTrip = ms;
    const count = this.#count;
    const pace = Math.max(LEAST_PACE, (ms - this.#roundTrip) / count);
    // The first page says what the way takes, and nothing of its elements.
    if (count > FIRST_COUNT) this.#pace = Math.min(pace, this.#pace * MOST_SLOWDOWN);
    this.#mean = Math.max(bytes / count, this.#isOrdered ? this.#mean * LASTING : 0);
    const fitting = this.#mean === 0 ? MOST_ELEMENTS : pieceBytes / this.#mean;
    const quick = Math.max(LEAST_FOR_TIME, (maxLatency.ms * PAGE_SHARE) / this.#pace);
    this.#count = Math.max(1, Math.floor(Math.min(this.#most, count * MOST_GROWTH, fitting, quick)));
  }
}

/** What a short line needs; more would only leave the processor's cache and cost memory. */
const LEAST_DEPTH = 1024;
const MOST_DEPTH = 16_384;
/** Keys a millisecond that no line should be what bounds: with these under way the servers are. */
const KEYS_PER_MS = 800;

/**
 * How many keys may be under way on one connection.
 * @param roundTrip milliseconds from a command to its reply
 */
export function depthFor(roundTrip: number): number {
  return Math.min(MOST_DEPTH, Math.max(LEAST_DEPTH, Math.round(roundTrip * KEYS_PER_MS)));
}
