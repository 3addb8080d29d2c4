// A value of a snapshot that is too large for a payload: it is read from its place in the file, as often as it is asked for.

import type { LargeValue } from '../entry.ts';
import type { RandomAccessFile } from '../file/random-access-file.ts';
import type { ValuePiece } from '../value.ts';
import type { ChunkLimits } from './chunks.ts';
import { FileReader } from './file-reader.ts';
import { encodingOf, lastCommonTypeByte, typeOfEncoding } from './type-byte.ts';
import { valuePieces } from './value-pieces.ts';

export class SnapshotValue implements LargeValue {
  readonly type: NonNullable<LargeValue['type']>;
  /** Nobody writes into a snapshot: who makes a new one puts it in its place. */
  readonly reading = 'same';
  /** It has each element once. */
  readonly length = Infinity;
  readonly fieldsExpire: boolean;
  readonly #file: RandomAccessFile;
  readonly #start: number;
  readonly #typeByte: number;
  readonly #version: number;
  readonly #limits: ChunkLimits;

  /**
   * @param start where the value begins, in bytes from the start of the file
   * @param typeByte none of a module
   * @param limits of a piece, where nobody asks for other bytes
   */
  constructor(file: RandomAccessFile, start: number, typeByte: number, version: number, limits: ChunkLimits) {
    this.type = typeOfEncoding(encodingOf(typeByte, version)!) as NonNullable<LargeValue['type']>;
    this.fieldsExpire = this.type === 'hash' && typeByte > lastCommonTypeByte;
    this.#file = file;
    this.#start = start;
    this.#typeByte = typeByte;
    this.#version = version;
    this.#limits = limits;
  }

  async *pieces(bytes = this.#limits.bytes): AsyncGenerator<ValuePiece, void, void> {
    const open = (): FileReader => new FileReader(this.#file, { start: this.#start, sums: false });
    yield* valuePieces(open, this.#typeByte, this.#version, { ...this.#limits, bytes });
  }
}
