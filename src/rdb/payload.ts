// A DUMP payload from outside: the type byte in front of the value, the RDB version and the CRC-64 behind it. What lies
// between is decoded elsewhere; the error is for any payload that cannot be read.

import { Bytes } from '../../resp/bytes.ts';
import { RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import { View } from './byte-strings.ts';
import { Crc64 } from './crc64.ts';
import type { ValueType } from './value.ts';

export interface PayloadErrorOptions {
  /** Where in the bytes that were to be decoded, from 0; of what is packed inside a string, where that begins. */
  readonly offset?: number | undefined;
}

/** `code` is `PAYLOAD`; the message names the type of the value and the byte. */
export class PayloadError extends RespError {
  override readonly name = 'PayloadError';
  readonly offset: number | undefined;

  constructor(message: string, { offset }: PayloadErrorOptions = {}) {
    super('PAYLOAD', message);
    this.offset = offset;
  }
}

/** RDB versions from here on are of Valkey. Valkey 8 still had those of Redis. */
export const FIRST_VALKEY_VERSION = 80;

/** RDB versions of Redis from here on may have forms that rump does not know; those of Valkey from 81 on. */
const FIRST_NEWER_VERSION = 13;

export function isOfValkey(version: number): boolean {
  return version >= FIRST_VALKEY_VERSION;
}

/** Whether that RDB version may have forms that rump does not know. */
export function isNewerVersion(version: number): boolean {
  return isOfValkey(version) ? version > FIRST_VALKEY_VERSION : version >= FIRST_NEWER_VERSION;
}

/** What a type byte stands for: names of the source code of Redis, without `RDB_TYPE_`. */
export type Encoding =
  | 'STRING'
  | 'LIST'
  | 'SET'
  | 'ZSET'
  | 'HASH'
  | 'ZSET_2'
  | 'MODULE_PRE_GA'
  | 'MODULE_2'
  | 'HASH_ZIPMAP'
  | 'LIST_ZIPLIST'
  | 'SET_INTSET'
  | 'ZSET_ZIPLIST'
  | 'HASH_ZIPLIST'
  | 'LIST_QUICKLIST'
  | 'STREAM_LISTPACKS'
  | 'HASH_LISTPACK'
  | 'ZSET_LISTPACK'
  | 'LIST_QUICKLIST_2'
  | 'STREAM_LISTPACKS_2'
  | 'SET_LISTPACK'
  | 'STREAM_LISTPACKS_3'
  | 'HASH_METADATA_PRE_GA'
  | 'HASH_LISTPACK_EX_PRE_GA'
  | 'HASH_METADATA'
  | 'HASH_LISTPACK_EX'
  /** Of Valkey 9: fields that expire. */
  | 'HASH_2';

/** Indexed by type byte; common to Redis and Valkey. */
const COMMON: readonly (Encoding | undefined)[] = [
  'STRING',
  'LIST',
  'SET',
  'ZSET',
  'HASH',
  'ZSET_2',
  'MODULE_PRE_GA',
  'MODULE_2',
  undefined,
  'HASH_ZIPMAP',
  'LIST_ZIPLIST',
  'SET_INTSET',
  'ZSET_ZIPLIST',
  'HASH_ZIPLIST',
  'LIST_QUICKLIST',
  'STREAM_LISTPACKS',
  'HASH_LISTPACK',
  'ZSET_LISTPACK',
  'LIST_QUICKLIST_2',
  'STREAM_LISTPACKS_2',
  'SET_LISTPACK',
  'STREAM_LISTPACKS_3',
];
/** Type byte and RDB version: of Redis 2.6, 3.2, 5.0, 7.0 and 7.2, and between them doubles and modules of 4.0. */
const FIRST_TYPE_BYTES: readonly (readonly [typeByte: number, version: number])[] = [
  [0, 6],
  [5, 8],
  [9, 6],
  [14, 7],
  [15, 9],
  [16, 10],
  [20, 11],
];
const OF_REDIS: readonly (Encoding | undefined)[] = [
  ...COMMON,
  'HASH_METADATA_PRE_GA',
  'HASH_LISTPACK_EX_PRE_GA',
  'HASH_METADATA',
  'HASH_LISTPACK_EX',
];
const OF_VALKEY: readonly (Encoding | undefined)[] = [...COMMON, 'HASH_2'];

const EXPIRING: ReadonlySet<Encoding | undefined> = new Set<Encoding>([
  'HASH_METADATA_PRE_GA',
  'HASH_LISTPACK_EX_PRE_GA',
  'HASH_METADATA',
  'HASH_LISTPACK_EX',
  'HASH_2',
]);

/** Every name begins with that of its type. */
const TYPES: ReadonlyMap<Encoding, ValueType> = new Map(
  [...OF_REDIS, ...OF_VALKEY]
    .filter((encoding) => encoding !== undefined)
    .map((encoding) => [encoding, typeInName(encoding)]),
);

/** The highest type byte with the same meaning in Redis and Valkey. */
export const lastCommonTypeByte: number = COMMON.length - 1;

/** By type byte: 1 where the value is a stream, or may be one, as forms that rump does not know may be of any type. */
export const MAY_BE_STREAM = Uint8Array.from({ length: 256 }, (_, typeByte) => {
  const types = typesOfByte(typeByte);
  return types.length === 0 || types.includes('stream') ? 1 : 0;
});

/** By type byte: 1 where the value is of this type, whoever has written it. */
export function typeBytesOf(type: string): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, typeByte) => {
    const types = typesOfByte(typeByte);
    return types.length > 0 && types.every((each) => each === type) ? 1 : 0;
  });
}

