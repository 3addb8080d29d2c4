// Entries that came together, where their bytes lie: whoever hands entries on does it once a run, and not once a key.

import { NO_BYTES, type Bytes } from '../../resp/bytes.ts';
import { NEVER } from '../rdb/milliseconds.ts';
import type { EntryView } from './entry-view.ts';
import { NO_PAGE } from './key-id.ts';

/** Entries of a run, at most. */
export const MOST_ENTRIES = 256;
/** Where a key begins and ends, and its payload. */
const PLACES = 4;

/** Values of one page, and so of one database, of which nothing is carried but the expiry. They hold until the call returns that hands them on. */
export class EntryRun {
  db = 0;
  page = NO_PAGE;
  keysIn: Bytes = NO_BYTES;
  payloadsIn: Bytes = NO_BYTES;
  length = 0;
  keyBytes = 0;
  payloadBytes = 0;
  /** Bytes of the longest payload. */
  longest = 0;
  /** Whether any of them expires. */
  expires = false;
  /** Whether any of them does not. */
  lasts = false;
  readonly #places = new Int32Array(PLACES * MOST_ENTRIES);
  readonly #expiries = new Float64Array(MOST_ENTRIES);

  begin(db: number, page: number, keysIn: Bytes, payloadsIn: Bytes): void {
    this.db = db;
    this.page = page;
    this.keysIn = keysIn;
    this.payloadsIn = payloadsIn;
    this.length = 0;
    this.keyBytes = 0;
    this.payloadBytes = 0;
    this.longest = 0;
    this.expires = false;
    this.lasts = false;
  }

  add(keyAt: number, keyEnd: number, payloadAt: number, payloadEnd: number, expireAt: number): void {
    const i = this.length++;
    const places = this.#places;
    const at = i * PLACES;
    places[at] = keyAt;
    places[at + 1] = keyEnd;
    places[at + 2] = payloadAt;
    places[at + 3] = payloadEnd;
    this.#expiries[i] = expireAt;
    const payload = payloadEnd - payloadAt;
    this.keyBytes += keyEnd - keyAt;
    this.payloadBytes += payload;
    if (payload > this.longest) this.longest = payload;
    if (expireAt === NEVER) this.lasts = true;
    else this.expires = true;
  }

  /** Whether an entry can be one of the run. */
  suits(entry: EntryView): boolean {
    const { kind, db, page, keyIn, payloadIn, ownKey, expireAt, idle, frequency } = entry;
    if (db !== this.db || page !== this.page) return false;
    const isHere = keyIn === this.keysIn && payloadIn === this.payloadsIn && ownKey === undefined;
    return isHere && kind === 'value' && typeof expireAt === 'number' && idle < 0 && frequency < 0;
  }

  /** As of an entry. */
  get size(): number {
    return this.keyBytes + this.payloadBytes;
  }

  /** The first byte of the payload of the i-th entry: its type byte. */
  typeByteOf(i: number): number {
    return this.payloadsIn.buffer[this.#places[i * PLACES + 2]!]!;
  }

  /** Bytes of its key and its payload. */
  sizeOf(i: number): number {
    const places = this.#places;
    const at = i * PLACES;
    return places[at + 1]! - places[at]! + places[at + 3]! - places[at + 2]!;
  }

  /** Makes `view` show the i-th entry. */
  show(i: number, view: EntryView): void {
    const places = this.#places;
    const at = i * PLACES;
    view.kind = 'value';
    view.db = this.db;
    view.page = this.page;
    view.showKey(this.keysIn, places[at]!, places[at + 1]!);
    view.showPayload(this.payloadsIn, places[at + 2]!, places[at + 3]!);
    view.large = null;
    view.expireAt = this.expires ? this.#expiries[i]! : NEVER;
    view.idle = -1;
    view.frequency = -1;
  }
}
