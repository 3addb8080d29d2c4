// A payload that is too large to be held: its place in the stream, and what its first and last bytes tell.

import { Buffer } from 'node:buffer';
import { Crc64 } from '../rdb/crc64.ts';
import { CHECKSUM_BYTES, FOOTER_BYTES } from '../rdb/payload.ts';

/** Takes a part of a payload, a view that is valid as long as the chunk. */
export type Keeper = (part: Buffer) => void;

export class PassingPayload {
  /** Where it begins, in bytes from the start of the stream. */
  readonly start: number;
  readonly length: number;
  readonly #keep: Keeper | undefined;
  readonly #crc = new Crc64();
  readonly #footer = Buffer.alloc(FOOTER_BYTES);
  #typeByte = 0;
  #passed = 0;

  constructor(start: number, length: number, keep: Keeper | undefined) {
    this.start = start;
    this.length = length;
    this.#keep = keep;
  }

  /** Bytes that are still to come. */
  get left(): number {
    return this.length - this.#passed;
  }

  /** Takes the bytes from `start` to `end`. */
  add(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (this.#passed === 0) this.#typeByte = bytes[start]!;
    const footerAt = start + this.length - FOOTER_BYTES - this.#passed;
    const from = Math.max(start, footerAt);
    if (from < end) bytes.copy(this.#footer, from - footerAt, from, end);
    const sumEnd = start + this.length - CHECKSUM_BYTES - this.#passed;
    if (sumEnd > start) this.#crc.update(bytes, start, Math.min(end, sumEnd));
    this.#passed += end - start;
    this.#keep?.(bytes.subarray(start, end));
  }

  get typeByte(): number {
    return this.#typeByte;
  }

  /** The RDB version of the writer. */
  get version(): number {
    return this.#footer.readUInt16LE(0);
  }

  /** Whether its checksum is right. */
  get isIntact(): boolean {
    const at = FOOTER_BYTES - CHECKSUM_BYTES;
    return this.#footer.readUInt32LE(at) === this.#crc.low && this.#footer.readUInt32LE(at + 4) === this.#crc.high;
  }
}
