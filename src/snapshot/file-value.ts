// A value of a file that is too large for a payload: it is read from its place, as often as it is asked for.

import type { LargeValue } from '../flow/entry.ts';
import type { ValuePiece } from '../rdb/value.ts';
import { DEFAULT_LIMITS, type ChunkLimits } from '../rdb/chunks.ts';
import { demandEncoding } from '../rdb/decode.ts';
import { FileReader, type StoredBytes } from './file-reader.ts';
import { lastCommonTypeByte, typeOfEncoding } from '../rdb/type-byte.ts';
import { valuePieces, wholePieces } from '../rdb/value-pieces.ts';

export interface ValuePlace {
  readonly bytes: StoredBytes;
  /** Where the value begins, in bytes from the start of the file: behind its type byte. */
  readonly start: number;
  /** Of the value. */
  readonly length: number;
  /** None of a module. */
  readonly typeByte: number;
  /** The RDB version of who wrote it. */
  readonly version: number;
  /** Whether the bytes end where the value does: nobody has looked yet whether they hold one, and nothing else. */
  readonly isAll: boolean;
}

export class FileValue implements LargeValue {
  readonly type: NonNullable<LargeValue['type']>;
  /** Nobody writes into such a file: who makes a new one puts it in its place. */
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
