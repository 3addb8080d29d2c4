// Reads the bytes of a file window by window, with a checksum of all of them; and large values from their places in it.

import { Buffer } from 'node:buffer';
import { Bytes, NO_BYTES } from '../../resp/bytes.ts';
import { countOf, formatCount } from '../../resp/figures.ts';
import { LONGEST_STRING } from '../../resp/reply.ts';
import type { LargeValue } from '../flow/entry.ts';
import { demandEncoding } from '../rdb/decode.ts';
import { lastCommonTypeByte, PayloadError, typeOfEncoding } from '../rdb/payload.ts';
import { DEFAULT_LIMITS, valuePieces, wholePieces, type ChunkLimits } from '../rdb/pieces.ts';
import type { ValuePiece } from '../rdb/value.ts';
import { SnapshotBytes, type ValuePlace } from './snapshot-bytes.ts';

/** Of one window. */
const WINDOW_BYTES = 256 * 1024;

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
export class FileReader extends SnapshotBytes {
  readonly #file: StoredBytes;

  constructor(file: StoredBytes, { start = 0, sums }: FileReaderOptions) {
    super(file.name, start, sums);
    this.#file = file;
    this.lookAt(NO_BYTES, 0, start);
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

  override copyTo(target: Bytes, at: number, start: number, end: number): void {
    if (start < this.before) this.#file.read(target.buffer, at, end - start, start);
    else super.copyTo(target, at, start, end);
  }

  override get comesOnce(): boolean {
    return false;
  }

  /** A file does not grow. */
  override demandPassed(): void {}

  override demandAll(): void {}

  override laterValue(place: ValuePlace, bigKey: number): FileValue {
    return new FileValue(this.#file, place, bigKey);
  }

  override nameAt(start: number): string {
    return String(new FileReader(this.#file, { start, sums: false }).string());
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
    // Views of the one before stay valid.
    this.lookAt(new Bytes(window), window.length, at);
  }

  protected override pass(length: number): void {
    if (length > this.left) throw this.endsEarly(length);
    const end = this.at + length;
    super.skip(this.before + this.bytes.length - this.at);
    this.sum();
    // No views of this window exist, so its memory can be used again.
    const window = new Bytes(Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, this.left)));
    while (this.at < end) {
      const next = Math.min(window.buffer.length, this.left);
      this.#file.read(window.buffer, 0, next, this.at);
      this.lookAt(window, next, this.at);
      super.skip(Math.min(next, end - this.at));
      if (this.at < end) this.sum();
    }
  }

  protected override endsEarly(length: number): PayloadError {
    return this.fail(`the file is cut off, ${formatCount(this.left)} of ${formatCount(length)} bytes follow`);
  }
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
  readonly #file: StoredBytes;
  readonly #place: ValuePlace;
  readonly #isAll: boolean;
  readonly #limits: ChunkLimits;

  /**
   * @param bigKey bytes that make a value large
   * @param isAll whether the bytes must hold one value and nothing else, which has not been checked yet
   */
  constructor(file: StoredBytes, place: ValuePlace, bigKey: number, isAll = false) {
    const { typeByte, version, length } = place;
    this.type = typeOfEncoding(demandEncoding(typeByte, version)) as NonNullable<LargeValue['type']>;
    this.fieldsExpire = this.type === 'hash' && typeByte > lastCommonTypeByte;
    this.bytes = length;
    this.#file = file;
    this.#place = place;
    this.#isAll = isAll;
    this.#limits = {
      ...DEFAULT_LIMITS,
      bytes: Math.max(1, Math.min(DEFAULT_LIMITS.bytes, bigKey)),
      unpacked: bigKey,
    };
  }

  async *pieces(pieceBytes = this.#limits.bytes): AsyncGenerator<ValuePiece, void, void> {
    const { start, typeByte, version } = this.#place;
    const open = (): FileReader => new FileReader(this.#file, { start, sums: false });
    const limits = { ...this.#limits, bytes: pieceBytes };
    yield* (this.#isAll ? wholePieces : valuePieces)(open, typeByte, version, limits);
  }
}
