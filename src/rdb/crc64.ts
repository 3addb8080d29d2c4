// CRC-64 of Redis ("Jones"): polynomial ad93d23594c935a9 reflected, starts at 0, no last inversion.
//
// Eight tables, eight bytes a step: table k holds what a byte does to the checksum when k more bytes follow it. The
// 64 bits are two numbers of 32, since a BigInt a byte would be a hundred times slower.

import type { Bytes } from '../../resp/bytes.ts';

/** The polynomial with its bits reversed. */
const POLYNOMIAL_HIGH = 0x95ac9329;
const POLYNOMIAL_LOW = 0xac4bc9b5;
const SLICES = 8;
/** Of a checksum. */
const BYTES = 8;
/** For fewer bytes a view of them costs more than it saves. */
const LEAST_VIEWED = 64;
const PIECE_BYTES = 1024;

const ONE_ZERO = new Uint8Array(1);

/**
 * By power: what 2^power zeros make of a checksum, for each value of each of its bytes, the lower 32 bits first. The checksum is
 * linear: what they make of the whole is that of its bytes, added up. Made when they are needed.
 */
const zeros: Int32Array[] = [];

/** Table k begins at `k * 256`. */
const lows = new Int32Array(SLICES * 256);
const highs = new Int32Array(SLICES * 256);
fillTables();

export class Crc64 {
  #low = 0;
  #high = 0;

  /** The lower 32 bits, unsigned. */
  get low(): number {
    return this.#low >>> 0;
  }

  /** The upper 32 bits, unsigned. */
  get high(): number {
    return this.#high >>> 0;
  }

  /** Whether its eight bytes stand there, as servers write them: the lowest first. */
  isAt(bytes: Buffer, at: number): boolean {
    return bytes.readUInt32LE(at) === this.low && bytes.readUInt32LE(at + 4) === this.high;
  }

  get value(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** Begins anew. */
  reset(): this {
    this.#low = 0;
    this.#high = 0;
    return this;
  }

  /** Goes on from where the other one is. */
  copy(other: Crc64): this {
    this.#low = other.#low;
    this.#high = other.#high;
    return this;
  }

  /** Goes on as if it had taken the bytes that `other` has taken, so many. It costs as much as some 60 bytes, however many they are. */
  append(other: Crc64, bytes: number): this {
    let left = bytes;
    for (let power = 0; left > 0; power += 1, left = Math.floor(left / 2)) if (left % 2 === 1) this.#takeZeros(power);
    this.#low ^= other.#low;
    this.#high ^= other.#high;
    return this;
  }

  /** Takes 2^power of them. */
  #takeZeros(power: number): void {
    while (zeros.length <= power) zeros.push(Crc64.#nextZeros());
    const table = zeros[power]!;
    let low = 0;
    let high = 0;
    for (let byte = 0; byte < BYTES; byte += 1) {
      const half = byte < BYTES / 2 ? this.#low : this.#high;
      const at = 2 * ((byte << 8) | ((half >>> (8 * (byte & 3))) & 0xff));
      low ^= table[at]!;
      high ^= table[at + 1]!;
    }
    this.#low = low;
    this.#high = high;
  }

  static #nextZeros(): Int32Array {
    const power = zeros.length;
    const table = new Int32Array(2 * BYTES * 256);
    const crc = new Crc64();
    for (let bit = 0; bit < 8 * BYTES; bit += 1) {
      crc.#low = bit < 32 ? 1 << bit : 0;
      crc.#high = bit < 32 ? 0 : 1 << (bit - 32);
      if (power === 0) crc.#updateFew(ONE_ZERO, 0, 1);
      else for (let half = 0; half < 2; half += 1) crc.#takeZeros(power - 1);
      for (let value = 0; value < 256; value += 1) {
        if ((value & (1 << (bit & 7))) === 0) continue;
        const at = 2 * (((bit >>> 3) << 8) | value);
        table[at]! ^= crc.#low;
        table[at + 1]! ^= crc.#high;
      }
    }
    return table;
  }

  /** Takes the bytes from `start` to `end`. */
  update(bytes: Uint8Array, start = 0, end = bytes.length): this {
    if (end - start < LEAST_VIEWED) return this.#updateFew(bytes, start, end);
    return this.#update(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), start, end);
  }

  /** The same out of a piece of memory, which has its view already. */
  updateFrom({ view }: Bytes, start: number, end: number): this {
    return this.#update(view, start, end);
  }

  /** Piece by piece: V8 compiles a long loop while it runs, and throws that away where it ends, each time. */
  #update(view: DataView, start: number, end: number): this {
    for (let at = start; at < end; at += PIECE_BYTES) this.#updatePiece(view, at, Math.min(end, at + PIECE_BYTES));
    return this;
  }

  /** Two words a step. */
  #updatePiece(view: DataView, start: number, end: number): void {
    // Locals, since the tables of the bundle are variables, which would be looked up for each byte.
    const lowOf = lows;
    const highOf = highs;
    let low = this.#low;
    let high = this.#high;
    let at = start;
    for (const last = end - (SLICES - 1); at < last; at += SLICES) {
      low ^= view.getInt32(at, true);
      high ^= view.getInt32(at + 4, true);
      const a = 0x700 | (low & 0xff);
      const b = 0x600 | ((low >>> 8) & 0xff);
      const c = 0x500 | ((low >>> 16) & 0xff);
      const d = 0x400 | (low >>> 24);
      const e = 0x300 | (high & 0xff);
      const f = 0x200 | ((high >>> 8) & 0xff);
      const g = 0x100 | ((high >>> 16) & 0xff);
      const h = high >>> 24;
      low = lowOf[a]! ^ lowOf[b]! ^ lowOf[c]! ^ lowOf[d]! ^ lowOf[e]! ^ lowOf[f]! ^ lowOf[g]! ^ lowOf[h]!;
      high = highOf[a]! ^ highOf[b]! ^ highOf[c]! ^ highOf[d]! ^ highOf[e]! ^ highOf[f]! ^ highOf[g]! ^ highOf[h]!;
    }
    for (; at < end; at += 1) {
      const index = (low ^ view.getUint8(at)) & 0xff;
      low = (low >>> 8) ^ (high << 24) ^ lowOf[index]!;
      high = (high >>> 8) ^ highOf[index]!;
    }
    this.#low = low;
    this.#high = high;
  }

  #updateFew(bytes: Uint8Array, start: number, end: number): this {
    const lowOf = lows;
    const highOf = highs;
    let low = this.#low;
    let high = this.#high;
    for (let at = start; at < end; at += 1) {
      const index = (low ^ bytes[at]!) & 0xff;
      low = (low >>> 8) ^ (high << 24) ^ lowOf[index]!;
      high = (high >>> 8) ^ highOf[index]!;
    }
    this.#low = low;
    this.#high = high;
    return this;
  }
}

function fillTables(): void {
  for (let byte = 0; byte < 256; byte += 1) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit += 1) {
      const carry = (low & 1) !== 0;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (!carry) continue;
      low ^= POLYNOMIAL_LOW;
      high ^= POLYNOMIAL_HIGH;
    }
    lows[byte] = low;
    highs[byte] = high;
  }
  for (let index = 256; index < SLICES * 256; index += 1) {
    const low = lows[index - 256]!;
    const high = highs[index - 256]!;
    lows[index] = (low >>> 8) ^ (high << 24) ^ lows[low & 0xff]!;
    highs[index] = (high >>> 8) ^ highs[low & 0xff]!;
  }
}
