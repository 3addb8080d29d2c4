// Finds the commands in what a client sends: arrays of bulk strings, or lines of words, as a person types them. What it keeps
// has a bound, however much comes.

import { countOf } from './figures.ts';
import { Buffer } from 'node:buffer';
import { isLineEnd } from './bytes.ts';
import { ProtocolError } from './errors.ts';

/** Bytes of a whole command, as it comes. */
export const LONGEST_REQUEST = 16 * 1024;
const MOST_WORDS = 64;
const NOTHING = Buffer.alloc(0);
const [LF, ARRAY, BULK] = [0x0a, 0x2a, 0x24] as const;

export class RequestReader {
  #bytes: Buffer = NOTHING;
  #at = 0;

  push(chunk: Buffer): void {
    // What was left is shorter than a command may be.
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#at = 0;
  }

  /**
   * The words of the next command; `undefined` until all of it is there.
   * @throws ProtocolError: nothing that comes can be understood any more
   */
  next(): readonly string[] | undefined {
    for (;;) {
      const words = this.#bytes[this.#at] === ARRAY ? this.#array() : this.#line()?.split(/\s+/).filter(Boolean);
      if (words === undefined) return this.#wait();
      // An empty line is none.
      if (words.length > 0) return words;
    }
  }

  /** Only the beginning of a command is there. */
  #wait(): undefined {
    const rest = this.#bytes.length - this.#at;
    if (rest > LONGEST_REQUEST)
      throw new ProtocolError(`a command takes no more than ${countOf(LONGEST_REQUEST, 'byte')}`);
    // The chunk may be much larger than that.
    this.#bytes = rest === 0 ? NOTHING : Buffer.from(this.#bytes.subarray(this.#at));
    this.#at = 0;
    return undefined;
  }

  #array(): string[] | undefined {
    const start = this.#at;
    const words: string[] = [];
    const count = this.#number(ARRAY, MOST_WORDS) ?? Infinity;
    while (words.length < count) {
      const word = count < Infinity ? this.#bulk() : undefined;
      if (word === undefined) {
        this.#at = start;
        return undefined;
      }
      words.push(word);
    }
    return words;
  }

  #bulk(): string | undefined {
    const length = this.#number(BULK, LONGEST_REQUEST);
    if (length === undefined) return undefined;
    const end = this.#at + length;
    if (this.#bytes.length < end + 2) return undefined;
    if (!isLineEnd(this.#bytes, end)) throw new ProtocolError('a string is not as long as it says');
    const word = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 2;
    return word;
  }

  /** The number behind this sign, on a line of its own. */
  #number(sign: number, most: number): number | undefined {
    if (this.#at >= this.#bytes.length) return undefined;
    const line = this.#line();
    if (line === undefined) return undefined;
    const isNumber = line.charCodeAt(0) === sign && /^\d{1,9}$/.test(line.slice(1));
    const number = Number(line.slice(1));
    if (isNumber && number <= most) return number;
    throw new ProtocolError(`after ${String.fromCharCode(sign)} a number up to ${most} is expected`);
  }

  #line(): string | undefined {
    const end = this.#bytes.indexOf(LF, this.#at);
    if (end === -1 || end - this.#at > LONGEST_REQUEST) return undefined;
    const line = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}
