// Reads the keys of a snapshot file one after the other, and passes over all else. It holds one window of the file.
//
//     header · (opcode what belongs to it | type byte key value) … · EOF · checksum
//
//   SELECTDB holds for all keys behind it; expiry, idle time and frequency for the next one.

import type { Entry } from '../entry.ts';
import type { RandomAccessFile } from '../file/random-access-file.ts';
import type { ValueType } from '../value.ts';
import { DEFAULT_LIMITS } from './chunks.ts';
import { FileReader } from './file-reader.ts';
import { FOOTER_BYTES } from './footer.ts';
import { LeftOut } from './left-out.ts';
import { PayloadSlab } from './payload-slab.ts';
import { readHeader } from './snapshot-header.ts';
import { SnapshotValue } from './snapshot-value.ts';
import { skipValue } from './skip.ts';
import { encodingOf, FIRST_VALKEY_VERSION, typeOfEncoding } from './type-byte.ts';

const SLOT_IMPORT = 243;
const SLOT_INFO = 244;
const FUNCTION_2 = 245;
const FUNCTION_PRE_GA = 246;
const MODULE_AUX = 247;
const IDLE = 248;
const FREQ = 249;
const AUX = 250;
const RESIZE_DB = 251;
const EXPIRE_TIME_MS = 252;
const EXPIRE_TIME = 253;
const SELECT_DB = 254;
const EOF = 255;

const CHECKSUM_BYTES = 8;
/** Redis 2.6. */
const FIRST_SUMMED_VERSION = 5;
const MOST_DB = 2 ** 31 - 1;
/** A server takes no longer bulk string, and Node makes no much longer Buffer. */
const MOST_PAYLOAD = 2 ** 30;
/** Of a payload: the type byte, and what follows the value. */
const OVERHEAD_BYTES = 1 + FOOTER_BYTES;
const NEVER = -1;

export interface SnapshotReaderOptions {
  /** Values of more bytes are not gathered, but for those of modules. */
  readonly bigKey: number;
  /** Bytes. Default 1 GiB. */
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
  readonly #slab: PayloadSlab;
  #isChecked = true;
  #db = 0;
  #typeByte = 0;
  /** Of the value, behind the key. */
  #start = 0;
  #end = 0;

  /** @throws PayloadError where it is no snapshot, or one that rump does not know */
  constructor(file: RandomAccessFile, { bigKey, maxPayload = MOST_PAYLOAD }: SnapshotReaderOptions) {
    this.#file = file;
    this.#reader = new FileReader(file, { sums: true });
    this.#version = readHeader(this.#reader);
    this.#maxPayload = maxPayload;
    this.#bigKey = Math.min(bigKey, maxPayload - OVERHEAD_BYTES);
    this.#slab = new PayloadSlab(this.#version);
  }

  /** Bytes from the start of the file. */
  get at(): number {
    return this.#reader.at;
  }

  /** Whether the file had a checksum, as far as that is known. */
  get isChecked(): boolean {
    return this.#isChecked;
  }

  /** The type of the value. */
  get type(): ValueType {
    return typeOfEncoding(encodingOf(this.#typeByte, this.#version)!);
  }

  /** Bytes of the value. */
  get size(): number {
    return this.#end - this.#start;
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
          if (opcode >= SLOT_IMPORT) this.#leaveOut(opcode);
          else {
            entry.db = this.#db;
            entry.key = this.#pass(opcode);
            return true;
          }
      }
    }
  }

  /** Whether nothing can carry the value. */
  get isTooLarge(): boolean {
    return this.size > this.#maxPayload - OVERHEAD_BYTES && this.type === 'module';
  }

  /** Puts the value of the key that was passed last into `entry`, and a name that keeps no window alive. */
  take(entry: Entry): void {
    const { key } = entry;
    const start = this.#start;
    const name = this.#slab.take(key.length);
    copy(key, name);
    entry.key = name;
    if (this.size > this.#bigKey && this.type !== 'module') {
      const pieceBytes = Math.max(1, Math.min(DEFAULT_LIMITS.bytes, this.#bigKey));
      entry.large = new SnapshotValue(this.#file, start, this.#typeByte, this.#version, pieceBytes);
      return;
    }
    const payload = this.#slab.take(this.size + OVERHEAD_BYTES);
    payload[0] = this.#typeByte;
    this.#reader.copy(start, this.#end, payload, 1);
    this.#slab.seal(payload);
    entry.payload = payload;
  }

  /** Passes key and value. Returns the key. */
  #pass(typeByte: number): Buffer {
    const reader = this.#reader;
    const encoding = encodingOf(typeByte, this.#version);
    if (encoding === undefined) {
      throw reader.fail(`no value of RDB version ${this.#version} has type byte ${typeByte}`, reader.at - 1);
    }
    // Nothing tells where it ends.
    if (encoding === 'MODULE_PRE_GA') {
      throw reader.fail('a module from before Redis 4.0 wrote the value, which only itself can read', reader.at - 1);
    }
    const key = reader.string();
    this.#typeByte = typeByte;
    this.#start = reader.at;
    skipValue(reader, typeByte, this.#version);
    this.#end = reader.at;
    return key;
  }

  #leaveOut(opcode: number): void {
    const reader = this.#reader;
    const start = reader.at - 1;
    switch (opcode) {
      case AUX:
        reader.skipString();
        reader.skipString();
        return;
      case RESIZE_DB:
        reader.length();
        reader.length();
        return;
      case SLOT_INFO:
        for (let left = 3; left > 0; left -= 1) reader.length();
        return;
      case FUNCTION_2:
        return this.leftOut.skipFunctions(reader);
      case MODULE_AUX:
        return this.leftOut.skipModule(reader);
      case FUNCTION_PRE_GA:
        throw reader.fail('functions of a release candidate of Redis 7.0 stand there, which nothing reads', start);
      default:
        // Redis has another use for it, from RDB version 13 on.
        if (this.#version < FIRST_VALKEY_VERSION)
          throw reader.fail(`no snapshot of RDB version ${this.#version} has opcode 243`, start);
        return this.leftOut.skipSlots(reader);
    }
  }

  #select(db: number): void {
    if (db > MOST_DB) throw this.#reader.fail('there is no such database');
    this.#db = db;
  }

  /** @throws PayloadError where the checksum is another one, or something follows it */
  #finish(): void {
    const reader = this.#reader;
    if (this.#version >= FIRST_SUMMED_VERSION) {
      const { low, high } = reader.sum()!;
      const at = reader.at;
      const sum = reader.view(CHECKSUM_BYTES);
      const [isLow, isHigh] = [sum.readUInt32LE(0), sum.readUInt32LE(4)];
      this.#isChecked = isLow !== 0 || isHigh !== 0;
      if (this.#isChecked && (isLow !== low || isHigh !== high)) {
        throw reader.fail('the checksum is not that of the file, which is damaged somewhere', at);
      }
    } else this.#isChecked = false;
    if (reader.left > 0) throw reader.fail(`${reader.left} bytes follow the end of the snapshot`);
  }
}

/** -1 stands for none elsewhere, and all time before 1970 is the same. */
function expiryOf(time: number): number {
  return Math.min(Math.max(0, time), Number.MAX_SAFE_INTEGER);
}

function copy(from: Buffer, to: Buffer): void {
  if (from.length > 64) from.copy(to);
  else for (let i = 0; i < from.length; i += 1) to[i] = from[i]!;
}
