// Follows the frames that redis-parser is about to read, and measures the reply that is arriving: what is too long, or promises
// to become so, is seen before any memory is reserved for it.
//
//   It goes by the parser's own arithmetic, wrong bytes included, so that the two can never be at different places.

import type { Buffer } from 'node:buffer';

export interface ReplyLimits {
  /** Bytes of a reply that is an array, with all that is in it. */
  readonly maxReplyLength: number;
  /** Elements of an array. */
  readonly maxArrayLength: number;
  /** Arrays within arrays. */
  readonly maxDepth: number;
  /** Bytes of a simple string, an error or any other line. */
  readonly maxLineLength: number;
}

/** Which limit a reply passes, or which number in it is none: a length that is negative and not that of null is none either. */
export interface Excess {
  readonly limit: keyof ReplyLimits | 'integer' | 'length';
  /** How much it would be, as far as is known. */
  readonly amount: number;
  /** Where the offending line begins among the bytes that were taken last; what is before may be read. */
  readonly at: number;
}

const [BULK, ARRAY, INTEGER, MINUS, ZERO, CR] = [0x24, 0x2a, 0x3a, 0x2d, 0x30, 0x0d];
/** What the arithmetic makes of `-1`. */
const NULL_LENGTH = (MINUS - ZERO) * 10 + 1;
/** Behind a CR, whatever it is. */
const LF_BYTES = 1;
const CRLF_BYTES = 2;
/** What an element takes that is announced and has not come: a place in the array, and the shortest of replies. */
const ELEMENT_BYTES = 16;

export class ReplyMeter {
  readonly #limits: ReplyLimits;
  /** Bytes of the array that is arriving, those that are announced included. */
  #bytes = 0;
  /** Elements that are still to come, of each array that is open; the innermost is at `#depth - 1`. */
  readonly #left: number[] = [];
  #depth = 0;
  /** The first byte of the line that is being read; 0 where the next byte is one. */
  #type = 0;
  #number = 0;
  #lineLength = 0;
  /** Bytes of the line that are no digits, and whether a sign is the first one. */
  #others = 0;
  #isSigned = false;
  /** Bytes to pass over: the end of a line, or a bulk string. */
  #skip = 0;
  /** Whether an element ends with those. */
  #closes = false;

  constructor(limits: ReplyLimits) {
    this.#limits = limits;
  }

  /** The bytes that come next will begin a reply. */
  reset(): void {
    this.#bytes = this.#depth = this.#type = this.#skip = 0;
  }

  /** @returns the limit that these bytes pass, if any; nothing behind it was looked at */
  take(bytes: Buffer): Excess | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length - at);
        at += step;
        this.#skip -= step;
        if (this.#skip === 0 && this.#closes) this.#close();
        continue;
      }
      const line = at;
      if (this.#type === 0) {
        this.#type = bytes[at++]!;
        this.#number = this.#lineLength = this.#others = 0;
      }
      const start = at;
      if (this.#lineLength === 0) this.#isSigned = bytes[at] === MINUS;
      let number = this.#number;
      let others = this.#others;
      while (at < bytes.length && bytes[at] !== CR) {
        const digit = bytes[at++]! - ZERO;
        if (digit < 0 || digit > 9) others++;
        number = number * 10 + digit;
      }
      this.#number = number;
      this.#others = others;
      this.#lineLength += at - start;
      if (this.#lineLength > this.#limits.maxLineLength) {
        return { limit: 'maxLineLength', amount: this.#lineLength, at: line };
      }
      if (at === bytes.length) return undefined;
      at++;
      const limit = this.#endLine(number);
      if (limit !== undefined) return { limit, amount: limit === 'maxReplyLength' ? this.#bytes : number, at: line };
    }
    return undefined;
  }

  #endLine(number: number): Excess['limit'] | undefined {
    const type = this.#type;
    this.#type = 0;
    this.#skip = LF_BYTES;
    this.#closes = true;
    if (type === INTEGER && !this.#isInteger) return 'integer';
    if ((type === BULK || type === ARRAY) && (!this.#isInteger || (number < 0 && number !== NULL_LENGTH)))
      return 'length';
    if (type === BULK && number >= 0) {
      this.#skip += number + CRLF_BYTES;
      return this.#count(number);
    }
    if (type !== ARRAY || !(number > 0)) return this.#count(this.#lineLength);
    this.#closes = false;
    if (number > this.#limits.maxArrayLength) return 'maxArrayLength';
    if (this.#depth === this.#limits.maxDepth) return 'maxDepth';
    this.#left[this.#depth++] = number;
    return this.#count(number * ELEMENT_BYTES);
  }

  get #isInteger(): boolean {
    const signs = this.#isSigned ? 1 : 0;
    return this.#others === signs && this.#lineLength > signs;
  }

  /** What is no array, others have limits for. */
  #count(bytes: number): Excess['limit'] | undefined {
    if (this.#depth === 0) return undefined;
    this.#bytes += bytes;
    return this.#bytes > this.#limits.maxReplyLength ? 'maxReplyLength' : undefined;
  }

  #close(): void {
    while (this.#depth > 0) {
      if (--this.#left[this.#depth - 1]! > 0) return;
      this.#depth--;
    }
    this.#bytes = 0;
  }
}
