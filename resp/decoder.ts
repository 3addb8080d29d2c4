// Turns the bytes of a connection into replies: redis-parser behind limits, with two paths of its own around it.
//
//   `+OK` runs      are counted and never become objects.
//   unfinished bulk strings   are taken away from the parser and filled in place, straight from the socket: the
//                   parser would gather them in a pool, three times their size, that its views keep alive.
//
// Integers that a number would round come out of the parser as strings, and go on as bigints.

import { countOf } from './figures.ts';
import { Buffer } from 'node:buffer';
import RedisParser from 'redis-parser';
import { ReplyError } from './errors.ts';
import { ReplyMeter, type Excess, type ReplyLimits } from './reply-meter.ts';
import { LONGEST_STRING, Oversized, type Reply } from './reply.ts';
import type { Secrets } from './secrets.ts';

export interface DecoderLimits extends Partial<ReplyLimits> {
  /** Bytes of a bulk string. Default `LONGEST_STRING`. */
  readonly maxBulkLength?: number;
  /** Bytes of one that is read past. Default 64 GiB: a server would have to hold it beside the value that it is made of. */
  readonly maxPassedLength?: number;
  /** What lets longer replies pass, as an error says it. */
  readonly replyHint?: string | undefined;
}

/** A SCAN page is the longest array that rump asks for. */
const DEFAULTS = {
  maxBulkLength: LONGEST_STRING,
  maxPassedLength: 2 ** 36,
  maxReplyLength: 2 ** 27,
  maxArrayLength: 2 ** 20,
  maxDepth: 32,
  maxLineLength: 2 ** 16,
};

export interface DecoderSink {
  onReply(reply: Reply): void;
  onOks(count: number): void;
  /** Whether the reply that is arriving may be longer than is kept. */
  takesLong(): boolean;
  /** The stream cannot be followed any further, and why; called once, and nothing after it. */
  onProtocolError(why: string, hint?: string): void;
  /** Whoever takes the replies has thrown: that is no fault of the peer. Called once, and nothing after it. */
  onFault(error: unknown): void;
}

const OK_LINE = Buffer.from('+OK\r\n');
/** One read of the socket fills at most this much; a view of a reply keeps all of it alive. */
const CHUNK_BYTES = 128 * 1024;
/** A chunk with less room than this is left, so that reads stay long. */
const LEAST_ROOM = 32 * 1024;
const CR = 13;
const LF = 10;
const CRLF_BYTES = 2;
/** How a TLS record begins with which a server says that it was spoken to in plain. */
const TLS_ALERT = 21;
const NO_INTEGER = 'an integer is none';
const NO_END = 'a bulk string does not end where it should';
/** Characters of an integer, its sign among them, up to which a number is exact. */
const EXACT_CHARACTERS = 15;
const INTEGER_BITS = 64;

/** What the parser makes of a reply; strings are integers. */
type Parsed = Reply | string | Error | readonly Parsed[];

/** Its option is asked for at each integer: as an accessor it costs nothing, where strings cost the copy 70 ns a key. */
class ReplyParser extends RedisParser {
  override get optionStringNumbers(): boolean {
    const { buffer, offset } = this;
    const end = offset + EXACT_CHARACTERS;
    for (let at = offset; at <= end; at++) if (buffer![at] === CR) return false;
    return end < buffer!.length;
  }

  override set optionStringNumbers(_: boolean) {
    // The parser's constructor sets it.
  }
}

export class Decoder {
  readonly #sink: DecoderSink;
  readonly #secrets: Secrets | undefined;
  readonly #limits: DecoderLimits & typeof DEFAULTS;
  readonly #parser: ReplyParser;
  readonly #meter: ReplyMeter;
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #chunkAt = 0;
  /** How much of an `+OK\r\n` has come that is not yet whole. */
  #okBytes = 0;
  /** A bulk string with its CRLF that is being filled. */
  #bulk: Buffer | undefined;
  #bulkAt = 0;
  #bulkSince = 0;
  /** A bulk string that is read past, and how much of it, with its CRLF, is still to come. */
  #passed: Oversized | undefined;
  #passedLeft = 0;
  /** The last byte of it that has come. */
  #passedLast: number | undefined;
  #failed = false;

