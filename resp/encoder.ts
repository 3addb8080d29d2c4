// Writes commands as RESP2 arrays of bulk strings into one outgoing chunk. It knows no socket.

import { Buffer } from 'node:buffer';
import { BY_REFERENCE, Bytes } from './bytes.ts';
import type { Command } from './command.ts';
import type { Literal } from './literal.ts';
import type { Parts } from './parts.ts';

const CHUNK_BYTES = 64 * 1024;
const MOST_SPARE = 16;
/** Below this many bytes a loop beats the call of a builtin. */
const COPY_BY_LOOP = 32;
/** Room for `$`, a length, a number of twenty digits, their CRLFs, and what a literal writes past its end. */
const OVERHEAD = 64;

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const ZERO = 48;

export class Encoder {
  readonly #onChunk: () => void;
  #chunk = newChunk(CHUNK_BYTES);
  #start = 0;
  #at = 0;
  #pieces: Buffer[] = [];
  /** Of which those are the last pieces. */
  #parts: Parts[] = [];
  /** Full chunks whose last piece is still to be written. */
  #spent: Bytes[] = [];
  /** Chunks to be used again: they are in the processor's cache, a new one is not even in memory. */
  #spare: Bytes[] = [];

  /** @param onChunk called when a chunk is full or a large string was added: now is the time to `take` */
  constructor(onChunk: () => void) {
    this.#onChunk = onChunk;
  }

  /** Whether there is nothing to take. */
  get isEmpty(): boolean {
    return this.#at === this.#start && this.#pieces.length === 0;
  }

  /** Bytes that nobody was told of yet. */
  get waiting(): number {
    return this.#at - this.#start;
  }

  /** The head of a command's frame; as many arguments as it has must follow. */
  command(command: Command): void {
    this.literal(command.head);
  }

  /** Whole arguments, encoded ahead. */
  literal(literal: Literal): void {
    this.#reserve(literal.length + OVERHEAD);
    this.#at = literal.writeTo(this.#chunk.view, this.#at);
  }

  bulk(bytes: Buffer): void {
    const length = bytes.length;
    if (length >= BY_REFERENCE) {
      this.#bulkByReference(bytes);
      return;
    }
    const at = this.#beginBulk(length);
    const chunk = this.#chunk.buffer;
    if (length < COPY_BY_LOOP) for (let i = 0; i < length; i++) chunk[at + i] = bytes[i]!;
    else chunk.set(bytes, at);
    this.#endBulk(at + length);
  }

