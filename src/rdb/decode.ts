// Decodes DUMP payloads of every encoding into plain values (value.ts).
import { countOf } from '../../resp/figures.ts';
import { ByteReader } from './byte-reader.ts';
import { hashFields, listItems, setMembers, zsetEntries } from './decode-collections.ts';
import { decodeStream } from './decode-stream.ts';
import { all } from './elements.ts';
import { bodyOf, isIntact, versionOf } from './footer.ts';
import { decodeModule } from './modules.ts';
import { PayloadError } from './payload-error.ts';
import { encodingOf, typeOfEncoding, type Encoding } from './type-byte.ts';
import type { Value } from './value.ts';

/** A payload whose checksum is right, ready to be decoded. */
export interface OpenPayload {
  /** Behind the type byte. */
  readonly reader: ByteReader;
  readonly encoding: Encoding;
}

/**
 * Takes the whole payload of a key; the value may hold views into it.
 * @throws PayloadError
 */
export function decodePayload(payload: Buffer): Value {
  const { reader, encoding } = openPayload(payload);
  const value = decodeEncoding(reader, encoding);
  demandEnd(reader);
  return value;
}

/** @throws PayloadError */
export function openPayload(payload: Buffer): OpenPayload {
  const version = versionOf(payload);
  const typeByte = payload[0]!;
  const encoding = demandEncoding(typeByte, version);
  const subject = nameOf(encoding, typeByte);
  if (!isIntact(payload)) {
    throw new PayloadError(
      `Cannot decode ${subject}: the checksum is not that of its ${countOf(payload.length, 'byte')}`,
      {
        offset: payload.length,
      },
    );
  }
  const reader = new ByteReader(bodyOf(payload), subject);
  reader.skip(1);
  return { reader, encoding };
}

/** @throws PayloadError */
export function demandEnd(reader: ByteReader): void {
  if (!reader.isAtEnd) throw reader.fail(`${countOf(reader.left, 'byte')} follow the value`);
}

function decodeEncoding(reader: ByteReader, encoding: Encoding): Value {
  switch (typeOfEncoding(encoding)) {
    case 'list':
      return { type: 'list', items: all(listItems(reader, encoding)) };
    case 'set':
      return { type: 'set', members: all(setMembers(reader, encoding)) };
    case 'zset':
      return { type: 'zset', entries: all(zsetEntries(reader, encoding)) };
    case 'hash':
      return { type: 'hash', fields: all(hashFields(reader, encoding)) };
    case 'stream':
      return decodeStream(reader, encoding);
    case 'module':
      return decodeModule(reader, encoding);
    default:
      return { type: 'string', value: reader.string() };
  }
}

/** @throws PayloadError */
export function demandEncoding(typeByte: number, version: number): Encoding {
  const encoding = encodingOf(typeByte, version);
  if (encoding !== undefined) return encoding;
  const why = `no value of RDB version ${version} begins with this byte that rump knows`;
  throw new PayloadError(`Cannot decode a value of type byte ${typeByte}: ${why}, at byte 0`, { offset: 0 });
}

function nameOf(encoding: Encoding, typeByte: number): string {
  return `a ${typeOfEncoding(encoding)} (type byte ${typeByte})`;
}