/** The type of every value that begins with this byte, whoever has written it; `undefined` where the byte alone does not say. */
export function typeOfByte(typeByte: number): ValueType | undefined {
  const [type, ...others] = typesOfByte(typeByte);
  return others.every((other) => other === type) ? type : undefined;
}

/** What Redis and Valkey mean by it. */
function typesOfByte(typeByte: number): readonly (ValueType | undefined)[] {
  const encodings = [OF_REDIS[typeByte], OF_VALKEY[typeByte]].filter((encoding) => encoding !== undefined);
  return encodings.map((encoding) => TYPES.get(encoding));
}

/** The lowest RDB version that knows the type byte, one that Redis and Valkey have in common. */
export function leastVersionOf(typeByte: number): number {
  const index = FIRST_TYPE_BYTES.findLastIndex(([first]) => first <= typeByte);
  return FIRST_TYPE_BYTES[index]![1];
}

/** @returns undefined for a byte that no known server writes in that RDB version */
export function encodingOf(typeByte: number, version: number): Encoding | undefined {
  return (isOfValkey(version) ? OF_VALKEY : OF_REDIS)[typeByte];
}

/** What messages say about a type byte that rump does not know. */
export function newerForm(typeByte: number, version: number): string {
  return `it was written by a newer server: RDB version ${version}, type ${typeByte}`;
}

/** Whether the value may be a hash whose fields expire. */
export function mayHoldExpiries(payload: Buffer): boolean {
  const typeByte = payload[0]!;
  return typeByte > lastCommonTypeByte && EXPIRING.has(encodingOf(typeByte, versionOf(payload)));
}

/** Of values in the plain encodings, which are as old as their types. */
export const PLAIN_TYPE_BYTES = { string: 0, list: 1, set: 2, hash: 4, zset: 5, module: 7 } as const;

export function typeOfEncoding(encoding: Encoding): ValueType {
  return TYPES.get(encoding)!;
}

function typeInName(encoding: Encoding): ValueType {
  return encoding.split('_', 1)[0]!.toLowerCase() as ValueType;
}

/**
 * From the type byte and the RDB version alone.
 * @returns undefined for a type byte that none of the known servers writes
 * @throws PayloadError for less than a payload has
 */
export function typeOf(payload: Buffer): ValueType | undefined {
  const version = versionOf(payload);
  const encoding = encodingOf(payload[0]!, version);
  return encoding === undefined ? undefined : typeOfEncoding(encoding);
}

/** What messages say about a payload of unknown type. */
export function formOf(payload: Buffer): string {
  return newerForm(payload[0]!, versionOf(payload));
}

const VERSION_BYTES = 2;
export const CHECKSUM_BYTES = 8;
export const FOOTER_BYTES = VERSION_BYTES + CHECKSUM_BYTES;

/** The RDB version, also if the checksum is wrong. */
export function versionOf(payload: Buffer): number {
  demandFooter(payload);
  return payload.readUInt16LE(payload.length - FOOTER_BYTES);
}

/** Type byte and value, a view. */
export function bodyOf(payload: Buffer): Buffer {
  demandFooter(payload);
  return new View(payload.buffer, payload.byteOffset, payload.length - FOOTER_BYTES);
}

/** Whether the checksum is right. */
export function isIntact(payload: Buffer): boolean {
  demandFooter(payload);
  const end = payload.length - CHECKSUM_BYTES;
  return new Crc64().update(payload, 0, end).isAt(payload, end);
}

/** @param subject what is to be read. @throws PayloadError where the checksum is wrong */
export function demandIntact(payload: Buffer, subject: string): void {
  if (isIntact(payload)) return;
  const bytes = countOf(payload.length, 'byte');
  throw new PayloadError(`Cannot decode ${subject}: the checksum is not that of its ${bytes}`, {
    offset: payload.length,
  });
}

/** A payload of type byte and value, which are copied so that the footer can follow them. */
export function withFooter(body: Buffer, version: number): Buffer {
  const payload = Buffer.allocUnsafe(body.length + FOOTER_BYTES);
  body.copy(payload);
  seal(new Bytes(payload), 0, payload.length, version);
  return payload;
}

/**
 * Writes the footer into the last bytes of a payload, which lies from `start` to before `end`.
 * @param crc one that is at hand, where many payloads are made
 * @param value what stands between type byte and footer, where it is summed already
 */
export function seal(
  bytes: Bytes,
  start: number,
  end: number,
  version: number,
  crc = new Crc64(),
  value?: Crc64,
): void {
  const { view } = bytes;
  const footer = end - FOOTER_BYTES;
  const at = end - CHECKSUM_BYTES;
  view.setUint16(footer, version, true);
  crc.reset();
  if (value === undefined) crc.updateFrom(bytes, start, at);
  else {
    const first = start + 1;
    crc
      .updateFrom(bytes, start, first)
      .append(value, footer - first)
      .updateFrom(bytes, footer, at);
  }
  view.setUint32(at, crc.low, true);
  view.setUint32(at + 4, crc.high, true);
}

/** The same value as if that version had written it. The caller knows that this version knows the type byte. */
export function withVersion(payload: Buffer, version: number): Buffer {
  return withFooter(bodyOf(payload), version);
}

function demandFooter(payload: Buffer): void {
  // A value has a type byte at least.
  if (payload.length > FOOTER_BYTES) return;
  throw new PayloadError(`Cannot decode a payload: ${countOf(payload.length, 'byte')} hold no value and footer`, {
    offset: 0,
  });
}