  /** Bytes: a longer bulk string that is a reply of its own, and may be long, is read past and becomes an `Oversized`. */
  keptBulkLength = Infinity;

  /** @param secrets what must not be shown of error replies */
  constructor(sink: DecoderSink, limits: DecoderLimits = {}, secrets?: Secrets) {
    this.#sink = sink;
    this.#secrets = secrets;
    this.#limits = { ...DEFAULTS, ...limits };
    this.#meter = new ReplyMeter(this.#limits);
    this.#parser = new ReplyParser({
      returnBuffers: true,
      returnReply: (reply) => this.#onParsed(reply as Parsed),
      returnError: (error) => this.#deliver(new ReplyError(error.message, undefined, this.#secrets)),
      // Its own error carries the whole chunk as JSON, payloads included: only the offence is kept.
      returnFatalError: (error) => this.#fail(error.message.replace(/^Protocol error, /, '')),
    });
  }

  /** By `performance.now()`, when the last bulk string began to come that did not come at once. */
  get bulkSince(): number {
    return this.#bulkSince;
  }

  /** Where the socket may read to next: the rest of an unfinished bulk string, or of the chunk. */
  space(): Buffer {
    if (this.#bulk !== undefined) return this.#bulk.subarray(this.#bulkAt);
    if (this.#chunk.length - this.#chunkAt < LEAST_ROOM) {
      this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.#chunkAt = 0;
    }
    return this.#chunk.subarray(this.#chunkAt);
  }

  /** So many bytes have been read to where `space` said. */
  filled(bytes: number): void {
    if (this.#bulk !== undefined) {
      this.#bulkAt += bytes;
      this.#guard(() => this.#finishBulk());
      return;
    }
    const start = this.#chunkAt;
    this.#chunkAt += bytes;
    this.write(this.#chunk.subarray(start, this.#chunkAt));
  }

  /** Decodes bytes that came by another way than `space`. The decoder keeps views into them. */
  write(bytes: Buffer): void {
    this.#guard(() => this.#decode(bytes));
  }

  /** redis-parser throws at nothing that the meter lets pass: what comes out here was thrown by who takes the replies. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (this.#failed) return;
      this.#failed = true;
      this.#sink.onFault(error);
    }
  }

  #decode(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#failed) {
      if (this.#bulk !== undefined) at = this.#fillBulk(bytes, at);
      else if (this.#passed !== undefined) at = this.#passOver(bytes, at);
      else if (this.#parser.buffer === null && (this.#okBytes > 0 || bytes[at] === OK_LINE[0]))
        at = this.#countOks(bytes, at);
      else at = this.#parse(at === 0 ? bytes : bytes.subarray(at), bytes.length);
    }
  }

  #countOks(bytes: Buffer, start: number): number {
    let phase = this.#okBytes;
    let count = 0;
    let at = start;
    while (at < bytes.length && bytes[at] === OK_LINE[phase]) {
      at++;
      if (++phase === OK_LINE.length) {
        phase = 0;
        count++;
      }
    }
    this.#okBytes = 0;
    if (count > 0) this.#sink.onOks(count);
    if (at === bytes.length) this.#okBytes = phase;
    else if (phase > 0)
      return this.#parse(Buffer.concat([OK_LINE.subarray(0, phase), bytes.subarray(at)]), bytes.length);
    return at;
  }

  #parse(chunk: Buffer, end: number): number {
    if (chunk[0] === TLS_ALERT && this.#parser.buffer === null) {
      this.#fail('it speaks TLS', 'write rediss:// in place of redis://');
      return end;
    }
    const excess = this.#meter.take(chunk);
    if (excess === undefined) this.#parser.execute(chunk);
    else if (excess.at > 0) this.#parser.execute(chunk.subarray(0, excess.at));
    if (excess !== undefined) this.#refuse(excess);
    else if (!this.#failed) this.#checkUnfinished();
    return end;
  }

  #refuse({ limit, amount }: Excess): void {
    if (limit === 'maxArrayLength') this.#fail(`an array of ${countOf(amount, 'element')} is too long`);
    else if (limit === 'maxDepth') this.#fail('arrays are too deeply nested');
    else if (limit === 'maxLineLength') this.#fail('a line is too long');
    else if (limit === 'integer') this.#fail(NO_INTEGER);
    else if (limit === 'length') this.#fail('a length is none');
    else {
      const most = this.#limits.maxReplyLength;
      this.#failFor(`it sends a reply of more than ${countOf(most, 'byte')}`, this.#limits.replyHint);
    }
  }

  /** A bulk string by itself is no business of the parser's until all of it is there. */
  #checkUnfinished(): void {
    const { buffer, bigStrSize, offset, arrayCache } = this.#parser;
    if (buffer === null || bigStrSize === 0 || arrayCache.length > 0) return;
    const length = bigStrSize - offset - CRLF_BYTES;
    const isPassed = length > this.keptBulkLength && this.#sink.takesLong();
    if (length > (isPassed ? this.#limits.maxPassedLength : this.#mostBulkBytes))
      return this.#fail(`a bulk string of ${countOf(length, 'byte')} is too long`);
    if (isPassed) {
      this.#passed = new Oversized(length);
      this.#passedLeft = length + CRLF_BYTES - (buffer.length - offset);
      this.#passedLast = buffer.at(-1);
    } else {
      this.#bulk = Buffer.allocUnsafeSlow(length + CRLF_BYTES);
      this.#bulkAt = buffer.copy(this.#bulk, 0, offset);
      this.#bulkSince = performance.now();
    }
    this.#parser.reset();
    this.#meter.reset();
  }

  /** Where long ones are not kept, others are no longer than arrays. */
  get #mostBulkBytes(): number {
    const { maxBulkLength, maxReplyLength } = this.#limits;
    return Math.min(maxBulkLength, Math.max(this.keptBulkLength, maxReplyLength));
  }

  #fillBulk(bytes: Buffer, at: number): number {
    const copied = bytes.copy(this.#bulk!, this.#bulkAt, at);
    this.#bulkAt += copied;
    this.#finishBulk();
    return at + copied;
  }

  #passOver(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#passedLeft);
    const beforeLast = end - at > 1 ? bytes[end - 2] : this.#passedLast;
    this.#passedLeft -= end - at;
    this.#passedLast = bytes[end - 1];
    if (this.#passedLeft > 0) return end;
    if (beforeLast !== CR || this.#passedLast !== LF) {
      this.#fail(NO_END);
      return end;
    }
    const passed = this.#passed!;
    this.#passed = undefined;
    this.#deliver(passed);
    return end;
  }

  #finishBulk(): void {
    const bulk = this.#bulk!;
    if (this.#bulkAt < bulk.length) return;
    this.#bulk = undefined;
    if (bulk.at(-1) !== LF || bulk.at(-2) !== CR) return this.#fail(NO_END);
    this.#deliver(bulk.subarray(0, bulk.length - CRLF_BYTES));
  }

  #onParsed(reply: Parsed): void {
    // The parser steps over the end of a bulk string unseen; every reply ends in a line feed.
    const { buffer, offset } = this.#parser;
    if (buffer !== null && offset > 0 && buffer[offset - 1] !== LF) return this.#fail(NO_END);
    if (Array.isArray(reply)) this.#adopt(reply as Parsed[]);
    this.#deliver(typeof reply === 'string' ? this.#integer(reply) : (reply as Reply));
  }

  /** Makes what the parser has put into it replies of this floor. */
  #adopt(array: Parsed[]): void {
    for (let i = 0; i < array.length; i++) {
      const element = array[i];
      if (Array.isArray(element)) this.#adopt(element as Parsed[]);
      else if (typeof element === 'string') array[i] = this.#integer(element);
      else if (element instanceof Error) array[i] = new ReplyError(element.message, undefined, this.#secrets);
    }
  }

  /** One of so many digits that the parser has left it a string. */
  #integer(digits: string): number | bigint {
    const number = Number(digits);
    if (Number.isSafeInteger(number)) return number;
    const integer = BigInt(digits);
    if (BigInt.asIntN(INTEGER_BITS, integer) !== integer) this.#fail(NO_INTEGER);
    return integer;
  }

  #deliver(reply: Reply): void {
    if (!this.#failed) this.#sink.onReply(reply);
  }

  #fail(why: string, hint?: string): void {
    this.#failFor(`it does not answer in RESP2 (${why})`, hint);
  }

  #failFor(why: string, hint: string | undefined): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#sink.onProtocolError(why, hint);
  }
}
