// Writes the primitives of an RDB value, and listpacks, into one Buffer that grows: a million elements make no garbage.

import type { Milliseconds } from './milliseconds.ts';
import { DISPUTED_SIZES, END, LISTPACK_HEADER_BYTES, UNCOUNTED } from './packed-forms.ts';

const FIRST_BYTES = 256;
/** Of a listpack. */
const FIRST_LISTPACK_BYTES = 1024;
/** Head and size of an element of a listpack at most. */
const MOST_EXTRA_BYTES = 10;

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

/** A listpack as packed-forms.ts draws it. */
export class ListpackWriter {
  #bytes = Buffer.alloc(FIRST_LISTPACK_BYTES);
  #at = LISTPACK_HEADER_BYTES;
  #count = 0;
  #isDisputed = false;

  /** Whether it holds an element that not every server would read. */
  get isDisputed(): boolean {
    return this.#isDisputed;
  }

  get byteLength(): number {
    return this.#at;
  }

  integer(value: number | bigint): void {
    const start = this.#room(8);
    const bytes = this.#bytes;
    if (value >= 0 && value < 0x80) bytes[this.#at++] = Number(value);
    else if (value >= -0x1000 && value < 0x1000) {
      bytes.writeUInt16BE(0xc000 | (Number(value) & 0x1fff), start);
      this.#at += 2;
    } else {
      bytes[start] = 0xf4;
      bytes.writeBigInt64LE(BigInt(value), start + 1);
      this.#at += 9;
    }
    this.#size(start);
  }

  string(value: Buffer): void {
    const { length } = value;
    const start = this.#room(length);
    const bytes = this.#bytes;
    if (length < 0x40) bytes[this.#at++] = 0x80 | length;
    else if (length < 0x1000) {
      bytes.writeUInt16BE(0xe000 | length, start);
      this.#at += 2;
    } else {
      bytes[start] = 0xf0;
      bytes.writeUInt32LE(length, start + 1);
      this.#at += 5;
    }
    value.copy(bytes, this.#at);
    this.#at += length;
    this.#size(start);
  }

  /** The listpack; nothing may be added to it afterwards. */
  end(): Buffer {
    this.#room(0);
    this.#bytes[this.#at++] = END;
    this.#bytes.writeUInt32LE(this.#at, 0);
    this.#bytes.writeUInt16LE(Math.min(this.#count, UNCOUNTED), 4);
    return this.#bytes.subarray(0, this.#at);
  }

  /** Behind the element: seven bits a byte, the lowest last; all but the first of them are marked. */
  #size(start: number): void {
    const size = this.#at - start;
    if (DISPUTED_SIZES.has(size)) this.#isDisputed = true;
    this.#count += 1;
    let width = 1;
    while (size >= 2 ** (7 * width)) width += 1;
    for (let left = width - 1; left >= 0; left -= 1) {
      const bits = Math.floor(size / 2 ** (7 * left)) & 0x7f;
      this.#bytes[this.#at++] = left === width - 1 ? bits : 0x80 | bits;
    }
  }

  /** @returns where the element goes */
  #room(length: number): number {
    const needed = this.#at + length + MOST_EXTRA_BYTES;
    if (needed > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#at);
      this.#bytes = larger;
    }
    return this.#at;
  }
}
