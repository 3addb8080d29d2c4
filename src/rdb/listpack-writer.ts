// Writes a listpack, as listpack.ts draws it.

const HEADER_BYTES = 6;
const FIRST_BYTES = 1024;
const END = 0xff;
/** With that many elements or more the header does not know. */
const UNCOUNTED = 0xffff;
/** Head and size of an element at most. */
const MOST_EXTRA_BYTES = 10;
/** Sizes that servers write in two ways, and crash on in the other one: see narrow-sizes.ts. */
const DISPUTED_SIZES: ReadonlySet<number> = new Set([0x3fff, 0x1f_ffff, 0xfff_ffff]);

export class ListpackWriter {
  #bytes = Buffer.alloc(FIRST_BYTES);
  #at = HEADER_BYTES;
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
