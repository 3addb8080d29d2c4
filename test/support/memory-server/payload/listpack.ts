// Listpack: a run of strings and integers in one piece of memory, each followed by its own length, to be read backwards.
import { FormatError } from './byte-reader.ts';

/** Strings that are integers come back as integers. */
export type Element = Buffer | bigint;

const HEADER = 6;
const END = 0xff;
/** The count of a listpack with that many elements or more has to be found out by walking. */
const UNCOUNTED = 0xffff;
const CANONICAL_INTEGER = /^(0|-?[1-9]\d{0,18})$/;
/** Length, type byte of an integer that has its own bytes. */
const INTEGERS = [
  [2, 0xf1],
  [3, 0xf2],
  [4, 0xf3],
  [8, 0xf4],
] as const;

export function encodeListpack(elements: readonly Element[]): Buffer {
  const parts: Buffer[] = [Buffer.alloc(HEADER)];
  for (const element of elements) {
    const start = parts.length;
    const integer = typeof element === 'bigint' ? element : integerOf(element);
    if (integer === undefined) parts.push(stringHead((element as Buffer).length), element as Buffer);
    else parts.push(encodeInteger(integer));
    parts.push(backLength(parts.slice(start).reduce((sum, { length }) => sum + length, 0)));
  }
  parts.push(Buffer.of(END));
  const bytes = Buffer.concat(parts);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(Math.min(elements.length, UNCOUNTED), 4);
  return bytes;
}

/** @throws FormatError */
export function decodeListpack(bytes: Buffer): Element[] {
  if (bytes.length <= HEADER || bytes.readUInt32LE(0) !== bytes.length) throw new FormatError('Not a listpack');
  const elements: Element[] = [];
  let at = HEADER;
  // Behind the last byte there is nothing that could be an element.
  while (bytes[at] !== END) {
    const { element, length } = elementAt(bytes, at);
    at += length + backLength(length).length;
    elements.push(element);
  }
  if (at !== bytes.length - 1) throw new FormatError('The listpack does not end where it says');
  return elements;
}

function elementAt(bytes: Buffer, at: number): { readonly element: Element; readonly length: number } {
  const head = bytes[at]!;
  if (head < 0x80) return { element: BigInt(head), length: 1 };
  if (head < 0xc0) return stringAt(bytes, at, 1, head & 0x3f);
  if (head < 0xe0) {
    const bits = BigInt(((head & 0x1f) << 8) | (bytes[at + 1] ?? 0));
    return { element: BigInt.asIntN(13, bits), length: 2 };
  }
  if (head < 0xf0) return stringAt(bytes, at, 2, ((head & 0x0f) << 8) | (bytes[at + 1] ?? 0));
  if (head === 0xf0) return stringAt(bytes, at, 5, at + 5 <= bytes.length ? bytes.readUInt32LE(at + 1) : 0);
  const integer = INTEGERS.find(([, type]) => type === head);
  if (integer === undefined || at + 1 + integer[0] > bytes.length)
    throw new FormatError('Not an element of a listpack');
  const [size] = integer;
  const element = size === 8 ? bytes.readBigInt64LE(at + 1) : BigInt(bytes.readIntLE(at + 1, size));
  return { element, length: 1 + size };
}

function stringAt(bytes: Buffer, at: number, head: number, length: number): { element: Buffer; length: number } {
  return { element: Buffer.from(bytes.subarray(at + head, at + head + length)), length: head + length };
}

function stringHead(length: number): Buffer {
  if (length < 0x40) return Buffer.of(0x80 | length);
  if (length < 0x1000) return Buffer.of(0xe0 | (length >>> 8), length & 0xff);
  const head = Buffer.of(0xf0, 0, 0, 0, 0);
  head.writeUInt32LE(length, 1);
  return head;
}

function encodeInteger(value: bigint): Buffer {
  if (value >= 0n && value < 0x80n) return Buffer.of(Number(value));
  if (value === BigInt.asIntN(13, value)) {
    const bits = Number(BigInt.asUintN(13, value));
    return Buffer.of(0xc0 | (bits >>> 8), bits & 0xff);
  }
  const [size, type] = INTEGERS.find(([size]) => value === BigInt.asIntN(size * 8, value))!;
  const bytes = Buffer.alloc(1 + 8, type);
  bytes.writeBigInt64LE(value, 1);
  return bytes.subarray(0, 1 + size);
}

function integerOf(bytes: Buffer): bigint | undefined {
  if (bytes.length > 20) return undefined;
  const text = bytes.toString('latin1');
  if (!CANONICAL_INTEGER.test(text)) return undefined;
  const value = BigInt(text);
  return value === BigInt.asIntN(64, value) ? value : undefined;
}

/** Seven bits a byte, the highest first; all but the first byte are marked. */
function backLength(length: number): Buffer {
  const bytes = [length & 0x7f];
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) {
    bytes[0]! |= 0x80;
    bytes.unshift(rest & 0x7f);
  }
  return Buffer.from(bytes);
}
