// The packed forms other than listpacks: ziplists and zipmaps, which old servers wrote, and intsets.
//
// Ziplist, Redis before 7.0: bytes (4) · offset of the last element (4) · number (2) · elements · ff.
// Each element starts with the size of the one before it: one byte, or fe and four. Then
//
//   00nnnnnn …             string of up to 63 bytes          1100 0000 + 2, 1101 0000 + 4,
//   01nnnnnn nnnnnnnn …    string of up to 16383 bytes       1110 0000 + 8, 1111 0000 + 3,
//   10000000 + 4 …         string, its length big-endian     1111 1110 + 1                  integers
//                                                            1111 nnnn                      0 to 12 as 1 to 13
//
// Zipmap, Redis before 2.6: fields (1) · (length · field · length · unused (1) · value · unused bytes) … · ff.
// Intset: bytes of each integer, 2, 4 or 8 (4) · how many (4) · the integers, little-endian, upward.
import { countOf, formatCount } from '../../resp/figures.ts';
import type { ByteReader } from './byte-reader.ts';
import { decimal, View } from './byte-strings.ts';
import type { Elements, Pull } from './elements.ts';
import { NEVER } from './milliseconds.ts';
import type { PayloadError } from './payload-error.ts';
import type { HashField } from './value.ts';

/** The last byte of a ziplist, and of a zipmap. */
const END = 0xff;
/** Sizes and lengths from here on have four bytes of their own. */
const LARGE = 0xfe;
/** With that many elements or more the header of a ziplist does not know. */
const UNCOUNTED = 0xffff;
/** With that many fields or more the first byte of a zipmap does not know. */
const UNCOUNTED_FIELDS = 0xfe;
const ZIPLIST_HEADER_BYTES = 10;
const INTSET_HEADER_BYTES = 8;

export class Ziplist implements Elements {
  readonly #reader: ByteReader;
  readonly #bytes: Buffer;
  /** The same bytes: a view is made faster of these than by subarray(), and views are most of the work. */
  readonly #memory: ArrayBufferLike;
  readonly #offset: number;
  /** The offset of the end byte. */
  readonly #end: number;
  readonly #count: number;
  #seen = 0;
  #next = ZIPLIST_HEADER_BYTES;
  #at = ZIPLIST_HEADER_BYTES;
  #start = 0;
  #stop = 0;
  #integer: number | bigint | undefined;

