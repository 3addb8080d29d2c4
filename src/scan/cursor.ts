// SCAN cursors: how Redis counts them, in how many places at once a walk goes on, whether they go in a circle, and how far a
// walk may go on. It asks nothing.

const BITS = 64;
/** One above the greatest position: the end of the keyspace. */
export const END = 1n << 64n;

/**
 * How far a cursor has come, of `END`: its bits reversed. The cursor is a decimal string, too large for a number;
 * `undefined` for one that is no 64-bit number at all.
 */
export function positionOf(cursor: string): bigint | undefined {
  if (!/^\d{1,20}$/.test(cursor)) return undefined;
  const bits = BigInt(cursor);
  return bits < END ? reverse(bits) : undefined;
}

/** The cursor at a position. */
export function cursorAt(position: bigint): string {
  return reverse(position).toString();
}

/** What share of the keyspace lies between two positions, 0 to 1. */
export function shareBetween(from: bigint, to: bigint): number {
  return Number(to - from) / Number(END);
}

function reverse(bits: bigint): bigint {
  const digits = bits.toString(2).padStart(BITS, '0');
  return BigInt(`0b${digits.split('').toReversed().join('')}`);
}

export interface CursorLoopState {
  readonly kept: string | null;
  /** How many cursors have come since. */
  readonly steps: number;
  /** Steps after which the next cursor is kept. */
  readonly stride: number;
}

const NO_STEPS: CursorLoopState = { kept: null, steps: 0, stride: 1 };

/**
 * Whether a server leads a scan in a circle, by Brent's check: one cursor is kept, the others are held against it, and after
 * twice as many steps as before another one is kept. So each circle is found within a few rounds, whatever its length.
 */
export class CursorLoop {
  #kept: string | null;
  #steps: number;
  #stride: number;

  /** @param state of a scan that goes on */
  constructor({ kept, steps, stride }: CursorLoopState = NO_STEPS) {
    this.#kept = kept;
    this.#steps = steps;
    this.#stride = stride;
  }

  get state(): CursorLoopState {
    return { kept: this.#kept, steps: this.#steps, stride: this.#stride };
  }

  /** Takes the next cursor of a scan, each once; whether the server gave it before, which none does whose scan ends. */
  repeats(cursor: string): boolean {
    if (cursor === this.#kept) return true;
    if (++this.#steps === this.#stride) {
      this.#kept = cursor;
      this.#steps = 0;
      this.#stride *= 2;
    }
    return false;
  }
}

/**
 * Elements that any walk may come to, where an empty page counts for up to a hundred: a cluster's node may answer with one for
 * each of its 16,384 slots.
 */
export const ANY_WALK = 2_000_000;
/** The same of one value: that has no slots. */
const ANY_VALUE = 100_000;
/** So many elements an element that is told of may be given: a table that changes its size gives some twice, and some servers count late. */
const TIMES_TOLD = 1000;
/** A table that was large once has room for so many bytes a place, also when nearly all of it is empty. */
const PLACE_BYTES = 8;
/** Where a server does not say how much memory there is. */
const UNTOLD_BYTES = 2 ** 30;
/**
 * Places that an empty page has seen at least, where as many keys were asked for, or more: ten times COUNT in fact, but some
 * servers take no COUNT above this.
 */
const EMPTY_PAGE = 100;

/** What a page counts for. */
export function sizeOfPage(asked: number, found: number): number {
  return Math.max(found, Math.min(asked, EMPTY_PAGE));
}

/**
 * How much of it may come before it is certain that there is no end.
 * @param elements that are there; `undefined` where that is not told
 * @param bytes of memory that they take, at least
 */
export function mostOf(what: 'walk' | 'value', elements: number | undefined, bytes: number | undefined): number {
  const places = (bytes || UNTOLD_BYTES) / PLACE_BYTES;
  return (what === 'walk' ? ANY_WALK : ANY_VALUE) + TIMES_TOLD * (elements ?? places) + places;
}

export interface BoundState {
  readonly limit: number;
  /** How much has come. */
  readonly done: number;
  /** Whether more had come, when the server was asked, than there may be. */
  readonly isPassed: boolean;
}

/**
 * How far a walk may go on: cursors and pages of which none repeats can go on for ever, while the server itself says how much
 * there is.
 */
export class Bound {
  #limit: number;
  #done: number;
  #isPassed: boolean;

  /** @param state of a walk that goes on; of a new one the limit is enough */
  constructor({ limit, done = 0, isPassed = false }: Partial<BoundState> & Pick<BoundState, 'limit'>) {
    this.#limit = limit;
    this.#done = done;
    this.#isPassed = isPassed;
  }

  get state(): BoundState {
    return { limit: this.#limit, done: this.#done, isPassed: this.#isPassed };
  }

  /** So much more has come. */
  add(amount: number): void {
    this.#done += amount;
  }

  /** Whether the server is to be asked how much there is. */
  get isReached(): boolean {
    return this.#done > this.#limit;
  }

  /**
   * It was asked.
   * @returns false where more has come than there may be, and still does: what was there before may just have become less
   */
  renew(limit: number): boolean {
    const wasPassed = this.#isPassed;
    this.#isPassed = this.#done > limit;
    // Only what still comes is asked about again.
    this.#limit = Math.max(limit, this.#done);
    return !this.#isPassed || !wasPassed;
  }
}

/** What is needed to go on with it; plain, so that it can be kept as JSON. */
export interface SegmentState {
  /** To be asked for next; `null` when the segment is over. */
  readonly cursor: string | null;
  readonly loop: CursorLoopState;
  /** Names of its first page, as `Segment.firstPage`. */
  readonly firstPage: readonly string[] | null;
}

export interface Segment {
  /** To be asked for next; `undefined` when the segment is over. */
  cursor: string | undefined;
  asked: boolean;
  position: bigint;
  readonly end: bigint;
  readonly loop: CursorLoop;
  /** Its keys, from when it has come until the segment before has run into it: there are none then. */
  firstPage: readonly string[] | undefined;
}

/** So many segments of one length, each with its cursor at its start. */
export function segmentsOf(count: number): Segment[] {
  return Array.from({ length: count }, (_, i) => {
    const start = startOf(i, count);
    const end = startOf(i + 1, count);
    return {
      cursor: cursorAt(start),
      asked: false,
      position: start,
      end,
      loop: new CursorLoop(),
      firstPage: undefined,
    };
  });
}

export function stateOf({ cursor, loop, firstPage }: Segment): SegmentState {
  return { cursor: cursor ?? null, loop: loop.state, firstPage: firstPage ?? null };
}

/** The segments that these are the states of, each as if nothing had been asked that has not come. */
export function restored(states: readonly SegmentState[]): Segment[] {
  return states.map(({ cursor, loop, firstPage }, i) => {
    const end = startOf(i + 1, states.length);
    return {
      cursor: cursor ?? undefined,
      asked: false,
      // Where nothing proves that cursors are places, nobody asks for this.
      position: cursor === null ? end : (positionOf(cursor) ?? end),
      end,
      loop: new CursorLoop(loop),
      firstPage: firstPage ?? undefined,
    };
  });
}

function startOf(segment: number, count: number): bigint {
  return (END / BigInt(count)) * BigInt(segment);
}
