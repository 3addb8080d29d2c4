// The PINGs at both ends of a stream, by which a cut or damaged one is detected, and the error for such a stream.

import type { Bytes } from '../../resp/bytes.ts';
import { RespError, type RespErrorOptions } from '../../resp/errors.ts';
import { countOf, formatCount } from '../../resp/figures.ts';
import { Crc64 } from '../rdb/crc64.ts';

/** A stream that cannot be read any further, and the offset; `code` is `STREAM`. */
export class StreamError extends RespError {
  override readonly name = 'StreamError';
  /** Where the broken frame begins, in bytes from the start: of the file, or of what was packed in it. */
  readonly offset: number;

  constructor(message: string, offset: number, options: RespErrorOptions = {}) {
    super('STREAM', message, options);
    this.offset = offset;
  }
}

export const BEGIN = 'rump:begin:1';
/** The PINGs of rump begin with it, and those of other tools do not. */
const OURS = /^rump:/;
const END = /^rump:end:(\d{1,15}):([0-9a-f]{16})$/;
const HEX_DIGITS = 16;
const LONGEST_MARK = 64;

/** Counts the keys of a stream, and computes the CRC-64 of the bytes between the PINGs. */
export class StreamSum {
  keys = 0;
  readonly #crc = new Crc64();
  readonly #kept = new Crc64();

  reset(): void {
    this.keys = 0;
    this.#crc.reset();
  }

  /** Takes the bytes from `start` to `end`. */
  update(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#crc.update(bytes, start, end);
  }

  /** The same out of a piece of memory. */
  updateFrom(bytes: Bytes, start: number, end: number): void {
    this.#crc.updateFrom(bytes, start, end);
  }

  /**
   * Takes the rest of a chunk, from `start` on. The frame that is cut there may be the final PING, which is not summed.
   * @param frameAt where that frame begins; negative if in an earlier chunk
   */
  passChunk(bytes: Buffer, start: number, frameAt: number): void {
    if (frameAt >= 0) {
      this.update(bytes, start, frameAt);
      this.#kept.copy(this.#crc);
    }
    this.update(bytes, Math.max(start, frameAt));
  }

  /** Takes the bytes before the final PING, which begins at `frameAt`. */
  finish(bytes: Buffer, start: number, frameAt: number): void {
    if (frameAt < 0) this.#crc.copy(this.#kept);
    else this.update(bytes, start, frameAt);
  }

  /** The message of the final PING. */
  get end(): string {
    return `rump:end:${this.keys}:${this.#checksum}`;
  }

  /** What is wrong with a stream that has this final PING. */
  faultOf(end: string): string | undefined {
    const [, keys, checksum] = END.exec(end)!;
    if (Number(keys) !== this.keys)
      return `its end tells of ${countOf(Number(keys), 'key')}, and ${formatCount(this.keys)} were found`;
    if (checksum === this.#checksum) return undefined;
    return `its end tells of the checksum ${checksum}, and it is ${this.#checksum}`;
  }

  get #checksum(): string {
    return this.#crc.value.toString(16).padStart(HEX_DIGITS, '0');
  }
}

export type Mark = 'begin' | 'end' | 'unknown';

/** Which mark the message of a PING is; `undefined` if it is of another tool. */
export function markOf(message: Buffer): Mark | undefined {
  const text = message.toString('latin1', 0, LONGEST_MARK + 1);
  if (text === BEGIN) return 'begin';
  if (END.test(text)) return 'end';
  return OURS.test(text) ? 'unknown' : undefined;
}
