// Turns the bytes of a connection into replies. What there are many of is read where it lies, in the chunk that has come:
//
//   ······│ $5..hello.. │ :-1.. │ +OK.. │ $70..abc      a chunk; what is not whole waits for the next read
//         └─ from                                └─ to
//
//   runs of replies         whoever waits for them may read them where they lie; the chunk is used again while it is warm.
//   `+OK` runs              are counted and never become objects.
//   long ones               get memory of their own, which the socket fills in place; or they are read past.
//   all else                redis-parser reads, which keeps views: a chunk that it has seen is never used again.

import { Buffer } from 'node:buffer';
import { BY_REFERENCE, Bytes, isLineEnd } from './bytes.ts';
import { countOf } from './figures.ts';
import type { ReplyLimits } from './reply-meter.ts';
import { EXACT_CHARACTERS, NO_END, ReplyParser } from './reply-parser.ts';
import { LONGEST_STRING, Oversized, ReplyRun, type Reply } from './reply.ts';
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
  /** Whoever waits for the replies that come next may read some where they lie. */
  onRun?(run: ReplyRun): void;
  /** Whether the reply that is arriving may be longer than is kept. */
  takesLong(): boolean;
  /** The stream cannot be followed any further, and why; called once, and nothing after it. */
  onProtocolError(why: string, hint?: string): void;
  /** Whoever takes the replies has thrown: that is no fault of the peer. Called once, and nothing after it. */
  onFault(error: unknown): void;
}

/** One read of the socket fills at most this much. */
const CHUNK_BYTES = 128 * 1024;
/** A chunk with less room than this is left, so that reads stay long. */
const LEAST_ROOM = 32 * 1024;
/** What is not whole waits up to this size, and is read once more with what comes next. */
const MOST_WAITING = 64 * 1024;
/** What tells how long the next bulk string is: what is read with it has to be copied. */
const SHORT_READ = 4 * 1024;
const CRLF_BYTES = 2;
const OK_BYTES = 5;
const [PLUS, MINUS, COLON, DOLLAR, ZERO, CR, LF] = [43, 45, 58, 36, 48, 13, 10] as const;
const [LETTER_O, LETTER_K] = [79, 75] as const;

const NULL = Buffer.from('$-1\r\n');
const NULL_BYTES = NULL.length;
/** Of a length that is one. */
const MOST_DIGITS = 20;
/** Of one that has not come whole. */
const MOST_INTEGER_BYTES = ':-9223372036854775808\r'.length;

export class Decoder {
  readonly #sink: DecoderSink;
  readonly #limits: DecoderLimits & typeof DEFAULTS;
  readonly #parser: ReplyParser;
  readonly #run = new ReplyRun();
  #chunk = new Bytes(Buffer.allocUnsafeSlow(CHUNK_BYTES));
  /** What has come and was not read. */
  #from = 0;
  #to = 0;
  /** Whether views into the chunk may be kept. */
  #isKept = false;
  /** Whether what is next is a short frame that has not come whole. */
  #isUnfinished = false;
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
  /** Whether the last bulk string had memory of its own: what comes next is likely to be another one. */
  #isLong = false;

  /** Bytes: a longer bulk string that is a reply of its own, and may be long, is read past and becomes an `Oversized`. */
  keptBulkLength = Infinity;

