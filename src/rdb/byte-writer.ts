// Writes the primitives of an RDB value into one Buffer that grows: a value of a million elements makes no garbage.
import type { Milliseconds } from './milliseconds.ts';

const FIRST_BYTES = 256;

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /** A view, valid until the next byte is written. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  raw(bytes: Buffer): void {
    const at = this.#grow(bytes.length);
    bytes.copy(this.#bytes, at);
  }

  /** An RDB length, or any number of 64 bits without sign. */
  length(value: number | bigint): void {
    if (value < 0x40) this.byte(Number(value));
    else if (value < 0x4000) {
      const at = this.#grow(2);
      this.#bytes.writeUInt16BE(0x4000 | Number(value), at);
    } else if (value <= 0xffff_ffff) {
      const at = this.#grow(5);
      this.#bytes[at] = 0x80;
      this.#bytes.writeUInt32BE(Number(value), at + 1);
    } else {
      const at = this.#grow(9);
      this.#bytes[at] = 0x81;
      this.#bytes.writeBigUInt64BE(BigInt(value), at + 1);
    }
  }

  string(bytes: Buffer): void {
    this.length(bytes.length);
    this.raw(bytes);
  }

  double(value: number): void {
    const at = this.#grow(8);
    this.#bytes.writeDoubleLE(value, at);
  }

  milliseconds(value: Milliseconds): void {
    const at = this.#grow(8);
    this.#bytes.writeBigInt64LE(BigInt(value), at);
  }

  uint64BigEndian(value: bigint): void {
    const at = this.#grow(8);
    this.#bytes.writeBigUInt64BE(value, at);
  }

  /** @returns where the bytes go */
  #grow(length: number): number {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, start);
      this.#bytes = larger;
    }
    return start;
  }
}
