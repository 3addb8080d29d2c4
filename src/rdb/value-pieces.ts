// A value out of its bytes piece by piece, for those that are too large to be held at once as elements.
import type { StreamEntry, StreamHead, ValuePiece, ValueType } from './value.ts';
import { ByteReader } from './byte-reader.ts';
import { chunksOf, DEFAULT_LIMITS, mostUnpacked, type ChunkLimits } from './chunks.ts';
import { demandEncoding, demandEnd, openPayload } from './decode.ts';
import { decodeGroups } from './decode-groups.ts';
import { hashFields } from './decode-hash.ts';
import { listItems } from './decode-list.ts';
import { setMembers } from './decode-set.ts';
import { readFigures, streamNodes } from './decode-stream.ts';
import { zsetEntries } from './decode-zset.ts';
import { bodyOf, FOOTER_BYTES, versionOf } from './footer.ts';
import { PayloadError } from './payload-error.ts';
import { each } from './pull.ts';
import { skipNodes } from './skip.ts';
import { compareIds, formatId } from './stream-id.ts';
import { typeOfEncoding, type Encoding } from './type-byte.ts';

const COLLECTIONS: ReadonlySet<ValueType> = new Set(['list', 'set', 'zset', 'hash']);
/** A hash with expiries, of which there is a minimum and an empty listpack, between the type byte and the footer. */
const MOST_EMPTY_BYTES = 1 + 16 + FOOTER_BYTES;

/**
 * What is damaged is found where it is met, also behind the first piece. Of a stream the groups are held as a whole.
 * @param open a reader that stands behind the type byte; called more than once for a stream, which has its groups last
 * @param version the RDB version of who wrote the bytes
 * @throws PayloadError, also for the values of modules, which have no pieces
 */
export function valuePieces(
  open: () => ByteReader,
  typeByte: number,
  version: number,
  limits: ChunkLimits = DEFAULT_LIMITS,
): Generator<ValuePiece> {
  const encoding = demandEncoding(typeByte, version);
  const openBounded = (): ByteReader => bounded(open(), limits);
  return typeOfEncoding(encoding) === 'stream'
    ? streamPieces(openBounded, encoding, limits)
    : elementPieces(openBounded(), encoding, limits);
}

function bounded(reader: ByteReader, limits: ChunkLimits): ByteReader {
  reader.mostUnpacked = mostUnpacked(limits);
  return reader;
}

/** @throws PayloadError, as `wholePieces` */
export function* payloadPieces(payload: Buffer, limits: ChunkLimits = DEFAULT_LIMITS): Generator<ValuePiece> {
  yield* wholePieces(() => openPayload(payload).reader, payload[0]!, versionOf(payload), limits);
}

/** @throws PayloadError, as `valuePieces`, also where bytes follow the value or where it has no elements */
export function* wholePieces(
  open: () => ByteReader,
  typeByte: number,
  version: number,
  limits: ChunkLimits,
): Generator<ValuePiece> {
  const encoding = demandEncoding(typeByte, version);
  let last: ByteReader | undefined;
  const openBounded = (): ByteReader => (last = bounded(open(), limits));
  let isEmpty = true;
  const isStream = typeOfEncoding(encoding) === 'stream';
  const pieces = isStream
    ? streamPieces(openBounded, encoding, limits)
    : elementPieces(openBounded(), encoding, limits);
  for (const piece of pieces) {
    isEmpty = false;
    yield piece;
  }
  if (isStream) return;
  demandEnd(last!);
  if (isEmpty) throw last!.fail('it is empty');
}

/** Whether it is a collection without an element: no key of a server has such a value, but files may. */
export function isEmptyValue(payload: Buffer): boolean {
  if (payload.length > MOST_EMPTY_BYTES) return false;
  const encoding = demandEncoding(payload[0]!, versionOf(payload));
  if (!COLLECTIONS.has(typeOfEncoding(encoding))) return false;
  const reader = new ByteReader(bodyOf(payload), 'a value');
  reader.skip(1);
  try {
    return elementPieces(reader, encoding, DEFAULT_LIMITS).next().done === true;
  } catch (error) {
    if (error instanceof PayloadError) return false;
    throw error;
  }
}

function* elementPieces(reader: ByteReader, encoding: Encoding, limits: ChunkLimits): Generator<ValuePiece> {
  switch (typeOfEncoding(encoding)) {
    case 'list':
      for (const items of chunksOf(each(listItems(reader, encoding)), lengthOf, limits)) yield { type: 'list', items };
      return;
    case 'set':
      for (const members of chunksOf(each(setMembers(reader, encoding)), lengthOf, limits))
        yield { type: 'set', members };
      return;
    case 'zset':
      for (const entries of chunksOf(each(zsetEntries(reader, encoding)), ({ member }) => member.length, limits))
        yield { type: 'zset', entries };
      return;
    case 'hash':
      for (const fields of chunksOf(each(hashFields(reader, encoding)), (field) => bytesOf(field), limits))
        yield { type: 'hash', fields };
      return;
    case 'module':
      throw new PayloadError('Cannot take the value of a module apart: the module alone can read it');
    default:
      for (const value of reader.stringPieces(limits.bytes)) yield { type: 'string', value };
  }
}

function* streamPieces(open: () => ByteReader, encoding: Encoding, limits: ChunkLimits): Generator<ValuePiece> {
  const head = headOf(open, encoding);
  let isEmpty = true;
  for (const entries of chunksOf(entriesOf(open()), entryBytes, limits)) {
    isEmpty = false;
    yield { type: 'stream', head, entries };
  }
  if (isEmpty) yield { type: 'stream', head, entries: [] };
}

function headOf(open: () => ByteReader, encoding: Encoding): StreamHead {
  const reader = open();
  skipNodes(reader);
  const figures = readFigures(reader, encoding);
  const groups = decodeGroups(reader, encoding);
  const absent = new Map(groups.flatMap(({ pending }) => pending.map(({ id }) => [formatId(id), id])));
  if (absent.size > 0) for (const { id } of entriesOf(open())) absent.delete(formatId(id));
  return { ...figures, groups, gone: [...absent.values()].toSorted(compareIds) };
}

function* entriesOf(reader: ByteReader): Generator<StreamEntry> {
  for (const node of streamNodes(reader)) yield* node;
}

function lengthOf(element: Buffer): number {
  return element.length;
}

function bytesOf({ field, value }: { readonly field: Buffer; readonly value: Buffer }): number {
  return field.length + value.length;
}

function entryBytes({ fields }: StreamEntry): number {
  return fields.reduce((bytes, { length }) => bytes + length, 0);
}
