// The bounded ring between reader and writer: FIFO, nothing lost, a budget in entries and in bytes. It knows no sockets.
//
//      reader ── push ──▶ ┌─┬─┬─┬─┬─┬─┐ ── take ──▶ writer
//                         └─┴─┴─┴─┴─┴─┘
//
//   How many bytes an entry has is known only when it is there, so what was already under way may pass the byte budget;
//   `room` is 0 from then on, and `writable` holds the reader until there is room again.

import { Buffer } from 'node:buffer';
import type { Entry } from './entry.ts';
import { Wakeup } from './wakeup.ts';

export interface ChannelOptions {
  readonly maxEntries: number;
  /** Bytes of keys and payloads. */
  readonly maxBytes: number;
}

const NO_KEY = Buffer.alloc(0);

export class Channel {
  readonly #maxBytes: number;
  /** The slots are made once and used again: an entry in passing costs no object. */
  readonly #slots: Entry[];
  readonly #arrival = new Wakeup();
  readonly #departure = new Wakeup();
  #head = 0;
  #length = 0;
  #bytes = 0;
  #state: 'open' | 'closed' = 'open';
  #reason: unknown;

  constructor(options: ChannelOptions) {
    this.#maxBytes = options.maxBytes;
    this.#slots = Array.from({ length: options.maxEntries }, () => ({
      db: 0,
      key: NO_KEY,
      payload: null,
      expireAt: 0,
    }));
  }

  /** Whether it still takes entries. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Entries inside. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of the entries inside. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Entries that may be pushed now. */
  get room(): number {
    return this.#bytes >= this.#maxBytes ? 0 : this.#slots.length - this.#length;
  }

  /**
   * Puts an entry in. The Buffers themselves are kept, not copies.
   * @throws Error when the channel is closed or every slot is in use
   */
  push(db: number, key: Buffer, payload: Buffer | null, expireAt: number): void {
    if (this.#state !== 'open') throw new Error('Cannot push an entry: the channel is closed');
    if (this.#length === this.#slots.length)
      throw new Error(`Cannot push an entry: ${this.#length} are inside already`);
    const slot = this.#slots[(this.#head + this.#length++) % this.#slots.length]!;
    slot.db = db;
    slot.key = key;
    slot.payload = payload;
    slot.expireAt = expireAt;
    this.#bytes += sizeOf(slot);
    this.#arrival.wake();
  }

  /** Moves the oldest entry into `entry`; false when there is none. */
  take(entry: Entry): boolean {
    if (this.#length === 0) return false;
    const slot = this.#slots[this.#head]!;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#length--;
    this.#bytes -= sizeOf(slot);
    entry.db = slot.db;
    entry.key = slot.key;
    entry.payload = slot.payload;
    entry.expireAt = slot.expireAt;
    slot.key = NO_KEY;
    slot.payload = null;
    this.#departure.wake();
    return true;
  }

  /** Waits for an entry to take (true), or for the end (false). Rejects with the reason of `close`, if it had one. */
  async readable(): Promise<boolean> {
    while (this.#length === 0) {
      if (this.#state === 'open') await this.#arrival.sleep();
      else if (this.#reason === undefined) return false;
      else throw this.#reason;
    }
    return true;
  }

  /** Waits until an entry may be pushed. Rejects once the channel is closed. */
  async writable(): Promise<void> {
    while (this.#state === 'open' && this.room === 0) await this.#departure.sleep();
    if (this.#state === 'closed') throw this.#reason ?? new Error('Cannot wait for room: the channel is closed');
  }

  /** Ends the flow after the entries inside; a `reason` says that they are not all there was. The first call counts. */
  close(reason?: unknown): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reason = reason;
    this.#arrival.wake();
    this.#departure.wake();
  }

  /** Ends the flow now: the entries inside are dropped, and both ends are told the reason. */
  abort(reason: unknown): void {
    const dropped = { db: 0, key: NO_KEY, payload: null, expireAt: 0 };
    while (this.take(dropped));
    this.close(reason);
    // Where the reader was done already, the end is still no good one.
    this.#reason ??= reason;
  }
}

function sizeOf(entry: Entry): number {
  return entry.key.length + (entry.payload?.length ?? 0);
}
