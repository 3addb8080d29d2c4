// The parts of a frame: its lines, the strings of one RESTORE, SELECT or PING as they come in, and a payload that is too
// large to be held.

import { Buffer } from 'node:buffer';
import { Crc64 } from '../rdb/crc64.ts';
import { LAST, milliseconds, type Milliseconds } from '../rdb/milliseconds.ts';
import { CHECKSUM_BYTES, FOOTER_BYTES } from '../rdb/payload.ts';

/** So many digits are a number without a loss. */
const EXACT_DIGITS = 15;
const ZERO = 48;
export const CR = 13;
export const LF = 10;
export const CRLF_BYTES = 2;

/** What should stand where something else does. */
export type Missing = 'mark' | 'number' | 'line end';

/** A mark, a number, CRLF. It is read byte by byte, since a chunk may end anywhere. */
export class FrameLine {
  /** What it tells, once it is whole. */
  number = 0;
  /** Behind the last byte that was read. */
  at = 0;
  /** Why it is no line: the byte is the one before `at`. */
  missing: Missing | undefined;
  #state: 'mark' | 'digits' | 'feed' = 'mark';
  #digits = 0;

  /** Whether a part of it has come. */
  get isBegun(): boolean {
    return this.#state !== 'mark';
  }

  /** Reads on from `start`; whether it is whole by then. Without a fault it needs more bytes otherwise. */
  read(bytes: Buffer, start: number, mark: number): boolean {
    this.at = start;
    while (this.at < bytes.length) {
      const byte = bytes[this.at++]!;
      if (this.#state === 'digits') {
        const digit = byte - ZERO;
        if (digit >= 0 && digit <= 9 && this.#digits < EXACT_DIGITS) {
          this.number = this.number * 10 + digit;
          this.#digits++;
        } else if (byte === CR && this.#digits > 0) this.#state = 'feed';
        else return this.#miss('number');
      } else if (this.#state === 'mark') {
        if (byte !== mark) return this.#miss('mark');
        this.#state = 'digits';
        this.number = 0;
        this.#digits = 0;
      } else {
        if (byte !== LF) return this.#miss('line end');
        this.#state = 'mark';
        return true;
      }
    }
    return false;
  }

  #miss(what: Missing): boolean {
    this.missing = what;
    return false;
  }
}

/** Type, RDB version and checksum: what is shorter is no payload. */
export const SHORTEST_PAYLOAD = 1 + FOOTER_BYTES;
/** Of the payload among the strings of a RESTORE. */
const PAYLOAD_INDEX = 3;
const MOST_DB = 2 ** 31 - 1;
const MOST_FREQUENCY = 255;
/** The digits of 2^63. */
const MOST_DIGITS = 19;
const LOWER_CASE = 32;
const NO_BYTES = Buffer.alloc(0);

type Name = 'RESTORE' | 'SELECT' | 'PING';

const RESTORE = Buffer.from('restore');
const SELECT = Buffer.from('select');
const PING = Buffer.from('ping');
const REPLACE = Buffer.from('replace');
const ABSTTL = Buffer.from('absttl');
const IDLETIME = Buffer.from('idletime');
const FREQ = Buffer.from('freq');

/** It stays from frame to frame, and with it the database. */
export class RestoreFrame {
  db = 0;
  key: Buffer = NO_BYTES;
  payload: Buffer = NO_BYTES;
  /** In place of `payload`, where it was not held. */
  passed: PassingPayload | undefined;
  /** What a PING says. */
  message: Buffer = NO_BYTES;
  /** 0 for none. */
  ttl: Milliseconds = 0;
  isAbsolute = false;
  idle = -1;
  frequency = -1;
  name: Name | undefined;
  /** What stands in the place of the name, where it may be shown. */
  unknownName: string | undefined;
  #strings = 0;
  #index = 0;
  /** The option whose number comes next. */
  #option: 'idle' | 'frequency' | undefined;

  /** @param strings how many will come */
  begin(strings: number): void {
    this.#strings = strings;
    this.#index = 0;
    this.#option = undefined;
    this.unknownName = undefined;
    this.message = NO_BYTES;
    this.passed = undefined;
    this.isAbsolute = false;
    this.idle = -1;
    this.frequency = -1;
  }

