// The primitives of an RDB value, read; integer and compressed strings are not among them.

/** Bytes that this server cannot read. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.raw(1)[0]!;
  }

  /** A view. */
  raw(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new FormatError('The value is cut short');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  length(): bigint {
    const first = this.byte();
    if (first < 0x40) return BigInt(first);
    if (first < 0x80) return BigInt(((first & 0x3f) << 8) | this.byte());
    if (first === 0x80) return BigInt(this.raw(4).readUInt32BE());
    if (first === 0x81) return this.raw(8).readBigUInt64BE();
    throw new FormatError('The length is of an unknown kind');
  }

  /** A length that is no more than the bytes that are left, as that of anything which is here must be. */
  count(): number {
    const count = this.length();
    if (count > BigInt(this.#bytes.length - this.#at)) throw new FormatError('The value is cut short');
    return Number(count);
  }

  /** A copy, as it outlives the request. */
  string(): Buffer {
    return Buffer.from(this.raw(this.count()));
  }

  /** A character a byte. */
  text(): string {
    return this.raw(this.count()).toString('latin1');
  }

  double(): number {
    return this.raw(8).readDoubleLE();
  }
}
