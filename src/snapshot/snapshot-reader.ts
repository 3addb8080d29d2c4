// Reads the keys of a snapshot file one after the other and passes over everything else. It holds one window of the file.
//
//     header · (opcode what belongs to it | type byte key value) … · EOF · checksum
//
//   SELECTDB holds for all keys behind it; expiry, idle time and frequency for the next one.

import { Buffer } from 'node:buffer';
import { BY_REFERENCE, Bytes, NO_BYTES } from '../../resp/bytes.ts';
import { countOf, formatBytes, formatCount } from '../../resp/figures.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import type { RandomAccessFile } from '../file/input-file.ts';
import type { EntryView } from '../flow/entry-view.ts';
import type { ByteReader } from '../rdb/byte-reader.ts';
import { Crc64 } from '../rdb/crc64.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import {
  CHECKSUM_BYTES,
  encodingOf,
  FIRST_VALKEY_VERSION,
  FOOTER_BYTES,
  isNewerVersion,
  isOfValkey,
  PayloadError,
  PLAIN_TYPE_BYTES,
  seal,
  typeOfEncoding,
} from '../rdb/payload.ts';
import { DEFAULT_LIMITS, isEmptyValue, mostUnpacked } from '../rdb/pieces.ts';
import { skipValue } from '../rdb/skip.ts';
import { FileReader, FileValue } from './file-reader.ts';
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

export interface SnapshotReaderOptions {
  /** Values of more bytes are not held whole, except those of modules. */
  readonly bigKey: number;
  /** Bytes. Default `LONGEST_STRING`. */
  readonly maxPayload?: number | undefined;
}

export class SnapshotReader {
  /** What was passed over so far. */
  readonly leftOut = new LeftOut();
  readonly #file: RandomAccessFile;
  readonly #reader: FileReader;
  readonly #version: number;
  readonly #bigKey: number;
  readonly #maxPayload: number;
  /** Of small payloads, one after the other; a large one has memory of its own. */
  readonly #payload = new Bytes(Buffer.allocUnsafeSlow(BY_REFERENCE));
  readonly #crc = new Crc64();
  readonly #foreign: ForeignValues;
  #isChecked = true;
  #db = 0;
  #typeByte = 0;
  #hasMetadata = false;
  /** Of the key. */
  #keyStart = 0;
  /** Of the value, behind the key; the end is -1 if it is not known. */
  #start = 0;
  #end = 0;
  /** The last key that was reported to have members that expire. */
  #expiringKey = 0;

  /** @throws PayloadError if it is not a snapshot, or one that rump does not know */
  constructor(file: RandomAccessFile, { bigKey, maxPayload = LONGEST_STRING }: SnapshotReaderOptions) {
    this.#file = file;
    this.#reader = new FileReader(file, { sums: true });
    // Only names and what stands beside keys are decompressed here, never values.
    this.#reader.mostUnpacked = mostUnpacked(DEFAULT_LIMITS);
    this.#version = readHeader(this.#reader);
    this.#maxPayload = maxPayload;
    this.#bigKey = Math.min(bigKey, maxPayload - OVERHEAD_BYTES);
    this.#foreign = new ForeignValues(this.#version);
  }

  /** Bytes from the start of the file. */
  get at(): number {
    return this.#reader.at;
  }

  /** Whether the file had a checksum, as far as that is known. */
  get isChecked(): boolean {
    return this.#isChecked;
  }