  /** Whether the next string may be any bytes; otherwise it is but a word. */
  get wantsBytes(): boolean {
    if (this.name === 'PING') return this.#index === 1;
    return this.name === 'RESTORE' && (this.#index === 1 || this.wantsPayload);
  }

  /** Whether the next string is a payload. */
  get wantsPayload(): boolean {
    return this.name === 'RESTORE' && this.#index === PAYLOAD_INDEX;
  }

  /** Takes a payload that has gone by, in place of its string. */
  addPassed(payload: PassingPayload): string | undefined {
    this.#index++;
    this.payload = NO_BYTES;
    this.passed = payload;
    return faultOfLength(payload.length);
  }

  /** Takes the string from `start` to `end`, of which it may keep a view. Returns what is wrong with it. */
  add(bytes: Buffer, start: number, end: number): string | undefined {
    const index = this.#index++;
    if (index === 0) return this.#setName(bytes, start, end);
    if (this.name === 'SELECT') return this.#setDb(bytes, start, end);
    if (this.name === 'PING') {
      this.message = bytes.subarray(start, end);
      return undefined;
    }
    switch (index) {
      case 1:
        this.key = bytes.subarray(start, end);
        return undefined;
      case 2:
        this.ttl = timeIn(bytes, start, end);
        return this.ttl === -1 ? 'that is no expiry in milliseconds' : undefined;
      case PAYLOAD_INDEX:
        this.payload = bytes.subarray(start, end);
        return faultOfLength(end - start);
      default:
        return this.#addOption(bytes, start, end);
    }
  }

  /** All strings have come. Returns what is missing. */
  end(): string | undefined {
    return this.#option === undefined ? undefined : 'the number of an option is missing';
  }

  #setName(bytes: Buffer, start: number, end: number): string | undefined {
    if (isWord(bytes, start, end, RESTORE)) {
      this.name = 'RESTORE';
      return this.#strings < 4 ? 'RESTORE needs a key, an expiry and a payload' : undefined;
    }
    if (isWord(bytes, start, end, SELECT)) {
      this.name = 'SELECT';
      return this.#strings === 2 ? undefined : 'SELECT takes one database';
    }
    if (isWord(bytes, start, end, PING)) {
      this.name = 'PING';
      return this.#strings <= 2 ? undefined : 'PING takes one message';
    }
    const name = bytes.toString('latin1', start, end);
    // What is no name may be a part of a value, and is not shown.
    if (!/^[a-z][a-z.-]*$/i.test(name)) return 'the name of a command should stand there';
    this.unknownName = name.toUpperCase();
    return 'only RESTORE, SELECT and PING can be read';
  }

  #setDb(bytes: Buffer, start: number, end: number): string | undefined {
    const db = numberIn(bytes, start, end);
    if (db === -1 || db > MOST_DB) return 'that is no database';
    this.db = db;
    return undefined;
  }

  #addOption(bytes: Buffer, start: number, end: number): string | undefined {
    if (this.#option !== undefined) return this.#setOption(this.#option, numberIn(bytes, start, end));
    if (isWord(bytes, start, end, REPLACE)) return undefined;
    if (isWord(bytes, start, end, ABSTTL)) this.isAbsolute = true;
    else if (isWord(bytes, start, end, IDLETIME)) this.#option = 'idle';
    else if (isWord(bytes, start, end, FREQ)) this.#option = 'frequency';
    else return 'RESTORE has no such option';
    // Servers refuse both, and one of them twice.
    const isSecond = this.#option !== undefined && (this.idle !== -1 || this.frequency !== -1);
    return isSecond ? 'RESTORE takes IDLETIME or FREQ, and once' : undefined;
  }

  #setOption(option: 'idle' | 'frequency', value: number): string | undefined {
    this.#option = undefined;
    if (value === -1 || (option === 'frequency' && value > MOST_FREQUENCY)) return 'that is no number for this option';
    this[option] = value;
    return undefined;
  }
}

function faultOfLength(length: number): string | undefined {
  return length < SHORTEST_PAYLOAD ? 'that is too short for a payload' : undefined;
}

/** Whether the bytes are this word, in upper or lower case. */
function isWord(bytes: Buffer, start: number, end: number, word: Buffer): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) if ((bytes[start + i]! | LOWER_CASE) !== word[i]) return false;
  return true;
}

/** As `numberIn`, up to 2^63 - 1. */
function timeIn(bytes: Buffer, start: number, end: number): Milliseconds {
  if (end - start <= EXACT_DIGITS) return numberIn(bytes, start, end);
  const digits = bytes.toString('latin1', start, Math.min(end, start + MOST_DIGITS + 1));
  if (digits.length > MOST_DIGITS || /\D/.test(digits)) return -1;
  const time = milliseconds(BigInt(digits));
  return time <= LAST ? time : -1;
}

/** An integer of few digits; -1 for anything else. */
function numberIn(bytes: Buffer, start: number, end: number): number {
  if (start === end || end - start > EXACT_DIGITS) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Takes a part of a payload, a view that is valid as long as the chunk. */
export type Keeper = (part: Buffer) => void;

/** A payload that is too large to be held: its place in the stream, and what its first and last bytes tell. */
export class PassingPayload {
  /** Where it begins, in bytes from the start of the stream. */
  readonly start: number;
  readonly length: number;
  readonly #keep: Keeper | undefined;
  readonly #crc = new Crc64();
  readonly #footer = Buffer.alloc(FOOTER_BYTES);
  #typeByte = 0;
  #passed = 0;

  constructor(start: number, length: number, keep: Keeper | undefined) {
    this.start = start;
    this.length = length;
    this.#keep = keep;
  }

  /** Bytes that are still to come. */
  get left(): number {
    return this.length - this.#passed;
  }

  /** Takes the bytes from `start` to `end`. */
  add(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (this.#passed === 0) this.#typeByte = bytes[start]!;
    const footerAt = start + this.length - FOOTER_BYTES - this.#passed;
    const from = Math.max(start, footerAt);
    if (from < end) bytes.copy(this.#footer, from - footerAt, from, end);
    const sumEnd = start + this.length - CHECKSUM_BYTES - this.#passed;
    if (sumEnd > start) this.#crc.update(bytes, start, Math.min(end, sumEnd));
    this.#passed += end - start;
    this.#keep?.(bytes.subarray(start, end));
  }

  get typeByte(): number {
    return this.#typeByte;
  }

  /** The RDB version of the writer. */
  get version(): number {
    return this.#footer.readUInt16LE(0);
  }

  /** Whether its checksum is right. */
  get isIntact(): boolean {
    return this.#crc.isAt(this.#footer, FOOTER_BYTES - CHECKSUM_BYTES);
  }
}
