// Reads RESTORE, SELECT and PING frames out of chunks of any length, and knows at which byte it is. It knows no file.
//
//     *5 ␍␊ $7 ␍␊ RESTORE ␍␊ $3 ␍␊ key ␍␊ …       a line tells a number; a string has as many bytes as its line told
//
//   Whatever is whole in its chunk is given out as a view into it. A string that is cut is filled in place in a Buffer of
//   its own. Lines are read byte by byte, with what they told so far kept in fields: a chunk may end anywhere.

import { countOf, formatCount } from '../../resp/figures.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import { Buffer } from 'node:buffer';
import { NO_BYTES, Bytes } from '../../resp/bytes.ts';
import type { Entry } from '../flow/entry.ts';
import type { EntryView } from '../flow/entry-view.ts';
import {
  CR,
  CRLF_BYTES,
  FrameLine,
  LF,
  PassingPayload,
  RestoreFrame,
  SHORTEST_PAYLOAD,
  type Keeper,
  type Missing,
} from './restore-frame.ts';
import { StreamError, markOf, StreamSum } from './stream-ends.ts';
import { NEVER, plus } from '../rdb/milliseconds.ts';
import { UsualFrame } from './usual-frame.ts';

export interface FrameReaderOptions {
  /** As messages call the stream: its path, or `stdin`. */
  readonly name: string;
  /** Whether it was packed, so that offsets are none of the file. */
  readonly isPacked?: boolean;
  /** Bytes of the whole stream, where they are known: what claims to be longer is cut off. */
  readonly size?: number | undefined;
  /** Bytes of a key or payload. Default `LONGEST_STRING`. */
  readonly maxLength?: number;
  /** Bytes of a payload above which it is not held, but goes by. Default: there are none. */
  readonly mostHeld?: number;
  /** Who keeps a payload that goes by, if anybody does. */
  readonly keeperOf?: (db: number, key: Buffer) => Keeper | undefined;
}

/** Bytes of a command name, a number or the name of an option. */
const MAX_WORD = 32;
/** RESTORE key ttl payload REPLACE ABSTTL IDLETIME seconds FREQ frequency. */
const MAX_ARGUMENTS = 10;
const ASTERISK = 42;
const DOLLAR = 36;
/** The first byte of what gzip made. */
const GZIP = 0x1f;
/** So much is summed at once, as long as it is in the processor's cache. */
const WARM_BYTES = 8 * 1024;
/** What has happened to a stream without its end. */
const STOPPED = 'what wrote it was stopped, or failed, before its end';

