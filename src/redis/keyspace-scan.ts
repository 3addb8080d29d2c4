// Walks a keyspace by SCAN: which cursor to ask for next, what a page may be believed, and when every key was seen.
// It sends nothing and keeps no keys but the first pages of segments.
//
//   plain        one cursor from 0 to 0.
//   segmented    many at once, each from where its share of the keyspace starts: over a long line a page a round trip
//                is too slow. Only servers that count as Redis does can be read so, and a server is taken for one only
//                as long as everything it says proves it; at the first doubt one plain scan does it all again.
//
//   0 ├── segment 0 ──┼── segment 1 ──┼── … ──┤ END      positions, that is reversed cursors, only grow
//         page ▸ page ▸ pag|e                            the page that passes the border is the segment's last

import { cursorAt, END, positionOf, shareBetween } from './cursor.ts';

export interface KeyspaceScanOptions {
  /** SCAN COUNT. */
  readonly count: number;
  /** DBSIZE at the start. */
  readonly keys: number;
  /** Most segments to read at once: a power of two, 1 for none. */
  readonly maxSegments: number;
}

interface Segment {
  /** To be asked for next; `undefined` when the segment is over. */
  cursor: string | undefined;
  asked: boolean;
  position: bigint;
  readonly end: bigint;
  /** What is known of the border before this segment. */
  readonly border: Border;
}

/**
 * The page that passes a border goes on into the next segment, where that segment's first page starts: they share keys.
 * This keeps a key from being given twice, and it proves that the segments are parts of one walk.
 */
interface Border {
  /** The keys of whichever page came first. */
  keys: Set<string> | undefined;
  /** How many keys the page that passed it should share. */
  overrun: number;
}

/** A segment shorter than this many pages is not worth its border. */
const LEAST_PAGES = 4;
/** From this many keys on a page's share of the keyspace is no accident: 3 sigma of 256 keys are 19 %. */
const LEAST_PROOF = 256;
/** How much further than its keys pay for a page may come. */
const SLACK_SHARE = 1.5;
const SLACK_KEYS = 64;
/** A page that runs this many keys over a border must share at least half of them. */
const LEAST_OVERRUN = 32;

export class KeyspaceScan {
  readonly #options: KeyspaceScanOptions;
  #mode: 'probing' | 'plain' | 'segmented';
  #segments: Segment[] = [segmentBetween(0n, END)];
  /** Replies come in the order in which pages were asked for. */
  #asked: Segment[] = [];
  #seen = 0;

  constructor(options: KeyspaceScanOptions) {
    this.#options = options;
    this.#mode = options.maxSegments > 1 ? 'probing' : 'plain';
  }

  get mode(): 'probing' | 'plain' | 'segmented' {
    return this.#mode;
  }

  /** Whether the last page has come; `settle` then has the last word. */
  get finished(): boolean {
    return this.#asked.length === 0 && this.#segments.every(({ cursor }) => cursor === undefined);
  }

  /** Pages that were asked for and have not come. */
  get inFlight(): number {
    return this.#asked.length;
  }