  /** The same out of a piece of memory. */
  bytes(from: Bytes, start: number, end: number): void {
    const length = end - start;
    if (length >= BY_REFERENCE) return this.#bulkByReference(from.slice(start, end));
    const at = this.#beginBulk(length);
    from.copyTo(this.#chunk, at, start, end);
    this.#endBulk(at + length);
  }

  /** An integer that is not negative, as a bulk string; numbers have to be safe. */
  integer(value: number | bigint): void {
    if (typeof value === 'bigint') return this.text(String(value));
    const billions = value < BILLION ? 0 : Math.floor(value / BILLION);
    const rest = value - billions * BILLION;
    const restDigits = billions === 0 ? digitsOf(rest) : BILLION_DIGITS;
    const highDigits = billions === 0 ? 0 : digitsOf(billions);
    const at = this.#beginBulk(highDigits + restDigits);
    const chunk = this.#chunk.buffer;
    this.#endBulk(writeDigits(chunk, writeDigits(chunk, at, billions, highDigits), rest, restDigits));
  }

  /** A string, as a bulk string in UTF-8. */
  text(text: string): void {
    this.bulk(Buffer.from(text));
  }

  /** A bulk string, handed out by reference. */
  bulkParts(parts: Parts): void {
    this.#reserve(OVERHEAD);
    this.#chunk.buffer[this.#at++] = DOLLAR;
    this.#at = writeLine(this.#chunk.buffer, this.#at, parts.length);
    this.#cut();
    for (const part of parts.take()) this.#pieces.push(part);
    this.#parts.push(parts);
    this.#chunk.buffer[this.#at++] = CR;
    this.#chunk.buffer[this.#at++] = LF;
    this.#cut();
    this.#onChunk();
  }

  /**
   * Hands out what was written, in order. When all of it has left the process, `spent` goes back by `reuse`, and `parts`
   * are told.
   */
  take(): { pieces: Buffer[]; spent: Bytes[]; parts: Parts[] } {
    this.#cut();
    const taken = { pieces: this.#pieces, spent: this.#spent, parts: this.#parts };
    this.#pieces = [];
    this.#spent = [];
    if (this.#parts.length > 0) this.#parts = [];
    return taken;
  }

  /** What was taken has left the process: its memory is written again, as long as it is warm. */
  rewind(): void {
    this.#start = 0;
    this.#at = 0;
  }

  reuse(spent: readonly Bytes[]): void {
    for (const chunk of spent) if (this.#spare.length < MOST_SPARE) this.#spare.push(chunk);
  }

  /** Returns where the content of so many bytes goes, in the chunk. */
  #beginBulk(length: number): number {
    this.#reserve(length + OVERHEAD);
    const chunk = this.#chunk.buffer;
    chunk[this.#at] = DOLLAR;
    return writeLine(chunk, this.#at + 1, length);
  }

  /** @param end of the content */
  #endBulk(end: number): void {
    const chunk = this.#chunk.buffer;
    chunk[end] = CR;
    chunk[end + 1] = LF;
    this.#at = end + 2;
  }

  #bulkByReference(bytes: Buffer): void {
    this.#reserve(OVERHEAD);
    this.#chunk.buffer[this.#at++] = DOLLAR;
    this.#at = writeLine(this.#chunk.buffer, this.#at, bytes.length);
    this.#cut();
    this.#pieces.push(bytes);
    this.#chunk.buffer[this.#at++] = CR;
    this.#chunk.buffer[this.#at++] = LF;
    this.#onChunk();
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#chunk.buffer.length) this.#nextChunk(bytes);
  }

  #nextChunk(bytes: number): void {
    this.#cut();
    if (this.#chunk.buffer.length === CHUNK_BYTES) this.#spent.push(this.#chunk);
    const spare = bytes <= CHUNK_BYTES ? this.#spare.pop() : undefined;
    this.#chunk = spare ?? newChunk(Math.max(CHUNK_BYTES, bytes));
    this.#start = 0;
    this.#at = 0;
    this.#onChunk();
  }

  #cut(): void {
    if (this.#at === this.#start) return;
    this.#pieces.push(this.#chunk.buffer.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }
}

function newChunk(bytes: number): Bytes {
  return new Bytes(Buffer.allocUnsafeSlow(bytes));
}

/** What is below is divided as a 32-bit integer, several times faster than as a double. */
const BILLION = 1_000_000_000;
const BILLION_DIGITS = 9;

/** Writes an integer from 0 to 2^31 and a CRLF; returns where they end. */
function writeLine(chunk: Buffer, start: number, value: number): number {
  let at = start;
  if (value < 10) chunk[at++] = ZERO + value;
  else at = writeDigits(chunk, at, value, digitsOf(value));
  chunk[at] = CR;
  chunk[at + 1] = LF;
  return at + 2;
}

/** Writes so many digits, with zeros in front. */
function writeDigits(chunk: Buffer, start: number, value: number, digits: number): number {
  const end = start + digits;
  let rest = value | 0;
  for (let i = end - 1; i >= start; i--) {
    const tens = (rest / 10) | 0;
    chunk[i] = ZERO + rest - tens * 10;
    rest = tens;
  }
  return end;
}

/** Decimal digits of an integer from 0 to 2^31. */
function digitsOf(value: number): number {
  if (value < 100) return value < 10 ? 1 : 2;
  if (value < 10_000) return value < 1000 ? 3 : 4;
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8;
  return value < BILLION ? 9 : 10;
}
