// redis-parser behind limits: it reads what is not read where it lies, arrays for the most part. It keeps views into the
// bytes that it is given.
//
// Integers that a number would round come out of the parser as strings, and go on as bigints.

import type { Buffer } from 'node:buffer';
import RedisParser from 'redis-parser';
import { ReplyError } from './errors.ts';
import { countOf } from './figures.ts';
import { ReplyMeter, type Excess, type ReplyLimits } from './reply-meter.ts';
import type { Reply } from './reply.ts';
import type { Secrets } from './secrets.ts';

export interface ReplyParserSink {
  onReply(reply: Reply): void;
  /** A bulk string by itself is not whole. @param head what there is of it */
  onUnfinished(length: number, head: Buffer): void;
  /** The bytes are no replies, or too long, and why. */
  onFault(why: string, hint?: string): void;
}

const CR = 13;
const LF = 10;
const CRLF_BYTES = 2;
/** How a TLS record begins with which a server says that it was spoken to in plain. */
const TLS_ALERT = 21;
export const NO_INTEGER = 'an integer is none';
export const NO_END = 'a bulk string does not end where it should';
/** Characters of an integer, its sign among them, up to which a number is exact. */
export const EXACT_CHARACTERS = 15;
const INTEGER_BITS = 64;

/** What the parser makes of a reply; strings are integers. */
type Parsed = Reply | string | Error | readonly Parsed[];

/** Its option is asked for at each integer: as an accessor it costs nothing, where strings cost 70 ns each. */
class Parser extends RedisParser {
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

export class ReplyParser {
  readonly #sink: ReplyParserSink;
  readonly #secrets: Secrets | undefined;
  readonly #replyHint: string | undefined;
  readonly #mostReplyBytes: number;
  readonly #parser: Parser;
  readonly #meter: ReplyMeter;
  #isFaulty = false;

  /**
   * @param replyHint what lets longer replies pass, as an error says it
   * @param secrets what must not be shown of error replies
   */
  constructor(sink: ReplyParserSink, limits: ReplyLimits, replyHint: string | undefined, secrets: Secrets | undefined) {
    this.#sink = sink;
    this.#secrets = secrets;
    this.#replyHint = replyHint;
    this.#mostReplyBytes = limits.maxReplyLength;
    this.#meter = new ReplyMeter(limits);
    this.#parser = new Parser({
      returnBuffers: true,
      returnReply: (reply) => this.#onParsed(reply as Parsed),
      returnError: (error) => this.#deliver(new ReplyError(error.message, undefined, secrets)),
      // Its own error carries the whole chunk as JSON, payloads included: only the offence is kept.
      returnFatalError: (error) => this.#fail(error.message.replace(/^Protocol error, /, '')),
    });
  }

  /** Whether it is between two replies. */
  get isIdle(): boolean {
    return this.#parser.buffer === null;
  }

  read(bytes: Buffer): void {
    if (bytes[0] === TLS_ALERT && this.isIdle)
      return this.#fail('it speaks TLS', 'write rediss:// in place of redis://');
    const excess = this.#meter.take(bytes);
    if (excess === undefined) this.#parser.execute(bytes);
    else if (excess.at > 0) this.#parser.execute(bytes.subarray(0, excess.at));
    if (excess !== undefined) this.#refuse(excess);
    else if (!this.#isFaulty) this.#lookForUnfinished();
  }

  #refuse({ limit, amount }: Excess): void {
    if (limit === 'maxArrayLength') this.#fail(`an array of ${countOf(amount, 'element')} is too long`);
    else if (limit === 'maxDepth') this.#fail('arrays are too deeply nested');
    else if (limit === 'maxLineLength') this.#fail('a line is too long');
    else if (limit === 'integer') this.#fail(NO_INTEGER);
    else if (limit === 'length') this.#fail('a length is none');
    else this.#failFor(`it sends a reply of more than ${countOf(this.#mostReplyBytes, 'byte')}`, this.#replyHint);
  }

  /** The parser would gather it in a pool, three times its size, that its views keep alive. */
  #lookForUnfinished(): void {
    const { buffer, bigStrSize, offset, arrayCache } = this.#parser;
    if (buffer === null || bigStrSize === 0 || arrayCache.length > 0) return;
    const head = buffer.subarray(offset);
    this.#parser.reset();
    this.#meter.reset();
    this.#sink.onUnfinished(bigStrSize - offset - CRLF_BYTES, head);
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
    if (!this.#isFaulty) this.#sink.onReply(reply);
  }

  #fail(why: string, hint?: string): void {
    this.#failFor(`it does not answer in RESP2 (${why})`, hint);
  }

  #failFor(why: string, hint: string | undefined): void {
    if (this.#isFaulty) return;
    this.#isFaulty = true;
    this.#sink.onFault(why, hint);
  }
}