  /** How much of the keyspace was read, 0 to 1: by position where positions are proven, otherwise by keys. */
  get fraction(): number {
    if (this.#mode !== 'segmented') return Math.min(1, this.#seen / Math.max(1, this.#options.keys));
    const left = this.#segments.reduce((sum, { position, end }) => sum + (position < end ? end - position : 0n), 0n);
    return 1 - shareBetween(0n, left);
  }

  /** The cursor of a page to ask for now, or `undefined` when there is none. */
  next(): string | undefined {
    const segment = this.#segments.find(({ cursor, asked }) => cursor !== undefined && !asked);
    if (segment === undefined) return undefined;
    segment.asked = true;
    this.#asked.push(segment);
    return segment.cursor;
  }

  /** Takes the page that was asked for first; returns those of its keys that are to be read. */
  accept(cursor: string, keys: readonly Buffer[]): readonly Buffer[] {
    const segment = this.#asked.shift()!;
    segment.asked = false;
    // A page of segments that were given up: its keys are as good as any, its cursor leads nowhere.
    if (!this.#segments.includes(segment)) return keys;
    const fresh = this.#mode === 'segmented' ? this.#acceptOfSegment(segment, cursor, keys) : keys;
    this.#seen += fresh.length;
    if (this.#mode === 'probing') this.#probe(cursor, keys.length);
    else if (this.#mode === 'plain' && this.#segments[0] === segment) segment.cursor = after(cursor);
    return fresh;
  }

  /** The server answered the page that was asked for first with an error. Returns false when that ends the scan. */
  refuse(): boolean {
    const segment = this.#asked.shift()!;
    segment.asked = false;
    if (this.#mode === 'segmented') this.#scanPlainly();
    else if (this.#segments.includes(segment)) return false;
    return true;
  }

  /**
   * Once `finished`: whether every key was seen. If not, the scan begins anew, plainly, and is no longer finished.
   * @param keys DBSIZE now. A key that was there throughout counts in both sizes, so at least the smaller must be seen.
   */
  settle(keys: number): boolean {
    if (this.#mode !== 'segmented' || this.#seen >= Math.min(this.#options.keys, keys)) return true;
    this.#scanPlainly();
    return false;
  }

  /** Judges by the first page whether the server counts as Redis does, and takes segments if so. */
  #probe(cursor: string, found: number): void {
    const [first] = this.#segments as [Segment];
    first.cursor = after(cursor);
    this.#mode = 'plain';
    const segments = this.#segmentsFor(found);
    const position = positionOf(cursor);
    if (segments < 2 || cursor === '0' || position === undefined) return;
    const due = shareBetween(0n, position) * this.#options.keys;
    if (found < LEAST_PROOF || found > due * SLACK_SHARE || due > found * SLACK_SHARE) return;
    this.#mode = 'segmented';
    const length = END / BigInt(segments);
    this.#segments = Array.from({ length: segments }, (_, i) =>
      segmentBetween(BigInt(i) * length, BigInt(i + 1) * length),
    );
    this.#segments[0]!.cursor = cursor;
    this.#segments[0]!.position = position;
  }

  #segmentsFor(page: number): number {
    let segments = this.#options.maxSegments;
    while (segments > 1 && this.#options.keys / segments < page * LEAST_PAGES) segments /= 2;
    return segments;
  }

  #acceptOfSegment(segment: Segment, cursor: string, keys: readonly Buffer[]): readonly Buffer[] {
    const position = cursor === '0' ? END : positionOf(cursor);
    if (position === undefined || position <= segment.position || !this.#isPaidFor(segment.position, position, keys)) {
      this.#scanPlainly();
      return keys;
    }
    const index = this.#segments.indexOf(segment);
    const isFirstPage = index > 0 && segment.cursor === cursorAt(this.#segments[index - 1]!.end);
    const isLastPage = position >= segment.end;
    segment.position = position;
    segment.cursor = isLastPage ? undefined : cursor;
    let fresh = keys;
    if (isFirstPage) fresh = this.#crossBorder(segment.border, fresh);
    const following = this.#segments[index + 1];
    if (isLastPage && following !== undefined) {
      following.border.overrun = this.#keysBetween(segment.end, position);
      fresh = this.#crossBorder(following.border, fresh);
    }
    return fresh;
  }

  /** A page may come no further than its keys allow, else there are keys that it did not give. */
  #isPaidFor(from: bigint, to: bigint, keys: readonly Buffer[]): boolean {
    return this.#keysBetween(from, to) <= keys.length * SLACK_SHARE + SLACK_KEYS;
  }

  #keysBetween(from: bigint, to: bigint): number {
    return shareBetween(from, to) * this.#options.keys;
  }

  /** Returns the keys that the page on the other side of the border has not given; the second page proves the border. */
  #crossBorder(border: Border, keys: readonly Buffer[]): readonly Buffer[] {
    const given = border.keys;
    if (given === undefined) {
      border.keys = new Set(keys.map((key) => key.toString('latin1')));
      return keys;
    }
    border.keys = new Set();
    const fresh = keys.filter((key) => !given.has(key.toString('latin1')));
    const shared = keys.length - fresh.length;
    if (border.overrun < LEAST_OVERRUN || shared >= border.overrun / 2) return fresh;
    this.#scanPlainly();
    return keys;
  }

  #scanPlainly(): void {
    this.#mode = 'plain';
    this.#seen = 0;
    this.#segments = [segmentBetween(0n, END)];
  }
}

function segmentBetween(start: bigint, end: bigint): Segment {
  return { cursor: cursorAt(start), asked: false, position: start, end, border: { keys: undefined, overrun: 0 } };
}

function after(cursor: string): string | undefined {
  return cursor === '0' ? undefined : cursor;
}
