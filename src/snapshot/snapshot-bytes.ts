// What the reader of a snapshot needs of its bytes, wherever they come from: a window that moves forward, with a checksum of all
// that it leaves behind.

import { Buffer } from 'node:buffer';
import { Bytes } from '../../resp/bytes.ts';
import type { EntryView } from '../flow/entry-view.ts';
import type { LargeValue } from '../flow/entry.ts';
import { ByteReader, SPECIAL } from '../rdb/byte-reader.ts';
import { Crc64 } from '../rdb/crc64.ts';

const WARM_BYTES = 8 * 1024;
const NO_WINDOW = Buffer.alloc(0);

/** Where a value is in a snapshot. */
export interface ValuePlace {
  /** Where it begins, in bytes from the start: behind its type byte. */
  readonly start: number;
  /** In bytes. */
  readonly length: number;
  /** Not one of a module. */
  readonly typeByte: number;
  /** The RDB version of the writer. */
  readonly version: number;
}

/** Thrown where the bytes have yet to come: whoever reads goes back, and tries again when they are there. */
export const STARVED: Error = new Error('The bytes have yet to come');

export abstract class SnapshotBytes extends ByteReader {
  /** The first byte that has to stay at hand. */
  keep = 0;
  readonly #crc: Crc64 | undefined;
  #window: Bytes = new Bytes(NO_WINDOW);
  /** How far the checksum goes. */
  #summed: number;

  /**
   * @param start where it begins to read
   * @param sums whether a checksum is made of what is read
   */
  constructor(subject: string, start: number, sums: boolean) {
    super(NO_WINDOW, subject);
    this.#crc = sums ? new Crc64() : undefined;
    this.#summed = start;
  }

  /** The checksum of all bytes from the start to here. */
  sum(): Crc64 | undefined {
    this.sumTo(this.at);
    return this.#crc;
  }

  /** As far as they are at hand. */
  protected sumTo(end: number): void {
    const { before } = this;
    const last = Math.min(end, before + this.bytes.length);
    if (last <= this.#summed) return;
    this.#crc?.updateFrom(this.#window, this.#summed - before, last - before);
    this.#summed = last;
  }

  /** The bytes from `start` to `end` were passed over, and are summed already. */
  sumValue(start: number, end: number, value: Crc64): void {
    this.sumTo(start);
    if (this.#summed !== start) return;
    this.#crc?.append(value, end - start);
    this.#summed = end;
  }

  /** Sums what was passed over, where it is enough to be worth it, and still in the processor's cache. */
  sumSome(): void {
    if (this.at - this.#summed >= WARM_BYTES) this.sum();
  }

  /** Shows the next string as the key of an entry: where it lies, or out of memory of its own where it is packed. */
  showKey(view: EntryView): void {
    if (this.peek() >= SPECIAL) {
      const key = this.string();
      view.showKey(new Bytes(key), 0, key.length);
      return;
    }
    const length = this.length();
    const start = this.take(length);
    view.showKey(this.#window, start, start + length);
  }

  /** Whether no byte can be read again. */
  abstract readonly comesOnce: boolean;

  /** @throws STARVED where not all that was passed over is at hand */
  abstract demandPassed(): void;

  /** @throws STARVED where more may come */
  abstract demandAll(): void;

  /** Copies the bytes from `start` to `end`, which were passed already and are kept, to `at`. */
  copyTo(target: Bytes, at: number, start: number, end: number): void {
    const { before } = this;
    this.#window.copyTo(target, at, start - before, end - before);
  }

  /** A value that is read later, piece by piece; `null` where the bytes come only once. */
  abstract laterValue(place: ValuePlace, bigKey: number): LargeValue | null;

  /** The string that begins at `start`, which was passed already, for messages. */
  abstract nameAt(start: number): string;

  /** Sets another window: the first bytes of a piece of memory. */
  protected lookAt(window: Bytes, length: number, before: number): void {
    const { buffer } = window;
    this.look(length === buffer.length ? buffer : buffer.subarray(0, length), before);
    this.#window = window;
  }
}
