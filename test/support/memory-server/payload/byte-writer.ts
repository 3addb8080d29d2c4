// The primitives of an RDB value, written: lengths, strings, doubles.

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The first two bits say how many follow: 6, 14, 32 or 64, the latter two behind a byte of their own. */
  length(value: number | bigint): void {
    if (value < 0x40) this.byte(Number(value));
    else if (value < 0x4000) {
      this.byte(0x40 | (Number(value) >>> 8));
      this.byte(Number(value) & 0xff);
    } else if (value <= 0xffff_ffff) {
      this.byte(0x80);
      this.#reserve(4);
      this.#length = this.#bytes.writeUInt32BE(Number(value), this.#length);
    } else {
      this.byte(0x81);
      this.#reserve(8);
      this.#length = this.#bytes.writeBigUInt64BE(BigInt(value), this.#length);
    }
  }

  /** A text has a character a byte. */
  string(value: Buffer | string): void {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
    this.length(bytes.length);
    this.raw(bytes);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  uint16(value: number): void {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16LE(value, this.#length);
  }

  uint64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeBigUInt64LE(value, this.#length);
  }

  /** All of it so far; the next write may change it. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.written);
    this.#bytes = grown;
  }
}
