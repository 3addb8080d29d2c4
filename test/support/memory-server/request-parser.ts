// Requests as clients send them, arrays of bulk strings, one at a time however they are cut; inline commands are refused.
import { CommandError } from './reply.ts';

/** Bytes that are no request: nothing behind them can be read. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly reply: CommandError;

  constructor(what: string) {
    super(what);
    this.reply = new CommandError(`ERR Protocol error: ${what}`);
  }
}

const LONGEST_LINE = 64 * 1024;
const MOST_ARGUMENTS = 1024 * 1024;
const LARGEST_BULK = 512 * 1024 * 1024;
const LINE_END = 2;
const [ASTERISK, DOLLAR, MINUS] = [0x2a, 0x24, 0x2d];

export class RequestParser {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #arguments: Buffer[] = [];
  /** Arguments that the open request still lacks. */
  #missing = 0;
  /** A bulk string that is not all there, with its line end: filled in place, so that a large one is copied once. */
  #bulk: { readonly bytes: Buffer; filled: number } | undefined;

  push(chunk: Buffer): void {
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#at = 0;
  }

  /** @returns the name of a command and its arguments, or `undefined` when more bytes are needed */
  next(): Buffer[] | undefined {
    for (;;) {
      if (this.#bulk !== undefined) {
        if (!this.#fill(this.#bulk)) return undefined;
      } else if (this.#missing === 0) {
        const size = this.#size(ASTERISK, '*', MOST_ARGUMENTS, 'invalid multibulk length');
        if (size === undefined) return undefined;
        // An empty request is no request, and gets no reply.
        this.#missing = Math.max(0, size);
      } else {
        const size = this.#size(DOLLAR, '$', LARGEST_BULK, 'invalid bulk length');
        if (size === undefined) return undefined;
        if (size < 0) throw new ProtocolError('invalid bulk length');
        this.#bulk = { bytes: Buffer.allocUnsafe(size + LINE_END), filled: 0 };
      }
      if (this.#missing === 0 && this.#arguments.length > 0) {
        const request = this.#arguments;
        this.#arguments = [];
        return request;
      }
    }
  }

  /** The number on the next line, or `undefined` when the line has no end yet. */
  #size(type: number, shown: string, most: number, complaint: string): number | undefined {
    if (this.#at === this.#bytes.length) return undefined;
    const first = this.#bytes[this.#at]!;
    if (first !== type) throw new ProtocolError(`expected '${shown}', got '${String.fromCharCode(first)}'`);
    const end = this.#bytes.indexOf('\r\n', this.#at);
    if (end === -1) {
      if (this.#bytes.length - this.#at > LONGEST_LINE) throw new ProtocolError('too big count string');
      return undefined;
    }
    const size = integerIn(this.#bytes, this.#at + 1, end);
    if (size === undefined || size > most) throw new ProtocolError(complaint);
    this.#at = end + LINE_END;
    return size;
  }

  /** Returns whether the bulk string is whole now. */
  #fill(bulk: { readonly bytes: Buffer; filled: number }): boolean {
    const copied = this.#bytes.copy(bulk.bytes, bulk.filled, this.#at);
    bulk.filled += copied;
    this.#at += copied;
    if (bulk.filled < bulk.bytes.length) return false;
    this.#arguments.push(bulk.bytes.subarray(0, -LINE_END));
    this.#missing -= 1;
    this.#bulk = undefined;
    return true;
  }
}

function integerIn(bytes: Buffer, start: number, end: number): number | undefined {
  const negative = bytes[start] === MINUS;
  const digits = bytes.toString('latin1', negative ? start + 1 : start, end);
  if (!/^\d{1,15}$/.test(digits)) return undefined;
  return negative ? -Number(digits) : Number(digits);
}
