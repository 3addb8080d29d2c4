// What DUMP gives and RESTORE takes: a type byte, the value as a snapshot has it, the RDB version, a checksum.
//
// Of each type the plain encoding that every Redis from 5 on reads; RESTORE reads these and no others.
import { emptyValue, type Value } from '../keyspace/value.ts';
import { ByteReader, FormatError } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { crc64 } from './crc64.ts';
import { readStream, writeStream } from './stream-nodes.ts';

const RDB_VERSION = 10;
const VERSION_BYTES = 2;
const FOOTER_BYTES = VERSION_BYTES + 8;

const TYPE_BYTES = { string: 0, list: 1, set: 2, hash: 4, zset: 5, stream: 15 } as const;

export function encodePayload(value: Value): Buffer {
  const writer = new ByteWriter();
  writer.byte(TYPE_BYTES[value.type]);
  writeValue(writer, value);
  writer.uint16(RDB_VERSION);
  writer.uint64(crc64(writer.written));
  return writer.written;
}

/** Whether the version is one that this server knows, and the checksum that of the bytes before it. */
export function isSoundPayload(payload: Buffer): boolean {
  if (payload.length < FOOTER_BYTES) return false;
  const footer = payload.length - FOOTER_BYTES;
  const checked = payload.subarray(0, footer + VERSION_BYTES);
  return payload.readUInt16LE(footer) <= RDB_VERSION && payload.readBigUInt64LE(checked.length) === crc64(checked);
}

/**
 * @param payload a sound one
 * @throws FormatError
 */
export function decodePayload(payload: Buffer): Value {
  const reader = new ByteReader(payload.subarray(0, -FOOTER_BYTES));
  const value = readValue(reader);
  if (!reader.isAtEnd) throw new FormatError('Bytes follow the value');
  return value;
}

function writeValue(writer: ByteWriter, value: Value): void {
  switch (value.type) {
    case 'string':
      return writer.string(value.bytes);
    case 'list':
      writer.length(value.items.length);
      for (const item of value.items) writer.string(item);
      return;
    case 'set':
      writer.length(value.members.size);
      for (const member of value.members) writer.string(member);
      return;
    case 'hash':
      writer.length(value.fields.size);
      for (const [field, content] of value.fields) {
        writer.string(field);
        writer.string(content);
      }
      return;
    case 'zset':
      writer.length(value.scores.size);
      for (const [member, score] of value.scores) {
        writer.string(member);
        writer.double(score);
      }
      return;
    case 'stream':
      return writeStream(writer, value);
  }
}

function readValue(reader: ByteReader): Value {
  const type = reader.byte();
  switch (type) {
    case TYPE_BYTES.string:
      return { type: 'string', bytes: reader.string() };
    case TYPE_BYTES.stream:
      return readStream(reader);
    case TYPE_BYTES.list:
      return { type: 'list', items: Array.from({ length: elementCount(reader) }, () => reader.string()) };
    case TYPE_BYTES.set: {
      const value = emptyValue('set');
      const count = elementCount(reader);
      for (let i = 0; i < count; i += 1) value.members.add(reader.text());
      demandDistinct(value.members.size, count);
      return value;
    }
    case TYPE_BYTES.hash: {
      const value = emptyValue('hash');
      const count = elementCount(reader);
      for (let i = 0; i < count; i += 1) value.fields.set(reader.text(), reader.string());
      demandDistinct(value.fields.size, count);
      return value;
    }
    case TYPE_BYTES.zset: {
      const value = emptyValue('zset');
      const count = elementCount(reader);
      for (let i = 0; i < count; i += 1) value.scores.set(reader.text(), scoreOf(reader.double()));
      demandDistinct(value.scores.size, count);
      return value;
    }
    default:
      throw new FormatError(`This server reads no values of type ${type}`);
  }
}

/** Redis keeps no empty collections, and takes none. */
function elementCount(reader: ByteReader): number {
  const count = reader.count();
  if (count === 0) throw new FormatError('The value is empty');
  return count;
}

function demandDistinct(found: number, count: number): void {
  if (found !== count) throw new FormatError('A member comes twice');
}

function scoreOf(score: number): number {
  if (Number.isNaN(score)) throw new FormatError('The score is not a number');
  return score;
}
