// Writes JSON into chunks of bytes that are used again. Commas and brackets are for the caller to put.

import { Buffer, isAscii, isUtf8 } from 'node:buffer';
import { escapeJson, UNSEEN } from '../../resp/escapes.ts';
import type { Milliseconds } from './milliseconds.ts';
import { BEYOND_ASCII, wholeCharacters } from './utf8.ts';

const CHUNK_BYTES = 64 * 1024;
const MOST_SPARE = 32;
/** Of a string, that are written at once: with escapes they fit into a chunk, and as base64 they leave no rest. */
const PART_BYTES = 9 * 1024;
/** Of a text, less of which are not written at once but where it ends: most text has no escapes, and fills a chunk then. */
const LEAST_TEXT = 1024;
/** `\u0000` */
const MOST_ESCAPE = 6;
/** Written, and not taken: whoever writes in steps makes one. */
const ENOUGH_BYTES = 64 * 1024;
/** Of a long string, at most: as base64 they leave no rest. */
const STEP_BYTES = ENOUGH_BYTES - (ENOUGH_BYTES % 3);
/** Room for quotes, a number or a bracket. */
const OVERHEAD = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const MINUS = 0x2d;
/** Below it integers are divided with 32 bits, several times faster than as doubles. */
const BILLION = 1_000_000_000;

/** 1 for what stands for itself in a JSON string. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
/** The others of ASCII. */
const ESCAPES = Array.from({ length: BEYOND_ASCII }, (_, byte) => {
  const text = JSON.stringify(String.fromCharCode(byte)).slice(1, -1);
  return Buffer.from(text.length > 1 ? text : `\\u${hex(byte)}`);
});
const BASE64 = Buffer.from('{"base64":"');
const BASE64_END = Buffer.from('"}');

function hex(unit: number): string {
  return unit.toString(16).padStart(4, '0');
}

/**
 * A byte string that is UTF-8 is a JSON string, the text itself; any other one is `{"base64":"…"}`. Characters that a terminal
 * obeys are escaped, as JSON has it. An integer is a number, or a string of digits where a number would not be exact.
 */
