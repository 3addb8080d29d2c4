// A listpack: total bytes (4) · number of elements (2) · elements, each with its own size behind it · ff.
//
//   0nnnnnnn                  integer, 7 bits, not negative      11110001 + 2, 11110010 + 3,
//   10nnnnnn …                string of up to 63 bytes           11110011 + 4, 11110100 + 8    integers
//   110nnnnn nnnnnnnn         integer, 13 bits                   11110000 + 4                  string
//   1110nnnn nnnnnnnn …       string of up to 4095 bytes
import { countOf, formatCount } from '../../resp/figures.ts';
import type { ByteReader } from './byte-reader.ts';
import { decimal, View } from './byte-strings.ts';
import type { Elements } from './elements.ts';
import type { PayloadError } from './payload-error.ts';

const HEADER_BYTES = 6;
const END = 0xff;
/** With that many elements or more the header does not know. */
const UNCOUNTED = 0xffff;
/** Sizes that servers write in two ways, the highest that two, three and four bytes hold: see `hasNarrowSizes` in payload-for.ts. */
const DISPUTED_SIZES: ReadonlySet<number> = new Set([0x3fff, 0x1f_ffff, 0xfff_ffff]);
/** What a new one has room for. */
const FIRST_BYTES = 1024;
/** Head and size of an element at most. */
const MOST_EXTRA_BYTES = 10;

export class Listpack implements Elements {
  readonly #reader: ByteReader;
  readonly #bytes: Buffer;
  /** The same bytes: a view is made faster of these than by subarray(), and views are most of the work. */
  readonly #memory: ArrayBufferLike;
  readonly #offset: number;
  /** The offset of the end byte. */
  readonly #end: number;
  readonly #count: number;
  #seen = 0;
  #next = HEADER_BYTES;
  /** Of the element, where it starts; of a string, where its content is. */
  #at = HEADER_BYTES;
  #start = 0;
  #stop = 0;
  #integer: number | bigint | undefined;

  /** @param reader the bytes of the listpack and nothing else */
  constructor(reader: ByteReader) {
    this.#reader = reader;
    this.#bytes = reader.bytes;
    this.#memory = reader.bytes.buffer;
    this.#offset = reader.bytes.byteOffset;
    this.#end = this.#bytes.length - 1;
    if (this.#end < HEADER_BYTES) throw reader.fail('a listpack has seven bytes at least');
    if (reader.uint32() !== this.#bytes.length) throw reader.fail('the listpack has another size than it says', 0);
    this.#count = reader.uint16();
    if (this.#bytes[this.#end] !== END) throw reader.fail('the listpack has no end', this.#end);
  }

  next(): boolean {
    const at = this.#next;
    if (at >= this.#end) return this.#finish(at);
    // Checked before the end too: the caller may have made room for so many.
    if (this.#seen === this.#count && this.#count !== UNCOUNTED) throw this.#miscounted(at);
    const bytes = this.#bytes;
    const head = bytes[at]!;
    this.#at = at;
    this.#seen += 1;
    if (head < 0x80) {
      this.#integer = head;
      this.#stop = at + 1;
    } else if (head < 0xc0) this.#string(at + 1, head & 0x3f);
    else if (head < 0xe0) {
      const bits = ((head & 0x1f) << 8) | bytes[at + 1]!;
      this.#integer = bits < 0x1000 ? bits : bits - 0x2000;
      this.#stop = at + 2;
    } else if (head < 0xf0) this.#string(at + 2, ((head & 0x0f) << 8) | bytes[at + 1]!);
    else this.#large(head);
    this.#next = this.#afterSize(at);
    return true;
  }

  bytes(): Buffer {
    if (this.#integer !== undefined) return decimal(this.#integer);
    return new View(this.#memory, this.#offset + this.#start, this.#stop - this.#start);
  }

  integer(): number | bigint | undefined {
    return this.#integer;
  }

  /** Whether the size behind the element is one of those that have two forms, and in the narrow one. */
  get hasNarrowSize(): boolean {
    const size = this.#stop - this.#at;
    return DISPUTED_SIZES.has(size) && this.#bytes[this.#stop] !== 0;
  }

  fail(why: string): PayloadError {
    return this.#reader.fail(why, this.#at);
  }

  #string(start: number, length: number): void {
    this.#integer = undefined;
    this.#start = start;
    this.#stop = start + length;
  }

  #large(head: number): void {
    const bytes = this.#bytes;
    const content = this.#at + 1;
    const length = head === 0xf1 ? 2 : head === 0xf2 ? 3 : head === 0xf4 ? 8 : 4;
    if (head > 0xf4) throw this.fail('no element begins with this byte');
    this.#stop = content + length;
    if (this.#stop > this.#end) throw this.fail('the element does not fit into the listpack');
    if (head === 0xf0) this.#string(content + 4, bytes.readUInt32LE(content));
    else if (length < 8) this.#integer = bytes.readIntLE(content, length);
    else this.#integer = narrow(bytes.readBigInt64LE(content));
  }

  /** Each element is followed by its size, seven bits a byte, the lowest last; all but the first of them are marked. */
  #afterSize(at: number): number {
    const bytes = this.#bytes;
    const stop = this.#stop;
    const size = stop - at;
    if (size < 0x80) {
      // Of an element that is too long this is the end byte or nothing, which is no size either.
      if (bytes[stop] !== size) throw this.fail('the size behind the element is another one');
      return stop + 1;
    }
    const fewest = size <= 0x3fff ? 2 : size <= 0x1f_ffff ? 3 : size <= 0xfff_ffff ? 4 : 5;
    // The highest size that so many bytes hold has one more in the wide form, which is then 0.
    const sizeBytes = bytes[stop] === 0 ? fewest + 1 : fewest;
    if (stop + sizeBytes > this.#end) throw this.fail('the element does not fit into the listpack');
    let told = 0;
    for (let i = 0; i < sizeBytes; i += 1) told = told * 0x80 + (bytes[stop + i]! & 0x7f);
    if (told !== size) throw this.fail('the size behind the element is another one');
    return stop + sizeBytes;
  }

  #finish(at: number): false {
    if (this.#count === UNCOUNTED || this.#count === this.#seen) return false;
    throw this.#miscounted(at);
  }

  #miscounted(at: number): PayloadError {
    const seen = at < this.#end ? this.#seen + 1 : this.#seen;
    return this.#reader.fail(
      `the listpack has ${countOf(seen, 'element')} and not ${formatCount(this.#count)} as it says`,
      at,
    );
  }
}

function narrow(integer: bigint): number | bigint {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

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
