// Reads the keys of a snapshot one after the other and passes over everything else, whether it is in a file or comes chunk by
// chunk. It knows no files and no sockets.
//
//     header · (opcode what belongs to it | type byte key value) … · EOF · checksum
//
//   SELECTDB holds for all keys behind it; expiry, idle time and frequency for the next one.

import { Buffer } from 'node:buffer';
import { BY_REFERENCE, Bytes, NO_BYTES } from '../../resp/bytes.ts';
import { formatBytes, formatCount } from '../../resp/figures.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { Crc64 } from '../rdb/crc64.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import {
  encodingOf,
  FOOTER_BYTES,
  isNewerVersion,
  isOfValkey,
  PayloadError,
  PLAIN_TYPE_BYTES,
  seal,
  typeOfEncoding,
} from '../rdb/payload.ts';
import { DEFAULT_LIMITS, isEmptyValue, mostUnpacked } from '../rdb/pieces.ts';
import { isString, layoutOf, Skipper } from '../rdb/skip.ts';
import { STARVED, type SnapshotBytes } from './snapshot-bytes.ts';
import { readEnd, readHeader } from './snapshot-ends.ts';
import { ENTERPRISE_NUMBER, ENTERPRISE_SLOT, ForeignValues, KEY_METADATA, LeftOut, skipMetadata } from './left-out.ts';

/** Bytes from here on are not type bytes. */
const FIRST_OPCODE = 242;
/** Redis 8.10 puts the templates of hashes there, Valkey 9.2 what was written while it saved. */
const TEMPLATE = 242;
const IDLE = 248;
const FREQ = 249;
const AUX = 250;
const EXPIRE_TIME_MS = 252;
const EXPIRE_TIME = 253;
const SELECT_DB = 254;
const EOF = 255;

const MEMBER_EXPIRY = 'keydb-subexpire-key';
const MOST_DB = 2 ** 31 - 1;
/** Of a payload: the type byte, and what follows the value. */
const OVERHEAD_BYTES = 1 + FOOTER_BYTES;

/** Bytes of a value, from which on it is summed once for the snapshot and for its payload. */
const LEAST_SHARED = 512;

export interface SnapshotReaderOptions {
  /** Values of more bytes are not held whole, except those of modules where the bytes can be read again. */
  readonly bigKey: number;
  /** Bytes. Default `LONGEST_STRING`. */
  readonly maxPayload?: number | undefined;
}

/** Memory for payloads, one behind the other. */
export interface Payloads {
  readonly bytes: Bytes;
  /** Where there is room for one of so many bytes, fewer than `BY_REFERENCE`. */
  reserve(length: number): number;
}

/** A key; the end of the snapshot; or the bytes of what comes next are not all there. */
export type Found = 'key' | 'end' | 'starved';

export class SnapshotReader {
  /** What was passed over so far. */
  readonly leftOut = new LeftOut();
  readonly #reader: SnapshotBytes;
  readonly #skipper = new Skipper();
  readonly #bigKey: number;
  readonly #maxPayload: number;
  readonly #crc = new Crc64();
  readonly #valueSum = new Crc64();
  /** `next`: a key is read, and another one comes; `item`: what stands before its value. */
  #state: 'header' | 'next' | 'item' | 'value' = 'header';
  /** Of what stands before the value. */
  #itemStart = 0;
  #version = 0;
  #foreign = new ForeignValues(0);
  #isChecked = true;
  #db = 0;
  #typeByte = 0;
  #hasMetadata = false;
  /** Whether the last key was begun with its bytes not all there: it lies elsewhere by now. */
  #hasMoved = false;
  #isPassedOver = false;
  /** Whether the value is written as one string: most are. */
  #isString = false;
  /** Of the key. */
  #keyStart = 0;
  /** Of the value, behind the key; the end is -1 if it is not known. */
  #start = 0;
  #end = 0;
  /** The last key that was reported to have members that expire. */
  #expiringKey = 0;

  constructor(reader: SnapshotBytes, { bigKey, maxPayload = LONGEST_STRING }: SnapshotReaderOptions) {
    this.#reader = reader;
    // Only names and what stands beside keys are decompressed here, never values.
    reader.mostUnpacked = mostUnpacked(DEFAULT_LIMITS);
    this.#maxPayload = maxPayload;
    this.#bigKey = Math.min(bigKey, maxPayload - OVERHEAD_BYTES);
  }

  /** Bytes from the start. */
  get at(): number {
    return this.#reader.at;
  }

  /** Whether it had a checksum, as far as that is known. */
  get isChecked(): boolean {
    return this.#isChecked;
  }

