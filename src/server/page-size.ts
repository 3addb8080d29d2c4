// How many elements of a large value to ask for at once: about as many bytes as are wanted, and no more than the server has
// in the time that it may take.

/** Nothing is known of the elements yet: each may be as long as a reply should be, and it takes five pages to come to many. */
const FIRST = 1;
/** However slowly replies come: that may be for reasons of others, which smaller pages would not change. */
const LEAST_FOR_TIME = 512;
const MOST = 8192;
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
/** Milliseconds that any element takes. */
const LEAST_PACE = 5e-5;

export interface PageOptions {
  /** Bytes of a page, about. */
  readonly pieceBytes: number;
  /** Milliseconds that the server should need for one, at most. */
  readonly pageMs: number;
  /** What a question takes of which the answer is at hand, in milliseconds, as far as was seen. */
  readonly roundTrip: number;
  /** Elements of a page, at most. */
  readonly mostElements?: number | undefined;
}

export class PageSize {
  readonly #options: PageOptions;
  #roundTrip: number;
  #count = FIRST;
  /** Milliseconds an element, in the eyes of who waits for it. */
  #pace = Infinity;
  #most: number;
  #isOrdered = false;
  /** Bytes of an element, where the largest ones seen count for a while. */
  #mean = 0;

  constructor(options: PageOptions) {
    this.#options = options;
    this.#roundTrip = options.roundTrip;
    this.#most = Math.min(MOST, options.mostElements ?? MOST);
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
    const { pieceBytes, pageMs } = this.#options;
    if (ms < this.#roundTrip) this.#roundTrip = ms;
    const count = this.#count;
    const pace = Math.max(LEAST_PACE, (ms - this.#roundTrip) / count);
    // The first page says what the way takes, and nothing of its elements.
    if (count > FIRST) this.#pace = Math.min(pace, this.#pace * MOST_SLOWDOWN);
    this.#mean = Math.max(bytes / count, this.#isOrdered ? this.#mean * LASTING : 0);
    const fitting = this.#mean === 0 ? MOST : pieceBytes / this.#mean;
    const quick = Math.max(LEAST_FOR_TIME, pageMs / this.#pace);
    this.#count = Math.max(1, Math.floor(Math.min(this.#most, count * MOST_GROWTH, fitting, quick)));
  }
}
