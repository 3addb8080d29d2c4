// Reads the keys of a snapshot file one after the other and passes over everything else. It holds one window of the file.
//
//     header · (opcode what belongs to it | type byte key value) … · EOF · checksum
//
//   SELECTDB holds for all keys behind it; expiry, idle time and frequency for the next one.

import { Buffer } from 'node:buffer';
import { formatBytes, formatCount } from '../../resp/figures.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import type { RandomAccessFile } from '../file/random-access-file.ts';
import type { Entry } from '../flow/entry.ts';
import { Crc64 } from '../rdb/crc64.ts';
import { FOOTER_BYTES, seal } from '../rdb/footer.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import { PayloadError } from '../rdb/payload-error.ts';
import { DEFAULT_LIMITS, isEmptyValue, mostUnpacked } from '../rdb/pieces.ts';
import { skipValue } from '../rdb/skip.ts';
import { encodingOf, isNewerVersion, isOfValkey, typeOfEncoding } from '../rdb/type-byte.ts';
import { FileReader, FileValue } from './file-reader.ts';
import { ForeignValues } from './foreign-values.ts';
import { ENTERPRISE_NUMBER, ENTERPRISE_SLOT, KEY_METADATA, LeftOut, skipMetadata } from './left-out.ts';
import { readEnd, readHeader } from './snapshot-ends.ts';

/** No value begins with it or a higher one. */
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
/** A view of an entry keeps all of its slab alive. */
const SLAB_BYTES = 128 * 1024;
/** What is larger has memory of its own. */
const MOST_OF_SLAB = SLAB_BYTES / 8;
/** Fewer are copied faster one by one. */
const FEW_BYTES = 64;

export interface SnapshotReaderOptions {
  /** Values of more bytes are not gathered, but for those of modules. */
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
  readonly #slab = new Slab();
  readonly #crc = new Crc64();
  readonly #foreign: ForeignValues;
  #isChecked = true;
  #db = 0;
  #typeByte = 0;
  #hasMetadata = false;
  /** Of the key. */
  #keyStart = 0;
  /** Of the value, behind the key; -1 where nothing tells its end. */
  #start = 0;
  #end = 0;
  /** The key of which it was told last that members expire. */
  #expiringKey = 0;

  /** @throws PayloadError where it is no snapshot, or one that rump does not know */
  constructor(file: RandomAccessFile, { bigKey, maxPayload = LONGEST_STRING }: SnapshotReaderOptions) {
    this.#file = file;
    this.#reader = new FileReader(file, { sums: true });
    // Of values nothing is decompressed here, but names and what stands beside keys.
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

  /** The type of the value, as TYPE has it; undefined where nobody knows. */
  get type(): string | undefined {
    const encoding = encodingOf(this.#typeByte, this.#version);
    return encoding === undefined ? this.#foreign.typeOf(this.#typeByte) : typeOfEncoding(encoding);
  }

  /**
   * Passes the next key: all of it but its value is in `entry` then, the name as a view into the window. False behind the
   * last one, if the file is whole.
   * @throws PayloadError
   */
  next(entry: Entry): boolean {
    const reader = this.#reader;
    entry.expireAt = NEVER;
    entry.idle = -1;
    entry.frequency = -1;
    entry.payload = null;
    entry.large = null;
    this.#hasMetadata = false;
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
            entry.key = this.#passKey(opcode);
            return true;
          }
      }
    }
  }

  /** Why nothing can carry the value, where nothing can. */
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
   * Puts the value of the key that was passed last into `entry`, and a name that keeps no window alive. False for an empty
   * collection, which is no key to a server.
   */
  take(entry: Entry): boolean {
    const { key } = entry;
    const start = this.#start;
    const size = this.#end - start;
    const name = this.#slab.take(key.length);
    copy(key, name);
    entry.key = name;
    if (this.#hasMetadata) this.leftOut.add('metadata', () => String(name));
    if (size > this.#bigKey && this.type !== 'module') {
      const [bytes, typeByte, version] = [this.#file, this.#typeByte, this.#version];
      entry.large = new FileValue({ bytes, start, length: size, typeByte, version, isAll: false }, this.#bigKey);
      return true;
    }
    const payload = this.#slab.take(size + OVERHEAD_BYTES);
    payload[0] = this.#typeByte;
    this.#reader.copy(start, this.#end, payload, 1);
    seal(payload, this.#version, this.#crc);
    entry.payload = payload;
    if (!isEmptyValue(payload)) return true;
    this.leftOut.add('empty', () => String(name));
    return false;
  }

  get #form(): string {
    return this.#foreign.formOf(this.#typeByte);
  }

  /** Passes key and value, as far as it is known where that ends. Returns the key. */
  #passKey(typeByte: number): Buffer {
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
    const key = reader.string();
    this.#typeByte = typeByte;
    this.#start = reader.at;
    if (encoding !== undefined) skipValue(reader, typeByte, this.#version);
    else if (isForeign) this.#foreign.skip(reader, typeByte);
    this.#end = encoding === undefined && !isForeign ? -1 : reader.at;
    return key;
  }

  /** Passes what is no key. */
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

  /** Fields about the file; of KeyDB also, behind a key, a member of it and when that expires. */
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

/** -1 stands for none elsewhere, and all time before 1970 is the same. */
function expiryOf(time: Milliseconds): Milliseconds {
  return time < 0 ? 0 : time;
}

/** Memory for names and payloads: many small ones share one piece of it, and each is whole in it. */
class Slab {
  #bytes: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;

  /** So many bytes, in no state. */
  take(length: number): Buffer {
    if (length > MOST_OF_SLAB) return Buffer.allocUnsafeSlow(length);
    if (length > SLAB_BYTES - this.#used) {
      this.#bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return this.#bytes.subarray(start, this.#used);
  }
}

function copy(from: Buffer, to: Buffer): void {
  if (from.length > FEW_BYTES) from.copy(to);
  else for (let i = 0; i < from.length; i += 1) to[i] = from[i]!;
}
