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

import {
  ANY_WALK,
  Bound,
  END,
  mostOf,
  positionOf,
  shareBetween,
  sizeOfPage,
  type BoundState,
  restored,
  segmentsOf,
  stateOf,
  type Segment,
  type SegmentState,
} from './cursor.ts';
import { NameList, namesOf, type PageNames } from './page-view.ts';
import type { Buffer } from 'node:buffer';

export interface KeyspaceScanOptions {
  /** Most keys to ask for at once, that is SCAN COUNT. */
  readonly count: number;
  /** The same of the first pages, where names may be long; `count` without it. */
  readonly firstCount?: number;
  /** DBSIZE at the start. */
  readonly keys: number;
  /** Most segments to read at once: a power of two, 1 for none. */
  readonly maxSegments: number;
  /** Whether the server leaves keys out of its pages, by MATCH or TYPE: then a page says nothing of how far it came. */
  readonly sparse?: boolean;
  /** The number of the last page of the scan before, whose place this one takes. Default 0. */
  readonly page?: number;
}

/**
 * All that is needed to go on later, in the same keyspace, with what `accept` has not given by then. It is plain, so that it
 * can be kept as JSON, and small but for the names of first pages, of which there are some while segments are read.
 */
export interface KeyspaceScanState {
  /** The number of the last page that has come: it grows with each, also when the scan goes on or begins anew. */
  readonly page: number;
  readonly mode: KeyspaceScan['mode'];
  /** DBSIZE at the start. */
  readonly keys: number;
  readonly seen: number;
  readonly count: number;
  readonly bound: BoundState;
  readonly segments: readonly SegmentState[];
}

/** A segment shorter than this many pages is not worth its border. */
const LEAST_PAGES = 4;
/** From this many keys on a page's share of the keyspace is no accident: 3 sigma of 256 keys are 19 %. */
const LEAST_PROOF = 256;
/** How much further than its keys pay for a page may come. */
const SLACK_SHARE = 1.5;
const SLACK_KEYS = 64;
/** From this many keys on a page that runs over a border proves it: at least half of them must be the next segment's. */
const LEAST_OVERRUN = 32;

/** Bytes of names that a page should have; where they come longer, the next one is asked for fewer. */
const PAGE_BYTES = 1024 * 1024;
/** A page may be asked for so many times as many as the one before. */
const MOST_GROWTH = 4;

const NO_NAMES: readonly string[] = [];

/** Numbers of names of a page, in their order. */
export type OwnNames = 'all' | readonly number[];

export class KeyspaceScan {
  readonly #options: KeyspaceScanOptions;
  readonly #keys: number;
  #mode: 'probing' | 'plain' | 'segmented';
  #segments: Segment[];
  /** Replies come in the order in which pages were asked for. */
  #asked: Segment[] = [];
  #page: number;
  #seen: number;
  #count: number;
  #repeated: string | undefined;
  #isAnew = false;
  #bound: Bound;

  /** @param state of a scan that goes on, which had the same options */
  constructor(options: KeyspaceScanOptions, state?: KeyspaceScanState) {
    const { count, firstCount = count, keys, maxSegments, sparse, page = 0 } = options;
    this.#options = options;
    this.#keys = state?.keys ?? keys;
    this.#mode = state?.mode ?? (maxSegments > 1 && sparse !== true ? 'probing' : 'plain');
    this.#segments = state === undefined ? segmentsOf(1) : restored(state.segments);
    this.#page = state?.page ?? page;
    this.#seen = state?.seen ?? 0;
    this.#count = state?.count ?? firstCount;
    this.#bound = new Bound(state?.bound ?? { limit: ANY_WALK });
  }

  /** The number of the last page that has come. */
  get page(): number {
    return this.#page;
  }

  /** What was asked for and has not come is asked for again by whoever goes on. */
  get state(): KeyspaceScanState {
    return {
      page: this.#page,
      mode: this.#mode,
      keys: this.#keys,
      seen: this.#seen,
      count: this.#count,
      bound: this.#bound.state,
      segments: this.#segments.map(stateOf),
    };
  }

