// What a server in subscriber mode says unasked: the keys that CLIENT TRACKING tells of, read where they lie, as a transaction
// may change a million. What is published on the same channel is passed over.

import { Buffer } from 'node:buffer';
import { isLineEnd } from './bytes.ts';
import type { Reply, ReplyRun } from './reply.ts';

/** Hears of the keys that have changed. Nothing here may throw. */
export interface InvalidationSink {
  /** @param key it holds until the call returns */
  onKey(key: Buffer): void;
  /** A database was emptied, or all of them: which keys are gone is not told. */
  onFlush(): void;
}

/** Whose replies come in between. */
export interface InvalidationOwner {
  onPong(): void;
  onProtocolError(why: string): void;
}

const MESSAGE = Buffer.from('*3\r\n$7\r\nmessage\r\n');
const PONG = Buffer.from('*2\r\n$4\r\npong\r\n$0\r\n\r\n');
const [DOLLAR, STAR, MINUS, ZERO] = [36, 42, 45, 48] as const;
const CRLF_BYTES = 2;
/** Of a length that is one. */
const MOST_DIGITS = 15;
/** In place of where a line ends. */
const [UNFINISHED, NONE] = [-1, -2] as const;

export class Invalidations {
  readonly #sink: InvalidationSink;
  readonly #owner: InvalidationOwner;
  /** Keys of the message that are still to come. */
  #left = 0;
  /** What the line has said that `#readLength` read; -1 is null. */
  #length = 0;

  constructor(sink: InvalidationSink, owner: InvalidationOwner) {
    this.#sink = sink;
    this.#owner = owner;
  }

  /** Reads messages, and PONGs between them, up to what is neither, or has not come whole. */
  read(run: ReplyRun): void {
    let at = -1;
    while (run.at > at && run.at < run.end) {
      at = run.at;
      if (this.#left > 0) this.#readKeys(run);
      else this.#readHead(run);
    }
  }

  /** @returns whether the reply is one that nobody has asked for: a key that is too long to be read where it lies, or a message */
  take(reply: Reply): boolean {
    if (this.#left > 0) {
      this.#left--;
      if (Buffer.isBuffer(reply)) this.#sink.onKey(reply);
      else this.#owner.onProtocolError('it tells of a changed key that is no string');
      return true;
    }
    if (!Array.isArray(reply)) return false;
    const [kind, , content] = reply as readonly Reply[];
    if (!Buffer.isBuffer(kind) || kind.toString('latin1') !== 'message') return false;
    if (content === null) this.#sink.onFlush();
    else if (Array.isArray(content)) for (const key of content as readonly Reply[]) this.#takeKey(key);
    return true;
  }

  #takeKey(key: Reply): void {
    this.#left = 1;
    this.take(key);
  }

  /** One that is not whole is left to the decoder, which gives it by `take`. */
  #readKeys(run: ReplyRun): void {
    const { buffer } = run.bytes;
    while (this.#left > 0) {
      const start = this.#readLength(DOLLAR, run, run.at);
      const stop = start + this.#length;
      if (start < 0 || stop < start || stop + CRLF_BYTES > run.end || !isLineEnd(buffer, stop)) return;
      run.at = stop + CRLF_BYTES;
      this.#left--;
      this.#sink.onKey(buffer.subarray(start, stop));
    }
  }

  /** A PONG, or `message`, the name of the channel, and an array of keys, or null; the name says nothing: Redict cuts it off. */
  #readHead(run: ReplyRun): void {
    const pong = this.#passOver(PONG, run);
    if (pong >= 0) {
      run.at = pong;
      this.#owner.onPong();
      return;
    }
    const name = this.#passOver(MESSAGE, run);
    const start = name < 0 ? name : this.#readLength(DOLLAR, run, name);
    const stop = start < 0 ? start : start + this.#length + CRLF_BYTES;
    const isNull = stop >= 0 && run.bytes.buffer[stop] === DOLLAR;
    const end = stop < 0 ? stop : this.#readLength(isNull ? DOLLAR : STAR, run, stop);
    run.isUnfinished = end === UNFINISHED || pong === UNFINISHED;
    // What was published comes whole, by `take`.
    if (end < 0 || (isNull && this.#length >= 0)) return;
    run.at = end;
    if (this.#length < 0) this.#sink.onFlush();
    else this.#left = this.#length;
  }

  /** Where it ends. */
  #passOver(literal: Buffer, { bytes: { buffer }, at, end }: ReplyRun): number {
    const length = Math.min(literal.length, end - at);
    if (buffer.compare(literal, 0, length, at, at + length) !== 0) return NONE;
    return length < literal.length ? UNFINISHED : at + length;
  }

  /** Reads `$12\r\n` or `*-1\r\n`. @returns where what follows begins */
  #readLength(mark: number, { bytes: { buffer }, end }: ReplyRun, at: number): number {
    if (at >= end) return UNFINISHED;
    if (buffer[at] !== mark) return NONE;
    const isNull = at + 1 < end && buffer[at + 1] === MINUS;
    let length = 0;
    let next = at + (isNull ? 2 : 1);
    for (; next < end; next++) {
      const digit = buffer[next]! - ZERO;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    if (next - at > MOST_DIGITS) return NONE;
    if (next + 1 >= end) return UNFINISHED;
    if (!isLineEnd(buffer, next) || (isNull && length !== 1)) return NONE;
    this.#length = isNull ? -1 : length;
    return next + CRLF_BYTES;
  }
}