  /** The type of the value, as TYPE says it; undefined if it is not known. */
  get type(): string | undefined {
    const encoding = encodingOf(this.#typeByte, this.#version);
    return encoding === undefined ? this.#foreign.typeOf(this.#typeByte) : typeOfEncoding(encoding);
  }

  /**
   * Reads the next key: `entry` shows all but its value then, up to the next call. `end` comes after the last one, if all is
   * complete; after `starved` it has to be called with the same entry, which is untouched.
   * @throws PayloadError, also if it is not a snapshot, or one that rump does not know
   */
  next(entry: EntryView): Found {
    try {
      if (this.#state === 'header') this.#readHeader();
      if (this.#state === 'next') this.#begin(entry);
      if (this.#state === 'item' && !this.#readItems(entry)) return 'end';
      this.#passValue(entry);
      return 'key';
    } catch (error) {
      if (error !== STARVED) throw error;
    }
    const reader = this.#reader;
    if (this.#state !== 'value') {
      reader.moveTo(this.#itemStart);
      return 'starved';
    }
    const { at } = reader;
    reader.moveTo(this.#isString ? this.#start : this.#skipper.at);
    this.#hasMoved = true;
    if (this.#isPassedOver || at - this.#start <= this.#bigKey) return 'starved';
    this.#passOver(entry);
    return this.next(entry);
  }

  #readHeader(): void {
    this.#version = readHeader(this.#reader);
    this.#foreign = new ForeignValues(this.#version);
    this.#reader.keep = this.#reader.at;
    this.#state = 'next';
  }

  #begin(entry: EntryView): void {
    const reader = this.#reader;
    reader.sumSome();
    if (this.#end === -1) {
      throw reader.fail(`${this.#form}, and nothing tells where that value ends`, this.#keyStart - 1);
    }
    entry.expireAt = NEVER;
    entry.idle = -1;
    entry.frequency = -1;
    entry.kind = 'name';
    entry.showPayload(NO_BYTES, 0, 0);
    entry.large = null;
    this.#hasMetadata = false;
    this.#itemStart = reader.at;
    this.#state = 'item';
  }

  /** Reads up to the next value, and begins with that. False where there is none. */
  #readItems(entry: EntryView): boolean {
    for (;;) {
      const reader = this.#reader;
      const opcode = reader.byte();
      switch (opcode) {
        case EXPIRE_TIME_MS:
          entry.expireAt = expiryOf(reader.milliseconds());
          break;
        case EXPIRE_TIME:
          entry.expireAt = expiryOf(reader.int32() * 1000);
          break;
        case IDLE:
          entry.idle = reader.length();
          break;
        case FREQ:
          entry.frequency = reader.byte();
          break;
        case SELECT_DB:
          this.#select(reader.length());
          break;
        case EOF:
          this.#finish();
          return false;
        default:
          if (opcode >= FIRST_OPCODE || opcode === ENTERPRISE_NUMBER || opcode === ENTERPRISE_SLOT) this.#pass(opcode);
          else {
            entry.db = this.#db;
            this.#beginValue(opcode, entry);
            return true;
          }
      }
      this.#itemStart = reader.at;
      // What KeyDB puts behind a key is about that key.
      if (opcode !== AUX) reader.keep = reader.at;
    }
  }

  /** Whether the value was not held, or cannot be carried as it is: who wants it has to read it elsewhere. Never for files. */
  get isPassedOver(): boolean {
    return this.#isPassedOver;
  }

  /** Why the value cannot be copied, if it cannot. */
  get refusal(): PayloadError | undefined {
    if (encodingOf(this.#typeByte, this.#version) === undefined) {
      return new PayloadError(`Cannot read the value: ${this.#form}`);
    }
    const size = this.#end - this.#start;
    if (size <= this.#maxPayload - OVERHEAD_BYTES || this.type !== 'module') return undefined;
    return new PayloadError(
      `Cannot read a value of ${formatBytes(size)}: it is one of a module, and can only be carried as a whole`,
    );
  }

  /**
   * Shows the value of the last key in `entry`, up to the next call; its payload is in `payloads`, or in memory of its own. False
   * for an empty collection, which is no key for a server.
   */
  take(entry: EntryView, payloads: Payloads): boolean {
    const start = this.#start;
    const size = this.#end - start;
    const typeByte = this.#typeByte;
    if (this.#hasMetadata) this.leftOut.add('metadata', () => String(entry.key));
    if (size > this.#bigKey && this.type !== 'module') {
      entry.kind = 'large';
      entry.large = this.#reader.laterValue({ start, length: size, typeByte, version: this.#version }, this.#bigKey);
      return true;
    }
    const length = size + OVERHEAD_BYTES;
    const isSmall = length < BY_REFERENCE;
    const at = isSmall ? payloads.reserve(length) : 0;
    const bytes = isSmall ? payloads.bytes : new Bytes(Buffer.allocUnsafeSlow(length));
    bytes.buffer[at] = typeByte;
    this.#reader.copyTo(bytes, at + 1, start, this.#end);
    seal(bytes, at, at + length, this.#version, this.#crc, this.#sumOnce(bytes, at + 1, size));
    entry.kind = 'value';
    entry.showPayload(bytes, at, at + length);
    if (typeByte === PLAIN_TYPE_BYTES.string || !isEmptyValue(bytes.buffer, at, at + length)) return true;
    this.leftOut.add('empty', () => String(entry.key));
    return false;
  }

  /** Of a value that was copied to `at`, for both checksums, where it is large enough. */
  #sumOnce(bytes: Bytes, at: number, size: number): Crc64 | undefined {
    if (size < LEAST_SHARED) return undefined;
    const sum = this.#valueSum.reset().updateFrom(bytes, at, at + size);
    this.#reader.sumValue(this.#start, this.#end, sum);
    return sum;
  }

  get #form(): string {
    return this.#foreign.formOf(this.#typeByte);
  }

  /** Shows the key, and begins to pass over the value, if it is known where that ends. */
  #beginValue(typeByte: number, entry: EntryView): void {
    const reader = this.#reader;
    const encoding = encodingOf(typeByte, this.#version);
    const isForeign = encoding === undefined && this.#foreign.typeOf(typeByte) !== undefined;
    if (encoding === undefined && !isForeign && !isNewerVersion(this.#version)) {
      throw reader.fail(`no value of RDB version ${this.#version} has type byte ${typeByte}`, reader.at - 1);
    }
    // Nothing tells where it ends.
    if (encoding === 'MODULE_PRE_GA') {
      throw reader.fail('a module from before Redis 4.0 wrote the value, which only itself can read', reader.at - 1);
    }
    const keyStart = reader.at;
    reader.showKey(entry);
    reader.keep = keyStart;
    this.#keyStart = keyStart;
    this.#typeByte = typeByte;
    this.#start = reader.at;
    this.#end = encoding === undefined && !isForeign ? -1 : 0;
    this.#isPassedOver = false;
    this.#hasMoved = false;
    this.#state = 'value';
    if (this.#end === -1) return;
    const layout = isForeign ? this.#foreign.layoutOf(typeByte) : layoutOf(typeByte, this.#version);
    this.#isString = isString(layout);
    if (!this.#isString) this.#skipper.begin(layout);
  }

  #passValue(entry: EntryView): void {
    const reader = this.#reader;
    if (this.#end === 0) {
      if (this.#isString) reader.skipString();
      else this.#skipper.run(reader);
      if (!this.#isPassedOver) reader.demandPassed();
      this.#end = reader.at;
    }
    if (this.#hasMoved && !this.#isPassedOver) this.#showKeyAgain(entry);
    this.#state = 'next';
    if (!reader.comesOnce) return;
    const isCarried = encodingOf(this.#typeByte, this.#version) !== undefined && !this.#hasMetadata;
    this.#isPassedOver ||= !isCarried || this.#end - this.#start > this.#bigKey;
  }

  #showKeyAgain(entry: EntryView): void {
    const reader = this.#reader;
    const { at } = reader;
    reader.moveTo(this.#keyStart);
    reader.showKey(entry);
    reader.moveTo(at);
  }

  /** The value is too large to be held. */
  #passOver(entry: EntryView): void {
    this.#showKeyAgain(entry);
    const key = entry.keyIn.slice(entry.keyAt, entry.keyEnd);
    entry.showKey(new Bytes(key), 0, key.length);
    this.#isPassedOver = true;
    this.#reader.keep = Infinity;
  }

  /** Passes over what is not a key. */
  #pass(opcode: number): void {
    if (opcode === AUX) return this.#passAux();
    const reader = this.#reader;
    const start = reader.at - 1;
    if (this.leftOut.pass(reader, opcode, this.#version)) return;
    const isNewer = isNewerVersion(this.#version);
    if (isNewer && !isOfValkey(this.#version)) {
      if (opcode === TEMPLATE) return this.#foreign.addTemplate(reader);
      if (opcode === KEY_METADATA) {
        this.#hasMetadata = true;
        return skipMetadata(reader);
      }
    }
    if (isNewer) throw reader.fail(`a newer server wrote it: RDB version ${this.#version}, opcode ${opcode}`, start);
    throw reader.fail(`no snapshot of RDB version ${this.#version} has opcode ${opcode}`, start);
  }

  /** A field about the file. KeyDB also writes a member of the key before, and when that expires. */
  #passAux(): void {
    const reader = this.#reader;
    const isOther = reader.peekStringLength() !== MEMBER_EXPIRY.length;
    const name = isOther ? reader.skipString() : String(reader.string());
    reader.skipString();
    if (name !== MEMBER_EXPIRY || this.#expiringKey === this.#keyStart) return;
    this.#expiringKey = this.#keyStart;
    this.leftOut.add('expiries', () => reader.nameAt(this.#keyStart));
  }

  #select(db: number): void {
    if (db > MOST_DB) throw this.#reader.fail('there is no such database');
    this.#db = db;
  }

  #finish(): void {
    const { isChecked, extra } = readEnd(this.#reader, this.#version);
    this.#isChecked = isChecked;
    if (extra > 0) this.leftOut.add('mark', () => formatCount(extra));
  }
}

/** Negative times would mean no expiry, and all of them are past. */
function expiryOf(time: Milliseconds): Milliseconds {
  return time < 0 ? 0 : time;
}
