// Elements that are packed in one string: of listpacks, ziplists, zipmaps and intsets, read one at a time.
//
// Listpack: bytes (4) · number of elements (2) · elements, each with its own size behind it · ff.
//
//   0nnnnnnn                  integer, 7 bits, not negative      11110001 + 2, 11110010 + 3,
//   10nnnnnn …                string of up to 63 bytes           11110011 + 4, 11110100 + 8    integers
//   110nnnnn nnnnnnnn         integer, 13 bits                   11110000 + 4                  string
//   1110nnnn nnnnnnnn …       string of up to 4095 bytes
//
// Ziplist, Redis before 7.0: bytes (4) · offset of the last element (4) · number (2) · elements · ff.
// Each element starts with the size of the one before it: one byte, or fe and four. Then
//
//   00nnnnnn …                string of up to 63 bytes           1100 0000 + 2, 1101 0000 + 4,
//   01nnnnnn nnnnnnnn …       string of up to 16383 bytes        1110 0000 + 8, 1111 0000 + 3,
//   10000000 + 4 …            string, its length big-endian      1111 1110 + 1                  integers
//                                                                1111 nnnn                      0 to 12 as 1 to 13
//
// Zipmap, Redis before 2.6: fields (1) · (length · field · length · unused (1) · value · unused bytes) … · ff.
// Intset: bytes of each integer, 2, 4 or 8 (4) · how many (4) · the integers, little-endian, upward.

import { countOf, formatCount } from '../../resp/figures.ts';
import type { ByteReader, ByteSink } from './byte-reader.ts';
import { decimal, View } from './byte-strings.ts';
import { NEVER } from './milliseconds.ts';
import type { PayloadError } from './payload.ts';
import type { HashField } from './value.ts';

/** The last byte of a listpack, a ziplist and a zipmap. */
export const END = 0xff;
/** With that many elements or more the header does not know. */
export const UNCOUNTED = 0xffff;
export const LISTPACK_HEADER_BYTES = 6;
/** Sizes that servers write in two ways, the highest that two, three and four bytes hold: see `hasNarrowSizes` in skip.ts. */
export const DISPUTED_SIZES: ReadonlySet<number> = new Set([0x3fff, 0x1f_ffff, 0xfff_ffff]);
/** Sizes and lengths in ziplists and zipmaps have four bytes of their own from here on. */
const LARGE = 0xfe;
/** With that many fields or more the first byte of a zipmap does not know. */
const UNCOUNTED_FIELDS = 0xfe;
const INTSET_HEADER_BYTES = 8;

interface Form {
  readonly name: string;
  readonly headerBytes: number;
  /** Bytes of an empty one. */
  readonly least: string;
}

const LISTPACK: Form = { name: 'listpack', headerBytes: LISTPACK_HEADER_BYTES, least: 'seven bytes' };
const ZIPLIST: Form = { name: 'ziplist', headerBytes: 10, least: 'eleven bytes' };

/** The elements of a listpack or a ziplist, one after the other. */
export abstract class Elements {
  readonly #form: Form;
  readonly #reader: ByteReader;
  protected readonly packed: Buffer;
  /** The same bytes: a view is made faster of these than by subarray(), and views are most of the work. */
  readonly #memory: ArrayBufferLike;
  readonly #offset: number;
  /** The offset of the end byte. */
  protected readonly end: number;
  readonly #count: number;
  #seen = 0;
  #next: number;
  /** Where the element begins. */
  protected at: number;
  /** Of a string, where its content begins. */
  #start = 0;
  /** Where the content ends. */
  protected stop = 0;
  #integer: number | bigint | undefined;

