// Payloads of servers that are no more, byte by byte; written from the description of the format, and not from src/rdb.
import { withFooter } from '../../../src/rdb/payload.ts';
import type { ValuePiece } from '../../../src/rdb/value.ts';

/** A byte string, one character a byte. */
export type Text = string;

export function payload(version: number, typeByte: number, ...parts: Buffer[]): Buffer {
  return withFooter(Buffer.concat([Buffer.of(typeByte), ...parts]), version);
}

/** In the shortest form, or in that of so many bits. */
export function length(
  value: number | bigint,
  bits: 6 | 14 | 32 | 64 = value < 64 ? 6 : value < 16_384 ? 14 : 32,
): Buffer {
  const number = Number(value);
  if (bits === 6) return Buffer.of(number);
  if (bits === 14) return Buffer.of(0x40 | (number >> 8), number & 0xff);
  const bytes = Buffer.alloc(bits === 32 ? 5 : 9);
  bytes[0] = bits === 32 ? 0x80 : 0x81;
  if (bits === 32) bytes.writeUInt32BE(number, 1);
  else bytes.writeBigUInt64BE(BigInt(value), 1);
  return bytes;
}

export function string(text: Text | Buffer): Buffer {
  const bytes = bytesOf(text);
  return Buffer.concat([length(bytes.length), bytes]);
}

export function strings(...texts: Text[]): Buffer {
  return Buffer.concat(texts.map(string));
}

/** Compressed: every byte as it is, behind a count for each 32 of them. */
export function compressedString(text: Text): Buffer {
  const bytes = bytesOf(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 32) {
    const piece = bytes.subarray(at, at + 32);
    pieces.push(Buffer.of(piece.length - 1), piece);
  }
  const compressed = Buffer.concat(pieces);
  return Buffer.concat([Buffer.of(0xc3), length(compressed.length), length(bytes.length), compressed]);
}

export function textScore(text: Text): Buffer {
  return Buffer.concat([Buffer.of(text.length), bytesOf(text)]);
}

/** A stream without entries, of which so many are pending with one consumer. */
export function pendingPiece(consumer: Text, pending: number): Extract<ValuePiece, { type: 'stream' }> {
  const [name, id] = [bytesOf(consumer), { ms: BigInt(pending), seq: 0n }];
  const group = {
    name: bytesOf('group'),
    lastId: id,
    entriesRead: undefined,
    pending: Array.from({ length: pending }, (_, i) => ({
      id: { ms: BigInt(i), seq: 1n },
      consumer: name,
      deliveryTime: i,
      deliveryCount: 1,
    })),
    consumers: [{ name, seenTime: 0, activeTime: undefined }],
  };
  const head = { length: 0, lastId: id, maxDeletedId: undefined, entriesAdded: undefined, groups: [group], gone: [] };
  return { type: 'stream', head, entries: [] };
}

export function milliseconds(time: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(time));
  return bytes;
}

export function zipmap(pairs: readonly (readonly [Text, Text])[], unused = 0): Buffer {
  const lengthOf = (text: Text): Buffer => {
    if (text.length < 254) return Buffer.of(text.length);
    const large = Buffer.alloc(5, 254);
    large.writeUInt32LE(text.length, 1);
    return large;
  };
  const parts = pairs.flatMap(([field, value]) => [
    lengthOf(field),
    bytesOf(field),
    lengthOf(value),
    Buffer.of(unused),
    bytesOf(value),
    Buffer.alloc(unused, 0x2e),
  ]);
  return Buffer.concat([Buffer.of(Math.min(pairs.length, 254)), ...parts, Buffer.of(0xff)]);
}

export function intset(width: 2 | 4 | 8, members: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(8 + width * members.length);
  bytes.writeUInt32LE(width, 0);
  bytes.writeUInt32LE(members.length, 4);
  for (const [index, member] of members.entries()) {
    const at = 8 + index * width;
    if (width === 8) bytes.writeBigInt64LE(member, at);
    else bytes.writeIntLE(Number(member), at, width);
  }
  return bytes;
}

/** An element is a text, or an integer: of each the bytes without the size of the one before it. */
export function ziplist(elements: readonly (Text | bigint)[]): Buffer {
  const pieces: Buffer[] = [];
  let before = 0;
  for (const element of elements) {
    const body = typeof element === 'bigint' ? zipInteger(element) : zipString(element);
    const size = before < 254 ? Buffer.of(before) : Buffer.alloc(5, 254);
    if (before >= 254) size.writeUInt32LE(before, 1);
    pieces.push(Buffer.concat([size, body]));
    before = pieces.at(-1)!.length;
  }
  const bytes = Buffer.concat([Buffer.alloc(10), ...pieces, Buffer.of(0xff)]);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(bytes.length - 1 - before, 4);
  bytes.writeUInt16LE(elements.length, 8);
  return bytes;
}

function zipString(text: Text): Buffer {
  const bytes = bytesOf(text);
  if (bytes.length < 64) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  if (bytes.length < 16_384) return Buffer.concat([Buffer.of(0x40 | (bytes.length >> 8), bytes.length & 0xff), bytes]);
  const head = Buffer.alloc(5, 0x80);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function zipInteger(integer: bigint): Buffer {
  if (integer >= 0n && integer <= 12n) return Buffer.of(0xf1 + Number(integer));
  const [type, width] = (
    [
      [0xfe, 1],
      [0xc0, 2],
      [0xf0, 3],
      [0xd0, 4],
      [0xe0, 8],
    ] as const
  ).find(([, width]) => BigInt.asIntN(width * 8, integer) === integer)!;
  const bytes = Buffer.alloc(9, type);
  bytes.writeBigInt64LE(integer, 1);
  return bytes.subarray(0, 1 + width);
}

/** Of a stream before Redis 7.0: entries of one node that share this field. */
export function streamOfField(name: Text, entries: number): Buffer {
  const each = Array.from({ length: entries }, (_, i) => [2, 0, BigInt(i), 'v', 5]);
  const node = listpack([BigInt(entries), 0, 1, name, 0, ...each.flat()]);
  const figures = [length(entries), length(1), length(entries - 1), length(0)];
  return payload(
    9,
    15,
    length(1),
    string(Buffer.from('00000000000000010000000000000000', 'hex')),
    string(node),
    ...figures,
  );
}

/** Of texts of less than 4,096 bytes, and integers from 0 to 127. */
export function listpack(elements: readonly (Text | number | bigint)[]): Buffer {
  const pieces = elements.map((element) => {
    const body = listElement(element);
    const { length } = body;
    return Buffer.concat([body, length < 128 ? Buffer.of(length) : Buffer.of(length >> 7, (length & 0x7f) | 0x80)]);
  });
  const bytes = Buffer.concat([Buffer.alloc(6), ...pieces, Buffer.of(0xff)]);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(elements.length, 4);
  return bytes;
}

function listElement(element: Text | number | bigint): Buffer {
  if (typeof element === 'string') {
    const { length } = element;
    const head = length < 64 ? Buffer.of(0x80 | length) : Buffer.of(0xe0 | (length >> 8), length & 0xff);
    return Buffer.concat([head, bytesOf(element)]);
  }
  if (typeof element === 'number') return Buffer.of(element);
  const bytes = Buffer.alloc(9, 0xf4);
  bytes.writeBigInt64LE(element, 1);
  return bytes;
}

function bytesOf(text: Text | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
}