  /** The type of the value, as TYPE says it; undefined if it is not known. */
  get type(): string | undefined {
    const encoding = encodingOf(this.#typeByte, this.#version);
    return encoding === undefined ? this.#foreign.typeOf(this.#typeByte) : typeOfEncoding(encoding);
  }

  /**
   * Reads the next key: `entry` shows all but its value then, up to the next call. False after the last one, if the file is
   * complete.
   * @throws PayloadError
   */
  next(entry: EntryView): boolean {
    const reader = this.#reader;
    entry.expireAt = NEVER;
    entry.idle = -1;
    entry.frequency = -1;
    entry.kind = 'name';
    entry.showPayload(NO_BYTES, 0, 0);
    entry.large = null;
    this.#hasMetadata = false;
    reader.sumSome();
    if (this.#end === -1)
      throw reader.fail(`${this.#form}, and nothing tells where that value ends`, this.#keyStart - 1);
    for (;;) {
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
            this.#passKey(opcode, entry);
            return true;
          }
      }
    }
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
   * Shows the value of the last key in `entry`, up to the next call. False for an empty collection, which is no key for a
   * server.
   */
  take(entry: EntryView): boolean {
    const start = this.#start;
    const size = this.#end - start;
    if (this.#hasMetadata) this.leftOut.add('metadata', () => String(entry.key));
    if (size > this.#bigKey && this.type !== 'module') {
      const [bytes, typeByte, version] = [this.#file, this.#typeByte, this.#version];
      entry.kind = 'large';
      entry.large = new FileValue({ bytes, start, length: size, typeByte, version, isAll: false }, this.#bigKey);
      return true;
    }
    const length = size + OVERHEAD_BYTES;
    const payload = length < BY_REFERENCE ? this.#payload : new Bytes(Buffer.allocUnsafeSlow(length));
    payload.buffer[0] = this.#typeByte;
    this.#reader.copyTo(payload, 1, start, this.#end);
    seal(payload, length, this.#version, this.#crc);
    entry.kind = 'value';
    entry.showPayload(payload, 0, length);
    if (this.#typeByte === PLAIN_TYPE_BYTES.string || !isEmptyValue(payload.buffer.subarray(0, length))) return true;
    this.leftOut.add('empty', () => String(entry.key));
    return false;
  }

  get #form(): string {
    return this.#foreign.formOf(this.#typeByte);
  }

  /** Passes over key and value, if the end of that is known. Shows the key. */
  #passKey(typeByte: number, entry: EntryView): void {
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
    this.#keyStart = reader.at;
    reader.showKey(entry);
    this.#typeByte = typeByte;
    this.#start = reader.at;
    if (encoding !== undefined) skipValue(reader, typeByte, this.#version);
    else if (isForeign) this.#foreign.skip(reader, typeByte);
    this.#end = encoding === undefined && !isForeign ? -1 : reader.at;
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
    const keyName = (): string => String(new FileReader(this.#file, { start: this.#keyStart, sums: false }).string());
    this.leftOut.add('expiries', keyName);
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

const HEADER_BYTES = 9;
/** The highest RDB versions; those of Valkey have three digits. */
const HIGHEST = { REDIS: FIRST_VALKEY_VERSION - 1, VALKEY: 999 } as const;

/** Where whoever wrote the file makes none. */
const NO_CHECKSUM = Buffer.alloc(CHECKSUM_BYTES);
/** Redis 2.6. */
const FIRST_SUMMED_VERSION = 5;
/** The 40 characters at the end of a diskless transfer, and what editors and pipes append to a file. */
const HARMLESS = /^(?:[0-9a-f]{40})?[\s\0]{0,4}$/;
const MOST_HARMLESS = 44;

interface SnapshotEnd {
  /** Whether there was a checksum; it is right then. */
  readonly isChecked: boolean;
  /** Bytes behind the end, which servers ignore. */
  readonly extra: number;
}

/**
 * Files of unknown newer servers are read as well: most of their values have not changed.
 * @throws PayloadError where it is no snapshot
 */
function readHeader(reader: ByteReader): number {
  const head = reader.view(Math.min(HEADER_BYTES, reader.left));
  const [, writer, digits] = /^(REDIS(?=\d{4})|VALKEY(?=\d{3}))(\d+)$/.exec(head.toString('latin1')) ?? [];
  if (writer === undefined) throw reader.fail('it is no snapshot of Redis or Valkey', 0);
  const version = Number(digits);
  const first = writer === 'VALKEY' ? FIRST_VALKEY_VERSION : 1;
  if (version < first || version > HIGHEST[writer as keyof typeof HIGHEST]) {
    throw reader.fail(`${nameOf(writer)} has no RDB version ${version}`, 0);
  }
  return version;
}

function nameOf(writer: string): string {
  return writer === 'VALKEY' ? 'Valkey' : 'Redis';
}

/** @throws PayloadError where the checksum is another one, or something follows that may be data */
function readEnd(reader: FileReader, version: number): SnapshotEnd {
  const isChecked = version >= FIRST_SUMMED_VERSION && readChecksum(reader);
  const { at, left: extra } = reader;
  if (extra === 0) return { isChecked, extra };
  if (extra <= MOST_HARMLESS && HARMLESS.test(reader.view(extra).toString('latin1'))) return { isChecked, extra };
  throw reader.fail(`${countOf(extra, 'byte')} follow the end of the snapshot`, at);
}

function readChecksum(reader: FileReader): boolean {
  const sum = new Crc64().copy(reader.sum()!);
  const { at } = reader;
  const told = reader.view(CHECKSUM_BYTES);
  if (told.equals(NO_CHECKSUM)) return false;
  if (sum.isAt(told, 0)) return true;
  throw reader.fail('the checksum is not that of the file, which is damaged somewhere', at);
}