  /** @param reader the bytes of it and nothing else */
  constructor(reader: ByteReader, form: Form) {
    const { name, headerBytes, least } = form;
    const { bytes } = reader;
    this.#form = form;
    this.#reader = reader;
    this.packed = bytes;
    this.#memory = bytes.buffer;
    this.#offset = bytes.byteOffset;
    this.#next = headerBytes;
    this.at = headerBytes;
    this.end = bytes.length - 1;
    if (this.end < headerBytes) throw reader.fail(`a ${name} has ${least} at least`);
    if (reader.uint32() !== bytes.length) throw reader.fail(`the ${name} has another size than it says`, 0);
    reader.skip(headerBytes - LISTPACK_HEADER_BYTES);
    this.#count = reader.uint16();
    if (bytes[this.end] !== END) throw reader.fail(`the ${name} has no end`, this.end);
  }

  /**
   * Steps to the next element; false behind the last one.
   * @throws PayloadError
   */
  next(): boolean {
    const at = this.#next;
    if (at >= this.end) return this.#finish(at);
    // Checked before the end too: the caller may have made room for so many.
    if (this.#seen === this.#count && this.#count !== UNCOUNTED) throw this.#miscounted(at);
    this.#seen += 1;
    this.#next = this.read(at);
    return true;
  }

  /** The element as a byte string, also if it is an integer. */
  bytes(): Buffer {
    if (this.#integer !== undefined) return decimal(this.#integer);
    return new View(this.#memory, this.#offset + this.#start, this.stop - this.#start);
  }

  /** The same without an object for it, where it can be had so. */
  bytesTo(sink: ByteSink): void {
    if (this.#integer === undefined) sink.bytes(this.packed, this.#start, this.stop);
    else sink.bytes(decimal(this.#integer));
  }

  /** `undefined` if it is a byte string; a bigint only if a number would not be exact. */
  integer(): number | bigint | undefined {
    return this.#integer;
  }

  /** The error to throw about this element. */
  fail(why: string): PayloadError {
    return this.#reader.fail(why, this.at);
  }

  /** Reads the element at `at`. @returns where the next one begins */
  protected abstract read(at: number): number;

  protected takeString(start: number, length: number): void {
    this.#integer = undefined;
    this.#start = start;
    this.stop = start + length;
  }

  /** @param stop where its bytes end */
  protected takeInteger(integer: number, stop: number): void {
    this.#integer = integer;
    this.stop = stop;
  }

  /** Takes an integer of so many bytes, little-endian. */
  protected readInteger(content: number, length: number): void {
    this.stop = content + length;
    this.demandRoom(this.stop);
    this.#integer = length < 8 ? this.packed.readIntLE(content, length) : narrow(this.packed.readBigInt64LE(content));
  }

  /** @throws PayloadError where the element would go beyond the end */
  protected demandRoom(stop: number): void {
    if (stop > this.end) throw this.fail(`the element does not fit into the ${this.#form.name}`);
  }

  #finish(at: number): false {
    if (this.#count === UNCOUNTED || this.#count === this.#seen) return false;
    throw this.#miscounted(at);
  }

  #miscounted(at: number): PayloadError {
    const seen = at < this.end ? this.#seen + 1 : this.#seen;
    const told = formatCount(this.#count);
    return this.#reader.fail(`the ${this.#form.name} has ${countOf(seen, 'element')} and not ${told} as it says`, at);
  }
}

function narrow(integer: bigint): number | bigint {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

export class Listpack extends Elements {
  constructor(reader: ByteReader) {
    super(reader, LISTPACK);
  }

  /** Whether the size behind the element is one of those that have two forms, and in the narrow one. */
  get hasNarrowSize(): boolean {
    const size = this.stop - this.at;
    return DISPUTED_SIZES.has(size) && this.packed[this.stop] !== 0;
  }

  protected override read(at: number): number {
    const bytes = this.packed;
    const head = bytes[at]!;
    this.at = at;
    if (head < 0x80) this.takeInteger(head, at + 1);
    else if (head < 0xc0) this.takeString(at + 1, head & 0x3f);
    else if (head < 0xe0) {
      const bits = ((head & 0x1f) << 8) | bytes[at + 1]!;
      this.takeInteger(bits < 0x1000 ? bits : bits - 0x2000, at + 2);
    } else if (head < 0xf0) this.takeString(at + 2, ((head & 0x0f) << 8) | bytes[at + 1]!);
    else this.#readLarge(head);
    return this.#afterSize(at);
  }

  #readLarge(head: number): void {
    const content = this.at + 1;
    if (head > 0xf4) throw this.fail('no element begins with this byte');
    if (head > 0xf0) return this.readInteger(content, head === 0xf1 ? 2 : head === 0xf2 ? 3 : head === 0xf3 ? 4 : 8);
    this.demandRoom(content + 4);
    this.takeString(content + 4, this.packed.readUInt32LE(content));
  }

  /** Each element is followed by its size, seven bits a byte, the lowest last; all but the first of them are marked. */
  #afterSize(at: number): number {
    const bytes = this.packed;
    const { stop } = this;
    const size = stop - at;
    if (size < 0x80) {
      // Of an element that is too long this is the end byte or nothing, which is no size either.
      if (bytes[stop] !== size) throw this.fail('the size behind the element is another one');
      return stop + 1;
    }
    const fewest = size <= 0x3fff ? 2 : size <= 0x1f_ffff ? 3 : size <= 0xfff_ffff ? 4 : 5;
    // The highest size that so many bytes hold has one more in the wide form, which is then 0.
    const sizeBytes = bytes[stop] === 0 ? fewest + 1 : fewest;
    this.demandRoom(stop + sizeBytes);
    let told = 0;
    for (let i = 0; i < sizeBytes; i += 1) told = told * 0x80 + (bytes[stop + i]! & 0x7f);
    if (told !== size) throw this.fail('the size behind the element is another one');
    return stop + sizeBytes;
  }
}

export class Ziplist extends Elements {
  constructor(reader: ByteReader) {
    super(reader, ZIPLIST);
  }

  protected override read(at: number): number {
    const bytes = this.packed;
    const sizeBefore = at - this.at;
    this.at = at;
    const isLarge = bytes[at] === LARGE;
    const head = at + (isLarge ? 5 : 1);
    this.demandRoom(head + 1);
    const told = isLarge ? bytes.readUInt32LE(at + 1) : bytes[at]!;
    if (told !== sizeBefore) throw this.fail('the size of the element before this one is another one');
    const type = bytes[head]!;
    if (type < 0x40) this.takeString(head + 1, type);
    else if (type < 0x80) this.takeString(head + 2, ((type & 0x3f) << 8) | bytes[head + 1]!);
    else if (type === 0x80) this.takeString(head + 5, head + 5 <= this.end ? bytes.readUInt32BE(head + 1) : 0);
    else if (type > 0xf0 && type < 0xfe) this.takeInteger(type - 0xf1, head + 1);
    else this.readInteger(head + 1, this.#lengthOf(type));
    this.demandRoom(this.stop);
    return this.stop;
  }

  /** Bytes of an integer. */
  #lengthOf(type: number): number {
    switch (type) {
      case 0xfe:
        return 1;
      case 0xc0:
        return 2;
      case 0xf0:
        return 3;
      case 0xd0:
        return 4;
      case 0xe0:
        return 8;
      default:
        throw this.fail('no element begins with this byte');
    }
  }
}

/** Steps to an element that must exist, as the elements form pairs or larger groups. */
export function demandNext(elements: Elements): void {
  if (!elements.next()) throw elements.fail('an element is missing behind the last one');
}

/** Returns the next element, undefined after the last one. Generators would make decoding a tenth slower. */
export type Pull<T> = () => T | undefined;

export function all<T>(next: Pull<T>): T[] {
  const elements: T[] = [];
  for (let element = next(); element !== undefined; element = next()) elements.push(element);
  return elements;
}

export function* each<T>(next: Pull<T>): Generator<T> {
  for (let element = next(); element !== undefined; element = next()) yield element;
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