  /** @param reader the bytes of the ziplist and nothing else */
  constructor(reader: ByteReader) {
    this.#reader = reader;
    this.#bytes = reader.bytes;
    this.#memory = reader.bytes.buffer;
    this.#offset = reader.bytes.byteOffset;
    this.#end = this.#bytes.length - 1;
    if (this.#end < ZIPLIST_HEADER_BYTES) throw reader.fail('a ziplist has eleven bytes at least');
    if (reader.uint32() !== this.#bytes.length) throw reader.fail('the ziplist has another size than it says', 0);
    reader.skip(4);
    this.#count = reader.uint16();
    if (this.#bytes[this.#end] !== END) throw reader.fail('the ziplist has no end', this.#end);
  }

  next(): boolean {
    const at = this.#next;
    if (at >= this.#end) return this.#finish(at);
    // Checked before the end too: the caller may have made room for so many.
    if (this.#seen === this.#count && this.#count !== UNCOUNTED) throw this.#miscounted(at);
    const sizeBefore = at - this.#at;
    this.#at = at;
    this.#seen += 1;
    const bytes = this.#bytes;
    const isLarge = bytes[at] === LARGE;
    const head = at + (isLarge ? 5 : 1);
    if (head >= this.#end) throw this.fail('the element does not fit into the ziplist');
    const told = isLarge ? bytes.readUInt32LE(at + 1) : bytes[at]!;
    if (told !== sizeBefore) throw this.fail('the size of the element before this one is another one');
    const type = bytes[head]!;
    if (type < 0x40) this.#string(head + 1, type);
    else if (type < 0x80) this.#string(head + 2, ((type & 0x3f) << 8) | bytes[head + 1]!);
    else if (type === 0x80) this.#string(head + 5, head + 5 <= this.#end ? bytes.readUInt32BE(head + 1) : 0);
    else this.#readInteger(type, head + 1);
    if (this.#stop > this.#end) throw this.fail('the element does not fit into the ziplist');
    this.#next = this.#stop;
    return true;
  }

  bytes(): Buffer {
    if (this.#integer !== undefined) return decimal(this.#integer);
    return new View(this.#memory, this.#offset + this.#start, this.#stop - this.#start);
  }

  integer(): number | bigint | undefined {
    return this.#integer;
  }

  fail(why: string): PayloadError {
    return this.#reader.fail(why, this.#at);
  }

  #string(start: number, length: number): void {
    this.#integer = undefined;
    this.#start = start;
    this.#stop = start + length;
  }

  #readInteger(type: number, content: number): void {
    if (type > 0xf0 && type < 0xfe) {
      this.#integer = type - 0xf1;
      this.#stop = content;
      return;
    }
    const length =
      type === 0xfe ? 1 : type === 0xc0 ? 2 : type === 0xf0 ? 3 : type === 0xd0 ? 4 : type === 0xe0 ? 8 : 0;
    if (length === 0) throw this.fail('no element begins with this byte');
    this.#stop = content + length;
    if (this.#stop > this.#end) throw this.fail('the element does not fit into the ziplist');
    const bytes = this.#bytes;
    if (length < 8) this.#integer = bytes.readIntLE(content, length);
    else {
      const integer = bytes.readBigInt64LE(content);
      this.#integer = Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
    }
  }

  #finish(at: number): false {
    if (this.#count === UNCOUNTED || this.#count === this.#seen) return false;
    throw this.#miscounted(at);
  }

  #miscounted(at: number): PayloadError {
    const seen = at < this.#end ? this.#seen + 1 : this.#seen;
    return this.#reader.fail(
      `the ziplist has ${countOf(seen, 'element')} and not ${formatCount(this.#count)} as it says`,
      at,
    );
  }
}

/** @param reader the bytes of the zipmap and nothing else */
export function readZipmap(reader: ByteReader): Pull<HashField> {
  const count = reader.byte();
  let found = 0;
  return () => {
    const length = zipmapLength(reader);
    if (length === undefined) {
      if (!reader.isAtEnd) throw reader.fail('bytes follow the end of the zipmap');
      if (count < UNCOUNTED_FIELDS && count !== found) throw reader.fail('the zipmap has another size than it says', 0);
      return undefined;
    }
    if (found === count && count < UNCOUNTED_FIELDS) throw reader.fail('the zipmap has another size than it says', 0);
    const field = reader.view(length);
    const valueLength = zipmapLength(reader);
    if (valueLength === undefined) throw reader.fail('the field has no value');
    const unused = reader.byte();
    const value = reader.view(valueLength);
    reader.skip(unused);
    found += 1;
    return { field, value, expireAt: NEVER };
  };
}

/** @returns undefined at the end */
function zipmapLength(reader: ByteReader): number | undefined {
  const first = reader.byte();
  if (first === END) return undefined;
  return first === LARGE ? reader.uint32() : first;
}

/** @param reader the bytes of the intset and nothing else */
export function readIntset(reader: ByteReader): Pull<Buffer> {
  const width = reader.uint32();
  const count = reader.uint32();
  if (width !== 2 && width !== 4 && width !== 8) throw reader.fail(`integers have no ${formatCount(width)} bytes`, 0);
  if (count * width !== reader.left) throw reader.fail('the intset has another size than it says', 4);
  const { bytes } = reader;
  let next = INTSET_HEADER_BYTES;
  return () => {
    const at = next;
    if (at === bytes.length) return undefined;
    next = at + width;
    return decimal(width === 8 ? bytes.readBigInt64LE(at) : bytes.readIntLE(at, width));
  };
}