export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #size: number;
  readonly #maxLength: number;
  readonly #mostHeld: number;
  readonly #frame = new RestoreFrame();
  readonly #usual: UsualFrame;
  #chunk = NO_BYTES;
  #at = 0;
  /** Bytes of the stream before this chunk. */
  #before = 0;
  #frameStart = 0;
  /** Strings of this frame that are still to come; 0 between frames. */
  #left = 0;
  /** The string that is being read; -1 before its line is whole. */
  #length = -1;
  /** A string, with the CRLF behind it, that did not come whole. */
  #cut: Buffer | undefined;
  #cutAt = 0;
  /** The payload that goes by. */
  #passing: PassingPayload | undefined;
  readonly #line = new FrameLine();
  readonly #sum = new StreamSum();
  /** Up to where this chunk is in the sum. */
  #summed = 0;
  /** Where the stream began whose end has not come yet; -1 for none. */
  #beganAt = -1;
  #isUnmarked = false;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
    this.#size = options.size ?? Infinity;
    this.#maxLength = options.maxLength ?? LONGEST_STRING;
    // A shorter payload tells nothing of itself.
    this.#mostHeld = Math.max(SHORTEST_PAYLOAD, options.mostHeld ?? Infinity);
    this.#usual = new UsualFrame(Math.min(this.#maxLength, this.#mostHeld), this.#maxLength);
  }

  get #bytes(): Buffer {
    return this.#chunk.buffer;
  }

  /** Bytes that have come. */
  get length(): number {
    return this.#before + this.#bytes.length;
  }

  /** Whether there was anything of which no beginning and no end tells whether it is whole. */
  get isUnmarked(): boolean {
    return this.#isUnmarked;
  }

  /** The payload of the key that was read last, where it was not held: its entry has none then. */
  get passed(): PassingPayload | undefined {
    return this.#frame.passed;
  }

  /** The database of the next key, as far as its frame says nothing else. */
  get db(): number {
    return this.#frame.db;
  }

  /** Gives it the next bytes, once `next` has used up those before; the entries hold views into them. */
  write(chunk: Buffer): void {
    if (this.#beganAt !== -1) this.#sum.passChunk(this.#bytes, this.#summed, this.#frameStart - this.#before);
    this.#before += this.#bytes.length;
    this.#chunk = new Bytes(chunk);
    this.#at = 0;
    this.#summed = 0;
  }

  /** Shows the next key where it lies, up to the next `write`; false where its frame is not a usual one, or not whole. */
  show(view: EntryView): boolean {
    const usual = this.#usual;
    if (this.#left > 0 || this.#line.isBegun || !usual.read(this.#chunk, this.#at)) return false;
    if (this.#before + usual.end > this.#size) return false;
    if (this.#beganAt === -1) this.#isUnmarked = true;
    this.#sum.keys++;
    this.#at = usual.end;
    if (this.#beganAt !== -1 && this.#at - this.#summed >= WARM_BYTES) {
      this.#sum.updateFrom(this.#chunk, this.#summed, this.#at);
      this.#summed = this.#at;
    }
    view.db = this.#frame.db;
    usual.show(this.#chunk, view);
    return true;
  }

  /**
   * Reads the next key into `entry`; false when more bytes are needed for it.
   * @throws StreamError
   */
  next(entry: Entry): boolean {
    for (;;) {
      if (this.#left === 0 && !this.#beginFrame()) return false;
      while (this.#left > 0) if (!this.#readString()) return false;
      const why = this.#frame.end();
      if (why !== undefined) throw this.#damage(this.#at, why);
      if (this.#frame.name === 'PING') {
        this.#readMark();
        continue;
      }
      if (this.#beganAt === -1) this.#isUnmarked = true;
      if (this.#frame.name === 'SELECT') continue;
      this.#sum.keys++;
      this.#moveInto(entry);
      return true;
    }
  }

  /**
   * There are no more bytes.
   * @param why what else is wrong with the stream that ends here
   * @throws StreamError when it ends before its end, or with a fault
   */
  end(why?: string): void {
    const isWithin = this.#left > 0 || this.#line.isBegun;
    if (isWithin)
      throw this.#failure(
        `the frame at ${this.#place(this.#frameStart)} is cut off at byte ${this.length}${because(why)}`,
      );
    this.#frameStart = this.length;
    if (why !== undefined) throw this.#failure(`it breaks off at ${this.#place(this.length)}${because(why)}`);
    if (this.length === 0) throw this.#failure('it is empty, and even without keys it would have an end', STOPPED);
    if (this.#beganAt === -1) return;
    throw this.#failure(`it is cut off at ${this.#place(this.length)}: its end is missing`, STOPPED);
  }

  /** A PING that is none of ours is harmless. */
  #readMark(): void {
    const { message } = this.#frame;
    switch (markOf(message)) {
      case 'begin':
        if (this.#beganAt !== -1) throw this.#cutBefore();
        this.#beganAt = this.#frameStart;
        this.#frame.db = 0;
        this.#sum.reset();
        this.#summed = this.#at;
        break;
      case 'end':
        this.#endStream(message.toString('latin1'));
        break;
      case 'unknown':
        throw this.#damage(this.#at, 'it is a mark that this version of rump does not know');
      default:
    }
  }

  #endStream(end: string): void {
    if (this.#beganAt === -1) throw this.#damage(this.#at, 'an end stands there, and no beginning in front of it');
    this.#sum.finish(this.#bytes, this.#summed, this.#frameStart - this.#before);
    const fault = this.#sum.faultOf(end);
    if (fault !== undefined) {
      throw this.#failure(`the stream from ${this.#place(this.#beganAt)} on is damaged: ${fault}`);
    }
    this.#beganAt = -1;
  }

  #cutBefore(): StreamError {
    const place = this.#place(this.#frameStart);
    return this.#failure(`it is cut off at ${place}: another stream begins there, and its end is missing`, STOPPED);
  }

  #moveInto(entry: Entry): void {
    const frame = this.#frame;
    entry.db = frame.db;
    entry.key = frame.key;
    entry.kind = frame.passed === undefined ? 'value' : 'name';
    entry.payload = frame.passed === undefined ? frame.payload : null;
    entry.large = null;
    // What is left of a relative expiry counts from now.
    entry.expireAt = frame.ttl === 0 ? NEVER : frame.isAbsolute ? frame.ttl : plus(frame.ttl, Date.now());
    entry.idle = frame.idle;
    entry.frequency = frame.frequency;
  }

  #beginFrame(): boolean {
    if (!this.#line.isBegun) this.#frameStart = this.#before + this.#at;
    if (!this.#readLine(ASTERISK)) return false;
    if (this.#line.number < 1 || this.#line.number > MAX_ARGUMENTS) {
      throw this.#damage(
        this.#at,
        `it is an array of ${countOf(this.#line.number, 'string')}, which no RESTORE, SELECT or PING is`,
      );
    }
    this.#left = this.#line.number;
    this.#length = -1;
    this.#frame.begin(this.#line.number);
    return true;
  }

  /** One of the frame's strings, its line before it; false where it is not all there. */
  #readString(): boolean {
    if (this.#length === -1) {
      if (!this.#readLine(DOLLAR)) return false;
      this.#length = this.#line.number;
      this.#demandLength(this.#line.number);
      if (this.#length > this.#mostHeld && this.#frame.wantsPayload) this.#beginPassing(this.#length);
    }
    if (this.#passing !== undefined && !this.#pass(this.#passing)) return false;
    if (this.#cut !== undefined) return this.#fillCut(this.#cut);
    const start = this.#at;
    const end = start + this.#length;
    if (end + CRLF_BYTES > this.#bytes.length) {
      this.#cut = Buffer.allocUnsafeSlow(this.#length + CRLF_BYTES);
      this.#cutAt = 0;
      return this.#fillCut(this.#cut);
    }
    this.#at = end + CRLF_BYTES;
    this.#take(this.#bytes, start, end);
    return true;
  }

  #beginPassing(length: number): void {
    const { db, key } = this.#frame;
    this.#passing = new PassingPayload(this.#before + this.#at, length, this.#options.keeperOf?.(db, key));
    // What is left of the string is the CRLF.
    this.#length = 0;
  }

  /** Whether it has passed whole. */
  #pass(passing: PassingPayload): boolean {
    const end = Math.min(this.#bytes.length, this.#at + passing.left);
    passing.add(this.#bytes, this.#at, end);
    this.#at = end;
    return passing.left === 0;
  }

  #fillCut(cut: Buffer): boolean {
    const copied = this.#bytes.copy(cut, this.#cutAt, this.#at);
    this.#cutAt += copied;
    this.#at += copied;
    if (this.#cutAt < cut.length) return false;
    this.#cut = undefined;
    this.#take(cut, 0, cut.length - CRLF_BYTES);
    return true;
  }

  /** The bytes from `start` to `end` are a string; `#at` is behind its CRLF. */
  #take(bytes: Buffer, start: number, end: number): void {
    if (bytes[end] !== CR || bytes[end + 1] !== LF)
      throw this.#damage(this.#at - CRLF_BYTES, 'a string should end there');
    const passed = this.#passing;
    const why = passed === undefined ? this.#frame.add(bytes, start, end) : this.#frame.addPassed(passed);
    this.#passing = undefined;
    if (why !== undefined) throw this.#damage(this.#at - CRLF_BYTES - (end - start), why);
    this.#left--;
    this.#length = -1;
  }

  #demandLength(length: number): void {
    const max = this.#frame.wantsBytes ? this.#maxLength : MAX_WORD;
    if (length > max) {
      throw this.#damage(
        this.#at,
        `a string of ${countOf(length, 'byte')} begins there, and ${formatCount(max)} are the most it may have`,
      );
    }
    const position = this.#before + this.#at;
    if (position + length + CRLF_BYTES <= this.#size) return;
    const claim = `a string of ${countOf(length, 'byte')} begins at byte ${position}, and the file ends at byte ${this.#size}`;
    throw this.#failure(`the frame at ${this.#place(this.#frameStart)} is cut off: ${claim}`);
  }

  /** A mark, digits, CRLF; false where it is not all there. */
  #readLine(mark: number): boolean {
    const line = this.#line;
    const isWhole = line.read(this.#bytes, this.#at, mark);
    this.#at = line.at;
    if (line.missing !== undefined) throw this.#noLine(line.missing, line.at - 1, mark);
    return isWhole;
  }

  #noLine(missing: Missing, at: number, mark: number): StreamError {
    if (missing === 'number') return this.#damage(at, 'a number should stand there');
    if (missing === 'line end') return this.#damage(at, 'a line should end there');
    const isPacked = this.#bytes[at] === GZIP && this.#before + at === 0;
    const hint = isPacked ? 'it looks like gzip: let its name end in .resp.gz, or unpack it first' : undefined;
    return this.#damage(at, `a ${mark === ASTERISK ? 'frame' : 'string'} should begin there`, hint);
  }

  #damage(at: number, why: string, hint?: string): StreamError {
    const { unknownName } = this.#frame;
    const what = unknownName === undefined ? `damaged at byte ${this.#before + at}` : unknownName;
    return this.#failure(`the frame at ${this.#place(this.#frameStart)} is ${what}: ${why}`, hint);
  }

  #failure(what: string, hint?: string): StreamError {
    return new StreamError(`Cannot read ${this.#options.name}: ${what}`, this.#frameStart, { hint });
  }

  #place(offset: number): string {
    return `byte ${offset}${this.#options.isPacked === true ? ' of the unpacked stream' : ''}`;
  }
}

function because(why: string | undefined): string {
  return why === undefined ? '' : `: ${why}`;
}