  /** @param secrets what must not be shown of error replies */
  constructor(sink: DecoderSink, limits: DecoderLimits = {}, secrets?: Secrets) {
    this.#sink = sink;
    this.#limits = { ...DEFAULTS, ...limits };
    this.#parser = new ReplyParser(
      {
        onReply: (reply) => this.#deliver(reply),
        onUnfinished: (length, head) => this.#beginBulk(length, head),
        onFault: (why, hint) => this.#failFor(why, hint),
      },
      this.#limits,
      this.#limits.replyHint,
      secrets,
    );
  }

  /** By `performance.now()`, when the last bulk string began to come that did not come at once. */
  get bulkSince(): number {
    return this.#bulkSince;
  }

  /** Where the socket may read to next: the rest of an unfinished bulk string, or of the chunk. */
  space(): Buffer {
    if (this.#bulk !== undefined) return this.#bulk.subarray(this.#bulkAt);
    if (this.#failed || (!this.#isKept && this.#from === this.#to)) this.#from = this.#to = 0;
    if (CHUNK_BYTES - this.#to < LEAST_ROOM) this.#turn();
    return this.#chunk.buffer.subarray(this.#to, this.#isLong ? this.#to + SHORT_READ : CHUNK_BYTES);
  }

  /** So many bytes have been read to where `space` said. */
  filled(bytes: number): void {
    this.#guard(() => {
      if (this.#bulk === undefined) {
        this.#to += bytes;
        this.#isLong = false;
        this.#read();
      } else {
        this.#bulkAt += bytes;
        this.#finishBulk();
      }
    });
  }

  /** Decodes bytes that came by another way than `space`. */
  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.#failed;) {
      const copied = bytes.copy(this.space(), 0, at);
      at += copied;
      this.filled(copied);
    }
  }

  /** What was not read goes on in a fresh chunk, or at the front of this one. */
  #turn(): void {
    const { buffer } = this.#chunk;
    if (this.#isKept) this.#chunk = new Bytes(Buffer.allocUnsafeSlow(CHUNK_BYTES));
    this.#isKept = false;
    this.#to = buffer.copy(this.#chunk.buffer, 0, this.#from, this.#to);
    this.#from = 0;
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

  #read(): void {
    while (this.#from < this.#to && !this.#failed) {
      const before = this.#from;
      if (this.#bulk !== undefined) this.#fillBulk();
      else if (this.#passed !== undefined) this.#passOver();
      else {
        if (this.#parser.isIdle) this.#readFrame(before);
        if (this.#from > before) continue;
        if (this.#isUnfinished && this.#parser.isIdle && this.#to - before < MOST_WAITING) break;
        this.#from = this.#to;
        this.#isKept = true;
        this.#parser.read(this.#chunk.buffer.subarray(before, this.#to));
      }
    }
  }

  /** Reads what comes next and goes on behind it; where it stays, `#isUnfinished` says whether it may wait. */
  #readFrame(at: number): void {
    this.#readRun(at);
    if (this.#from > at || this.#isUnfinished) return;
    const mark = this.#chunk.buffer[at];
    if (mark === DOLLAR) this.#readBulk(at);
    else if (mark === COLON) this.#readInteger(at);
    else if (mark === PLUS) this.#readOks(at);
    else if (mark === MINUS) this.#readLine(at);
  }

  #readRun(at: number): void {
    const run = this.#run;
    run.bytes = this.#chunk;
    run.at = at;
    run.end = this.#to;
    run.isUnfinished = false;
    this.#sink.onRun?.(run);
    this.#from = run.at;
    this.#isUnfinished = run.isUnfinished;
  }

  #readBulk(at: number): void {
    const { buffer } = this.#chunk;
    const to = this.#to;
    let length = 0;
    let end = at + 1;
    for (; end < to; end++) {
      const digit = buffer[end]! - ZERO;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    if (buffer[end] === MINUS && end === at + 1) return this.#readNull(at);
    if (end + 1 >= to) {
      this.#isUnfinished = to - at <= MOST_DIGITS;
      return;
    }
    if (end === at + 1 || end - at > MOST_DIGITS || !isLineEnd(buffer, end)) return;
    const start = end + CRLF_BYTES;
    const stop = start + length;
    if (stop + CRLF_BYTES > to) {
      this.#isUnfinished = length < BY_REFERENCE && length <= this.keptBulkLength && length <= this.#mostBulkBytes;
      if (this.#isUnfinished) return;
      this.#from = to;
      this.#beginBulk(length, buffer.subarray(start, to));
    } else if (isLineEnd(buffer, stop)) {
      this.#from = stop + CRLF_BYTES;
      this.#deliver(this.#chunk.slice(start, stop));
    }
  }

  /** Of a key that is not there. */
  #readNull(at: number): void {
    const end = at + NULL_BYTES;
    this.#isUnfinished = end > this.#to;
    if (this.#isUnfinished || !this.#chunk.buffer.subarray(at, end).equals(NULL)) return;
    this.#from = end;
    this.#deliver(null);
  }

  #readInteger(at: number): void {
    const { buffer } = this.#chunk;
    const to = this.#to;
    const isNegative = buffer[at + 1] === MINUS;
    const start = isNegative ? at + 2 : at + 1;
    let integer = 0;
    let end = start;
    for (; end < to; end++) {
      const digit = buffer[end]! - ZERO;
      if (digit < 0 || digit > 9) break;
      integer = integer * 10 + digit;
    }
    const isPlain = end > start && end - at <= EXACT_CHARACTERS && isLineEnd(buffer, end);
    if (end + 1 >= to) this.#isUnfinished = to - at <= MOST_INTEGER_BYTES;
    else if (!isPlain) this.#readLine(at);
    else {
      this.#from = end + CRLF_BYTES;
      this.#deliver(isNegative ? -integer : integer);
    }
  }

  #readOks(at: number): void {
    const { buffer } = this.#chunk;
    const last = this.#to - OK_BYTES;
    let end = at;
    while (end <= last && isOk(buffer, end)) end += OK_BYTES;
    if (end === at) return this.#readLine(at);
    this.#from = end;
    this.#sink.onOks((end - at) / OK_BYTES);
  }

  /** A line that is not frequent: the parser reads it, out of a copy. */
  #readLine(at: number): void {
    const end = this.#chunk.buffer.indexOf(LF, at) + 1;
    if (end > at && end <= this.#to) {
      this.#from = end;
      this.#parser.read(this.#chunk.slice(at, end));
    } else this.#isUnfinished = this.#to - at <= this.#limits.maxLineLength;
  }

  /** A bulk string by itself that is long, or of which only a part has come. */
  #beginBulk(length: number, head: Buffer): void {
    const isPassed = length > this.keptBulkLength && this.#sink.takesLong();
    if (length > (isPassed ? this.#limits.maxPassedLength : this.#mostBulkBytes)) {
      this.#failFor(`it does not answer in RESP2 (a bulk string of ${countOf(length, 'byte')} is too long)`);
    } else if (isPassed) {
      this.#passed = new Oversized(length);
      this.#passedLeft = length + CRLF_BYTES - head.length;
      this.#passedLast = head.at(-1);
    } else {
      this.#bulk = Buffer.allocUnsafeSlow(length + CRLF_BYTES);
      this.#bulkAt = head.copy(this.#bulk);
      this.#bulkSince = performance.now();
    }
  }

  /** Where long ones are not kept, others are no longer than arrays. */
  get #mostBulkBytes(): number {
    const { maxBulkLength, maxReplyLength } = this.#limits;
    return Math.min(maxBulkLength, Math.max(this.keptBulkLength, maxReplyLength));
  }

  #fillBulk(): void {
    const copied = this.#chunk.buffer.copy(this.#bulk!, this.#bulkAt, this.#from, this.#to);
    this.#bulkAt += copied;
    this.#from += copied;
    this.#finishBulk();
  }

  #finishBulk(): void {
    const bulk = this.#bulk!;
    if (this.#bulkAt < bulk.length) return;
    this.#bulk = undefined;
    this.#isLong = true;
    if (bulk.at(-1) !== LF || bulk.at(-2) !== CR) return this.#failNoEnd();
    this.#deliver(bulk.subarray(0, bulk.length - CRLF_BYTES));
  }

  #passOver(): void {
    const { buffer } = this.#chunk;
    const end = Math.min(this.#to, this.#from + this.#passedLeft);
    const beforeLast = end - this.#from > 1 ? buffer[end - 2] : this.#passedLast;
    this.#passedLeft -= end - this.#from;
    this.#passedLast = buffer[end - 1];
    this.#from = end;
    if (this.#passedLeft > 0) return;
    const passed = this.#passed!;
    this.#passed = undefined;
    if (beforeLast !== CR || this.#passedLast !== LF) this.#failNoEnd();
    else this.#deliver(passed);
  }

  #deliver(reply: Reply): void {
    if (!this.#failed) this.#sink.onReply(reply);
  }

  #failNoEnd(): void {
    this.#failFor(`it does not answer in RESP2 (${NO_END})`);
  }

  #failFor(why: string, hint?: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#sink.onProtocolError(why, hint);
  }
}

function isOk(buffer: Buffer, at: number): boolean {
  return buffer[at] === PLUS && buffer[at + 1] === LETTER_O && buffer[at + 2] === LETTER_K && isLineEnd(buffer, at + 3);
}