export class JsonWriter {
  #chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #start = 0;
  #at = 0;
  #pieces: Buffer[] = [];
  /** Bytes of those. */
  #before = 0;
  /** Full chunks, whose last piece is among `pieces`. */
  #spent: Buffer[] = [];
  readonly #spare: Buffer[] = [];
  /** Where `rewind` goes back to. */
  #marked: Buffer = this.#chunk;
  #markedStart = 0;
  #markedAt = 0;
  #markedPieces = 0;
  #markedBefore = 0;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#before + this.#at - this.#start;
  }

  get isEnough(): boolean {
    return this.length >= ENOUGH_BYTES;
  }

  /** What follows may be taken back, as long as nobody takes it. */
  mark(): void {
    this.#marked = this.#chunk;
    this.#markedStart = this.#start;
    this.#markedAt = this.#at;
    this.#markedPieces = this.#pieces.length;
    this.#markedBefore = this.#before;
  }

  /** Takes back what was written since `mark`. */
  rewind(): void {
    if (this.#chunk === this.#marked) {
      this.#at = this.#markedAt;
      return;
    }
    this.#pieces.length = this.#markedPieces;
    this.#before = this.#markedBefore;
    this.#start = 0;
    this.#at = 0;
    this.#push(this.#marked, this.#markedStart, this.#markedAt);
  }

  /** Hands out what was written, in order. Once it has left, `spent` goes back by `reuse`. */
  take(): { readonly pieces: readonly Buffer[]; readonly spent: readonly Buffer[] } {
    this.#cut();
    const taken = { pieces: this.#pieces, spent: this.#spent };
    this.#pieces = [];
    this.#before = 0;
    this.#spent = [];
    return taken;
  }

  reuse(spent: readonly Buffer[]): void {
    for (const chunk of spent) if (this.#spare.length < MOST_SPARE) this.#spare.push(chunk);
  }

  /** A bracket, a comma. */
  byte(code: number): void {
    this.#reserve(1);
    this.#chunk[this.#at++] = code;
  }

  /** JSON that is written already, less than a chunk of it. */
  json(bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#chunk.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** The same of any length. */
  longJson(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += PART_BYTES) this.json(bytes.subarray(at, at + PART_BYTES));
  }

  /** A byte string. */
  bytes(from: Buffer, start = 0, end = from.length): void {
    if (end - start > PART_BYTES || !this.#plain(from, start, end)) this.#anyBytes(from.subarray(start, end));
  }

  /** The same of any length: at each step there is enough to be taken. */
  *byteSteps(bytes: Buffer): Generator<void, void, void> {
    if (bytes.length <= PART_BYTES) {
      this.bytes(bytes);
      return;
    }
    const isText = isUtf8(bytes);
    this.begin(isText);
    for (let at = 0; at < bytes.length;) {
      const most = Math.min(bytes.length, at + STEP_BYTES);
      const end = isText && most < bytes.length ? wholeCharacters(bytes, most) : most;
      if (isText) this.textPart(bytes.subarray(at, end));
      else this.base64Part(bytes.subarray(at, end));
      at = end;
      if (this.isEnough) yield;
    }
    this.end(isText);
  }

  /** A text of few characters. */
  text(text: string): void {
    this.bytes(Buffer.from(text));
  }

  integer(value: Milliseconds): void {
    if (value > -BILLION && value < BILLION) {
      this.#reserve(OVERHEAD);
      this.#at = writeSmall(this.#chunk, this.#at, Number(value));
    } else if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) this.#latin1(String(value));
    else this.#latin1(`"${value}"`);
  }

  /** A score: a number that gives the same double, or one of the strings `inf`, `-inf` and `nan`. */
  double(value: number): void {
    if (Number.isInteger(value) && value !== 0 && value > -BILLION && value < BILLION) this.integer(value);
    else if (Number.isFinite(value)) this.#latin1(Object.is(value, -0) ? '-0' : String(value));
    else this.#latin1(Number.isNaN(value) ? '"nan"' : value > 0 ? '"inf"' : '"-inf"');
  }

  /** A byte string that is not in memory as a whole: what `textPart` or `base64Part` writes stands between these two. */
  begin(isText: boolean): void {
    if (isText) this.byte(QUOTE);
    else this.json(BASE64);
  }

  end(isText: boolean): void {
    if (isText) this.byte(QUOTE);
    else this.json(BASE64_END);
  }

  /** @param bytes UTF-8; a character may not be cut (`wholeCharacters`) */
  textPart(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const most = at + this.#roomForText(bytes.length - at);
      const end = most >= bytes.length ? bytes.length : wholeCharacters(bytes, most);
      this.#characters(bytes.subarray(at, end));
      at = end;
    }
  }

  /** @param bytes a multiple of three, but for the last ones */
  base64Part(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += PART_BYTES)
      this.#latin1(bytes.toString('base64', at, Math.min(bytes.length, at + PART_BYTES)));
  }

  /** Nearly every string. False where it is not, and nothing was written then. */
  #plain(from: Buffer, start: number, end: number): boolean {
    this.#reserve(end - start + OVERHEAD);
    const chunk = this.#chunk;
    let at = this.#at;
    chunk[at++] = QUOTE;
    let isPlain = 1;
    let i = start;
    // Four at a time, and nothing is decided on the way: a processor could not guess it.
    for (const last = end - 3; i < last; i += 4, at += 4) {
      const one = from[i]!;
      const two = from[i + 1]!;
      const three = from[i + 2]!;
      const four = from[i + 3]!;
      isPlain &= IS_PLAIN[one]! & IS_PLAIN[two]! & IS_PLAIN[three]! & IS_PLAIN[four]!;
      chunk[at] = one;
      chunk[at + 1] = two;
      chunk[at + 2] = three;
      chunk[at + 3] = four;
    }
    for (; i < end; i++) {
      const byte = from[i]!;
      isPlain &= IS_PLAIN[byte]!;
      chunk[at++] = byte;
    }
    if (isPlain === 0) return false;
    chunk[at] = QUOTE;
    this.#at = at + 1;
    return true;
  }

  #anyBytes(bytes: Buffer): void {
    const isText = isUtf8(bytes);
    this.begin(isText);
    if (isText) this.textPart(bytes);
    else this.base64Part(bytes);
    this.end(isText);
  }

  /** Of so many bytes of text as many as the chunk holds for certain. It is left for another one when few would fit. */
  #roomForText(bytes: number): number {
    this.#reserve(Math.min(bytes, LEAST_TEXT) * MOST_ESCAPE);
    return Math.floor((this.#chunk.length - this.#at) / MOST_ESCAPE);
  }

  /** @param bytes whole characters, for which there is room */
  #characters(bytes: Buffer): void {
    const text = isAscii(bytes) ? '' : bytes.toString();
    if (UNSEEN.test(text)) return this.json(Buffer.from(escapeJson(JSON.stringify(text)).slice(1, -1)));
    const chunk = this.#chunk;
    let at = this.#at;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (IS_PLAIN[byte] === 1 || byte >= BEYOND_ASCII) chunk[at++] = byte;
      else at = escape(chunk, at, byte);
    }
    this.#at = at;
  }

  #latin1(text: string): void {
    this.#reserve(text.length);
    this.#at += this.#chunk.write(text, this.#at, 'latin1');
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#chunk.length) this.#nextChunk();
  }

  #nextChunk(): void {
    this.#cut();
    this.#spent.push(this.#chunk);
    this.#chunk = this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#start = 0;
    this.#at = 0;
  }

  #cut(): void {
    this.#push(this.#chunk, this.#start, this.#at);
    this.#start = this.#at;
  }

  #push(chunk: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.#pieces.push(chunk.subarray(start, end));
    this.#before += end - start;
  }
}

function escape(chunk: Buffer, at: number, byte: number): number {
  const text = ESCAPES[byte]!;
  for (let i = 0; i < text.length; i++) chunk[at + i] = text[i]!;
  return at + text.length;
}

/** Writes an integer of less than ten digits. @returns where it ends */
function writeSmall(chunk: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  if (rest < 0) {
    chunk[at++] = MINUS;
    rest = -rest;
  }
  for (let above = 10; above <= rest; above *= 10) at++;
  const end = at + 1;
  for (; ; at--) {
    const tens = (rest / 10) | 0;
    chunk[at] = ZERO + rest - tens * 10;
    if (tens === 0) return end;
    rest = tens;
  }
}
