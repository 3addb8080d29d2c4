// The PINGs at both ends of a stream, by which a cut or damaged one is detected, and the error for such a stream.

import { RespError, type RespErrorOptions } from '../../resp/errors.ts';
import { countOf, formatCount } from '../../resp/figures.ts';
import { Crc64 } from '../rdb/crc64.ts';

/** A stream of frames that cannot be followed any further, and at which byte; `code` is `STREAM`. */
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
/** What no PING of somebody else begins with. */
const OURS = /^rump:/;
const END = /^rump:end:(\d{1,15}):([0-9a-f]{16})$/;
const HEX_DIGITS = 16;
const LONGEST_MARK = 64;

/** The keys of a stream, and the CRC-64 of Redis of its bytes between the PINGs. */
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

  /**
   * Takes the rest of a chunk, from `start` on. The frame that it leaves open may prove to be the end, which does not count.
   * @param frameAt where that frame begins; negative in a chunk before
   */
  passChunk(bytes: Buffer, start: number, frameAt: number): void {
    if (frameAt >= 0) {
      this.update(bytes, start, frameAt);
      this.#kept.copy(this.#crc);
    }
    this.update(bytes, Math.max(start, frameAt));
  }

  /** Takes what is left in front of the end, which begins at `frameAt`. */
  finish(bytes: Buffer, start: number, frameAt: number): void {
    if (frameAt < 0) this.#crc.copy(this.#kept);
    else this.update(bytes, start, frameAt);
  }

  /** What the last PING says. */
  get end(): string {
    return `rump:end:${this.keys}:${this.#checksum}`;
  }

  /** What is wrong with the stream that ends so. */
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

/** Which mark the message of a PING is; `undefined`: somebody else's. */
export function markOf(message: Buffer): Mark | undefined {
  const text = message.toString('latin1', 0, LONGEST_MARK + 1);
  if (text === BEGIN) return 'begin';
  if (END.test(text)) return 'end';
  return OURS.test(text) ? 'unknown' : undefined;
}