  get mode(): 'probing' | 'plain' | 'segmented' {
    return this.#mode;
  }

  /** Whether the last page has come; `settle` then has the last word. */
  get finished(): boolean {
    return this.#asked.length === 0 && this.#segments.every(({ cursor }) => cursor === undefined);
  }

  /** Keys in the keyspace at the start. */
  get keys(): number {
    return this.#keys;
  }

  /** Names that the scan has given since it began anew; not known where the server leaves some out. */
  get seen(): number {
    return this.#seen;
  }

  /** SCAN COUNT of the page to ask for now. */
  get count(): number {
    return this.#count;
  }

  /** A cursor that the server gave twice: the scan would never end. */
  get repeated(): string | undefined {
    return this.#repeated;
  }

  /** Whether it has begun once more: what it gave before comes again. */
  get isAnew(): boolean {
    return this.#isAnew;
  }

  /** Whether so much has come that the server is to be asked how much there is: see `mayGoOn`. */
  get isLong(): boolean {
    return this.#bound.isReached;
  }

  /** Pages that were asked for and have not come. */
  get inFlight(): number {
    return this.#asked.length;
  }

  /** How much of the keyspace was read, 0 to 1: by position where positions are proven, otherwise by keys. */
  get fraction(): number {
    if (this.#mode !== 'segmented') return Math.min(1, this.#seen / Math.max(1, this.#keys));
    const left = this.#segments.reduce((sum, { position, end }) => sum + (position < end ? end - position : 0n), 0n);
    return 1 - shareBetween(0n, left);
  }

  /**
   * The cursor of a page to ask for now, or `undefined` when there is none. First pages go first: they must be there when
   * the segment before runs into them.
   */
  next(): string | undefined {
    const waiting = this.#segments.filter(({ cursor, asked }) => cursor !== undefined && !asked);
    const segment = waiting.find(({ firstPage }) => firstPage === undefined) ?? waiting[0];
    if (segment === undefined) return undefined;
    segment.asked = true;
    this.#asked.push(segment);
    return segment.cursor;
  }

  /** Takes the page that was asked for first; returns those of its keys that are to be read. */
  accept(cursor: string, keys: readonly Buffer[]): readonly Buffer[] {
    const own = this.acceptNames(cursor, new NameList(keys));
    return own === 'all' ? keys : own.map((name) => keys[name]!);
  }

  /** The same of a page wherever its names lie; returns the numbers of those that are to be read. */
  acceptNames(cursor: string, names: PageNames): OwnNames {
    const asked = this.#count;
    const segment = this.#take(cursor, names);
    if (segment === undefined) return 'all';
    if (this.#mode === 'segmented') {
      const own = this.#acceptOfSegment(segment, cursor, names);
      this.#seen += own === 'all' ? names.length : own.length;
      return own;
    }
    this.#seen += this.#options.sparse === true ? asked : names.length;
    if (this.#mode === 'probing') this.#probe(cursor, names.length);
    else if (this.#segments[0] === segment) segment.cursor = after(cursor);
    return 'all';
  }

  /** The segment of the page; none where it was given up: its keys are as good as others, its cursor leads nowhere. */
  #take(cursor: string, names: PageNames): Segment | undefined {
    const segment = this.#asked.shift()!;
    segment.asked = false;
    this.#page++;
    const asked = this.#count;
    this.#count = this.#countAfter(names.size);
    if (!this.#segments.includes(segment)) return undefined;
    if (segment.loop.repeats(cursor)) this.#repeated = cursor;
    this.#bound.add(sizeOfPage(asked, names.length));
    return segment;
  }

  /**
   * Whether the scan can still come to an end, by what the server says now.
   * @param keys DBSIZE, 0 where it is not known
   * @param bytes of memory that are in use, 0 where that is not known
   */
  mayGoOn(keys: number, bytes: number): boolean {
    return this.#bound.renew(mostOf('walk', keys === 0 && this.#seen > 0 ? undefined : keys, bytes));
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
    if (this.#mode !== 'segmented' || this.#seen >= Math.min(this.#keys, keys)) return true;
    this.#scanPlainly();
    return false;
  }

  #countAfter(bytes: number): number {
    const fitting = Math.floor((this.#count * PAGE_BYTES) / Math.max(1, bytes));
    return Math.max(1, Math.min(this.#options.count, this.#count * MOST_GROWTH, fitting));
  }

  /** Judges by the first page whether the server counts as Redis does, and takes segments if so. */
  #probe(cursor: string, found: number): void {
    const [first] = this.#segments as [Segment];
    first.cursor = after(cursor);
    this.#mode = 'plain';
    const segments = this.#segmentsFor(found);
    const position = positionOf(cursor);
    if (segments < 2 || cursor === '0' || position === undefined) return;
    const due = this.#keysBetween(0n, position);
    if (found < LEAST_PROOF || found > due * SLACK_SHARE || due > found * SLACK_SHARE) return;
    this.#mode = 'segmented';
    this.#segments = segmentsOf(segments);
    Object.assign(this.#segments[0]!, { cursor, position, firstPage: NO_NAMES });
  }

  #segmentsFor(page: number): number {
    let segments = this.#options.maxSegments;
    while (segments > 1 && this.#keys / segments < page * LEAST_PAGES) segments /= 2;
    return segments;
  }

  #acceptOfSegment(segment: Segment, cursor: string, names: PageNames): OwnNames {
    const position = cursor === '0' ? END : positionOf(cursor);
    if (position === undefined || position <= segment.position || !this.#isPaidFor(segment.position, position, names)) {
      return this.#doubt();
    }
    const isBeyond = segment.position >= segment.end;
    segment.firstPage ??= namesOf(names);
    segment.position = position;
    segment.cursor = after(cursor);
    if (position < segment.end || position === END) return 'all';
    return this.#crossBorder(segment, isBeyond, names);
  }

  /**
   * A page that passes the end of its segment goes on where the following one starts, so the two share keys: this proves that
   * all segments are parts of one walk. Where it is too short a way for that, one page more is asked for, which lies beyond
   * the border as a whole: its keys are the following segment's to give.
   */
  #crossBorder(segment: Segment, isBeyond: boolean, names: PageNames): OwnNames {
    const following = this.#segments[this.#segments.indexOf(segment) + 1];
    if (following?.firstPage === undefined) return this.#doubt();
    const theirs = new Set(following.firstPage);
    const own: number[] = [];
    for (let name = 0; name < names.length; name++) if (!theirs.has(names.nameOf(name))) own.push(name);
    const overrun = this.#keysBetween(segment.end, segment.position);
    if (overrun < LEAST_OVERRUN) return own;
    if (names.length - own.length < Math.min(overrun, theirs.size) / 2) return this.#doubt();
    segment.cursor = undefined;
    following.firstPage = NO_NAMES;
    return isBeyond ? [] : own;
  }

  /** Something does not fit: what was read is as good as ever, but one plain scan must do it all again. */
  #doubt(): 'all' {
    this.#scanPlainly();
    return 'all';
  }

  /** A page may come no further than its keys allow, else there are keys that it did not give. */
  #isPaidFor(from: bigint, to: bigint, names: PageNames): boolean {
    return this.#keysBetween(from, to) <= names.length * SLACK_SHARE + SLACK_KEYS;
  }

  #keysBetween(from: bigint, to: bigint): number {
    return shareBetween(from, to) * this.#keys;
  }

  #scanPlainly(): void {
    this.#mode = 'plain';
    this.#isAnew = true;
    this.#seen = 0;
    this.#bound = new Bound({ limit: ANY_WALK });
    this.#segments = segmentsOf(1);
  }
}

function after(cursor: string): string | undefined {
  return cursor === '0' ? undefined : cursor;
}
