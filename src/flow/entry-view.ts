// An entry where its bytes lie: in a chunk that was read, or in a slab. It holds until its owner goes on; whoever keeps it
// makes an entry of it.

import type { Buffer } from 'node:buffer';
import { Bytes, NO_BYTES } from '../../resp/bytes.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import { NO_PAGE } from './key-id.ts';
import type { Slab } from './slabs.ts';
import { newEntry, type Entry, type EntryKind, type LargeValue } from './entry.ts';

/** The fields are those of `Entry`; key and payload lie in pieces of memory, from `…At` to before `…End`. */
export class EntryView {
  kind: EntryKind = 'name';
  db = 0;
  page = NO_PAGE;
  keyIn: Bytes = NO_BYTES;
  keyAt = 0;
  keyEnd = 0;
  /** The key as a Buffer that can be kept, where there is one: it stays the same one, however often the key is asked for. */
  ownKey: Buffer | undefined;
  payloadIn: Bytes = NO_BYTES;
  payloadAt = 0;
  payloadEnd = 0;
  /** Of an entry in a ring: what its small bytes are in. */
  slab: Slab | undefined;
  large: LargeValue | null = null;
  expireAt: Milliseconds = NEVER;
  idle = -1;
  frequency = -1;

  /** Of an entry, by reference. */
  static of(entry: Entry): EntryView {
    const view = new EntryView();
    view.show(entry);
    return view;
  }

  /** Shows an entry, by reference. */
  show(entry: Entry): void {
    this.kind = entry.kind;
    this.db = entry.db;
    this.page = entry.page;
    this.showKey(new Bytes(entry.key), 0, entry.key.length);
    this.ownKey = entry.key;
    if (entry.payload === null) this.showPayload(NO_BYTES, 0, 0);
    else this.showPayload(new Bytes(entry.payload), 0, entry.payload.length);
    this.large = entry.large;
    this.expireAt = entry.expireAt;
    this.idle = entry.idle;
    this.frequency = entry.frequency;
  }

  showKey(bytes: Bytes, start: number, end: number): void {
    this.keyIn = bytes;
    this.keyAt = start;
    this.keyEnd = end;
    this.ownKey = undefined;
  }

  showPayload(bytes: Bytes, start: number, end: number): void {
    this.payloadIn = bytes;
    this.payloadAt = start;
    this.payloadEnd = end;
  }

  /** Shows what another view does. */
  showSame(from: EntryView): void {
    this.copyFields(from);
    this.showKey(from.keyIn, from.keyAt, from.keyEnd);
    this.ownKey = from.ownKey;
    this.showPayload(from.payloadIn, from.payloadAt, from.payloadEnd);
  }

  /** All but the bytes. */
  copyFields(from: EntryView): void {
    this.kind = from.kind;
    this.db = from.db;
    this.page = from.page;
    this.large = from.large;
    this.expireAt = from.expireAt;
    this.idle = from.idle;
    this.frequency = from.frequency;
  }

  /** Bytes of key and payload: what budgets and figures count. */
  get size(): number {
    return this.keyEnd - this.keyAt + this.payloadEnd - this.payloadAt;
  }

  /** A copy that can be kept; what lies in memory of its own is not copied. */
  get key(): Buffer {
    return this.ownKey ?? this.keyIn.slice(this.keyAt, this.keyEnd);
  }

  /** As `key`. */
  get payload(): Buffer | null {
    return this.kind === 'value' ? this.payloadIn.slice(this.payloadAt, this.payloadEnd) : null;
  }

  /** Makes `entry` one that can be kept. */
  copyTo(entry: Entry): void {
    entry.kind = this.kind;
    entry.db = this.db;
    entry.page = this.page;
    entry.large = this.large;
    entry.expireAt = this.expireAt;
    entry.idle = this.idle;
    entry.frequency = this.frequency;
    if (this.kind === 'value' && this.payloadIn === this.keyIn && this.ownKey === undefined) {
      // They lie side by side: one copy holds both.
      const both = this.keyIn.slice(this.keyAt, this.payloadEnd);
      entry.key = both.subarray(0, this.keyEnd - this.keyAt);
      entry.payload = both.subarray(this.payloadAt - this.keyAt);
    } else {
      entry.key = this.key;
      entry.payload = this.payload;
    }
  }

  /** An entry that can be kept. */
  copy(): Entry {
    const entry = newEntry();
    this.copyTo(entry);
    return entry;
  }

  /** Nothing is kept alive by it any more. */
  clear(): void {
    this.keyIn = NO_BYTES;
    this.ownKey = undefined;
    this.payloadIn = NO_BYTES;
    this.large = null;
  }
}
