// Reads the bytes of a file window by window, with a checksum of all of them; and large values from their places in it.

import { Buffer } from 'node:buffer';
import { Bytes } from '../../resp/bytes.ts';
import { countOf, formatCount } from '../../resp/figures.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import type { EntryView } from '../flow/entry-view.ts';
import type { LargeValue } from '../flow/entry.ts';
import { ByteReader, SPECIAL } from '../rdb/byte-reader.ts';
import { Crc64 } from '../rdb/crc64.ts';
import { demandEncoding } from '../rdb/decode.ts';
import { lastCommonTypeByte, PayloadError, typeOfEncoding } from '../rdb/payload.ts';
import { DEFAULT_LIMITS, valuePieces, wholePieces, type ChunkLimits } from '../rdb/pieces.ts';
import type { ValuePiece } from '../rdb/value.ts';

/** Of one window. */
const WINDOW_BYTES = 256 * 1024;
const WARM_BYTES = 8 * 1024;
const NO_BYTES = Buffer.alloc(0);

/** A file, or the first bytes of one, that can be read at any offset. */
export interface StoredBytes {
  /** Its name in messages. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Whether it was packed, so that offsets are not those of the file of that name. */
  readonly isUnpacked: boolean;
  /** Fills `length` bytes of `into`, from `offset` on, with those from `position` on. */
  read(into: Buffer, offset: number, length: number, position: number): void;
}

export interface FileReaderOptions {
  /** Where it begins to read. Default 0. */
  readonly start?: number;
  /** Whether a checksum is made of what is read. */
  readonly sums: boolean;
}

/** The window moves forward, and what it leaves behind goes into the checksum. */
export class FileReader extends ByteReader {
  readonly #file: StoredBytes;
  readonly #crc: Crc64 | undefined;
  /** The bytes of the window; views of it stay valid when it moves. */
  #window = new Bytes(NO_BYTES);
  /** How far the checksum goes. */
  #summed: number;

  constructor(file: StoredBytes, { start = 0, sums }: FileReaderOptions) {
    super(NO_BYTES, file.name);
    this.#file = file;
    this.#crc = sums ? new Crc64() : undefined;
    this.#summed = start;
    this.look(NO_BYTES, start);
  }

  /** Bytes to the end of the file. */
  override get left(): number {
    return this.#file.size - this.at;
  }

  override fail(why: string, at: number = this.at): PayloadError {
    const { name, isUnpacked } = this.#file;
    const place = isUnpacked ? ' of the unpacked file' : '';
    return new PayloadError(`Cannot read ${name}: ${why}, at byte ${at}${place}`, { offset: at });
  }

  /** The checksum of all bytes from the start to here. */
  sum(): Crc64 | undefined {
    const { at, before } = this;
    const sum = this.#crc?.updateFrom(this.#window, this.#summed - before, at - before);
    this.#summed = at;
    return sum;
  }

  /** Sums what was passed over, where it is enough to be worth it, and still in the processor's cache. */
  sumSome(): void {
    if (this.at - this.#summed >= WARM_BYTES) this.sum();
  }

  /** Shows the next string as the key of an entry: where it lies, or out of memory of its own where it is packed. */
  showKey(view: EntryView): void {
    if (this.peek() >= SPECIAL) {
      const key = this.string();
      view.showKey(new Bytes(key), 0, key.length);
      return;
    }
    const length = this.length();
    const start = this.take(length);
    view.showKey(this.#window, start, start + length);
  }

  /** Copies the bytes of the file from `start` to `end`, which were passed already, to `at`. */
  copyTo(target: Bytes, at: number, start: number, end: number): void {
    const { before } = this;
    if (start < before) this.#file.read(target.buffer, at, end - start, start);
    else this.#window.copyTo(target, at, start - before, end - before);
  }

  protected override look(bytes: Buffer, before: number): void {
    super.look(bytes, before);
    this.#window = new Bytes(bytes);
  }

  protected override more(length: number): void {
    if (length > this.left) throw this.endsEarly(length);
    if (length > LONGEST_STRING) throw this.fail(`${countOf(length, 'byte')} are too many for a string`);
    this.sum();
    const { at, left } = this;
    const rest = this.bytes.subarray(at - this.before);
    const window = Buffer.allocUnsafeSlow(Math.min(Math.max(WINDOW_BYTES, length), left));
    rest.copy(window);
    this.#file.read(window, rest.length, window.length - rest.length, at + rest.length);
    this.look(window, at);
  }

  protected override pass(length: number): void {
    if (length > this.left) throw this.endsEarly(length);
    const end = this.at + length;
    super.skip(this.before + this.bytes.length - this.at);
    this.sum();
    // No views of this window exist, so its memory can be used again.
    const window = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, this.left));
    while (this.at < end) {
      const next = window.subarray(0, this.left);
      this.#file.read(next, 0, next.length, this.at);
      this.look(next, this.at);
      super.skip(Math.min(next.length, end - this.at));
      if (this.at < end) this.sum();
    }
  }

  protected override endsEarly(length: number): PayloadError {
    return this.fail(`the file is cut off, ${formatCount(this.left)} of ${formatCount(length)} bytes follow`);
  }
}

export interface ValuePlace {
  readonly bytes: StoredBytes;
  /** Where the value begins, in bytes from the start of the file: behind its type byte. */
  readonly start: number;
  /** Of the value. */
  readonly length: number;
  /** Not one of a module. */
  readonly typeByte: number;
  /** The RDB version of the writer. */
  readonly version: number;
  /** Whether the bytes must hold one value and nothing else, which has not been checked yet. */
  readonly isAll: boolean;
}

/** A value that is too large for a payload: it is read from its place each time that it is asked for. */
export class FileValue implements LargeValue {
  readonly type: NonNullable<LargeValue['type']>;
  /** Such files are not written in place: a new one replaces them. */
  readonly reading = 'same';
  /** It has each element once. */
  readonly length = Infinity;
  readonly fieldsExpire: boolean;
  readonly bytes: number;
  readonly #place: ValuePlace;
  readonly #limits: ChunkLimits;

  /** @param bigKey bytes that make a value large */
  constructor(place: ValuePlace, bigKey: number) {
    const { typeByte, version, length } = place;
    this.type = typeOfEncoding(demandEncoding(typeByte, version)) as NonNullable<LargeValue['type']>;
    this.fieldsExpire = this.type === 'hash' && typeByte > lastCommonTypeByte;
    this.bytes = length;
    this.#place = place;
    this.#limits = {
      ...DEFAULT_LIMITS,
      bytes: Math.max(1, Math.min(DEFAULT_LIMITS.bytes, bigKey)),
      unpacked: bigKey,
    };
  }

  async *pieces(pieceBytes = this.#limits.bytes): AsyncGenerator<ValuePiece, void, void> {
    const { bytes, start, typeByte, version, isAll } = this.#place;
    const open = (): FileReader => new FileReader(bytes, { start, sums: false });
    const limits = { ...this.#limits, bytes: pieceBytes };
    yield* (isAll ? wholePieces : valuePieces)(open, typeByte, version, limits);
  }
}
