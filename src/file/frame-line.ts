// A line of a frame: a mark, a number, CRLF. It is read byte by byte, since a chunk may end anywhere. It knows no streams.

/** Below 2^53. */
const MOST_DIGITS = 15;
const ZERO = 48;
export const CR = 13;
export const LF = 10;

/** What should stand where something else does. */
export type Missing = 'mark' | 'number' | 'line end';

export class FrameLine {
  /** What it tells, once it is whole. */
  number = 0;
  /** Behind the last byte that was read. */
  at = 0;
  /** Why it is no line: the byte is the one before `at`. */
  missing: Missing | undefined;
  #state: 'mark' | 'digits' | 'feed' = 'mark';
  #digits = 0;

  /** Whether a part of it has come. */
  get isBegun(): boolean {
    return this.#state !== 'mark';
  }

  /** Reads on from `start`; whether it is whole by then. Without a fault it needs more bytes otherwise. */
  read(bytes: Buffer, start: number, mark: number): boolean {
    this.at = start;
    while (this.at < bytes.length) {
      const byte = bytes[this.at++]!;
      if (this.#state === 'digits') {
        const digit = byte - ZERO;
        if (digit >= 0 && digit <= 9 && this.#digits < MOST_DIGITS) {
          this.number = this.number * 10 + digit;
          this.#digits++;
        } else if (byte === CR && this.#digits > 0) this.#state = 'feed';
        else return this.#miss('number');
      } else if (this.#state === 'mark') {
        if (byte !== mark) return this.#miss('mark');
        this.#state = 'digits';
        this.number = 0;
        this.#digits = 0;
      } else {
        if (byte !== LF) return this.#miss('line end');
        this.#state = 'mark';
        return true;
      }
    }
    return false;
  }

  #miss(what: Missing): boolean {
    this.missing = what;
    return false;
  }
}
