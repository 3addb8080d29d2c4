// Values in pieces, where they are too large to be held whole: how large a piece is, and how a payload is cut into pieces.
import { ByteReader } from './byte-reader.ts';
import { demandEncoding, demandEnd, hashFields, listItems, openPayload, setMembers, zsetEntries } from './decode.ts';
import { decodeGroups, readFigures, streamNodes } from './decode-stream.ts';
import { each } from './packed-forms.ts';
import { bodyOf, FOOTER_BYTES, PayloadError, typeOfEncoding, versionOf, type Encoding } from './payload.ts';
import { skipNodes } from './skip.ts';
import { compareIds, formatId, type StreamEntry, type StreamHead, type ValuePiece, type ValueType } from './value.ts';

export interface ChunkLimits {
  /** Elements of a command at most. */
  readonly elements: number;
  /** Bytes of elements after which the command ends. Elements are not cut; only a string is. */
  readonly bytes: number;
  /** Decompressed bytes of one string that has to be held whole: an element, or packed elements. Default 64 MiB. */
  readonly unpacked?: number;
}

export const DEFAULT_LIMITS: ChunkLimits = { elements: 1024, bytes: 1024 * 1024 };
const DEFAULT_UNPACKED = 64 * 1024 * 1024;
const SCORE_BYTES = 8;
const COLLECTIONS: ReadonlySet<ValueType> = new Set(['list', 'set', 'zset', 'hash']);
/** Bytes of the longest empty collection: a hash with expiries has a minimum and an empty listpack. */
const MOST_EMPTY_BODY = 16;
/** No type byte below stands for such a hash. */
const FIRST_WITH_MINIMUM = 22;

/** One string may take as much as a value that is held whole. */
export function mostUnpacked({ unpacked = 0 }: ChunkLimits): number {
  return Math.max(unpacked, DEFAULT_UNPACKED);
}

/** Groups elements into chunks within the limits. */
export function* chunksOf<T>(
  elements: Iterable<T>,
  bytesOf: (element: T) => number,
  limits: ChunkLimits,
): Generator<T[]> {
  let chunk: T[] = [];
  let bytes = 0;
  for (const element of elements) {
    chunk.push(element);
    bytes += bytesOf(element);
    if (chunk.length < limits.elements && bytes < limits.bytes) continue;
    yield chunk;
    chunk = [];
    bytes = 0;
  }
  if (chunk.length > 0) yield chunk;
}

/** Bytes of its elements. */
export function sizeOfPiece(piece: ValuePiece): number {
  switch (piece.type) {
    case 'string':
      return piece.value.length;
    case 'list':
      return total(piece.items, ({ length }) => length);
    case 'set':
      return total(piece.members, ({ length }) => length);
    case 'zset':
      return total(piece.entries, ({ member }) => member.length + SCORE_BYTES);
    case 'hash':
      return total(piece.fields, ({ field, value }) => field.length + value.length);
    default:
      return total(piece.entries, ({ fields }) => total(fields, ({ length }) => length));
  }
}

/** Elements; of a string its bytes. */
export function lengthOfPiece(piece: ValuePiece): number {
  switch (piece.type) {
    case 'string':
      return piece.value.length;
    case 'list':
      return piece.items.length;
    case 'set':
      return piece.members.length;
    case 'hash':
      return piece.fields.length;
    default:
      return piece.entries.length;
  }
}

function total<T>(elements: readonly T[], bytesOf: (element: T) => number): number {
  return elements.reduce((bytes, element) => bytes + bytesOf(element), 0);
}

/**
 * Damage is found where it is read, so pieces may come before the error. The groups of a stream are held whole.
 * @param open makes a reader that stands behind the type byte; called more than once for a stream, whose groups come last
 * @param version the RDB version of the writer
 * @throws PayloadError, also for the values of modules, which have no pieces
 */
export function valuePieces(
  open: () => ByteReader,
  typeByte: number,
  version: number,
  limits: ChunkLimits,
): Generator<ValuePiece> {
  return piecesOf(() => bounded(open(), limits), demandEncoding(typeByte, version), limits);
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
  for (const piece of piecesOf(openBounded, encoding, limits)) {
    isEmpty = false;
    yield piece;
  }
  if (typeOfEncoding(encoding) === 'stream') return;
  demandEnd(last!);
  if (isEmpty) throw last!.fail('it is empty');
}

/**
 * Whether what a server dumps is an empty collection: Valkey 9.1 makes a hash without fields by COPY of one whose fields have all
 * expired. Seen by the first bytes of nearly all values, as it is asked of each.
 */
export function isEmptyDump(bytes: Buffer, start: number, end: number): boolean {
  const body = end - start - 1 - FOOTER_BYTES;
  const typeByte = bytes[start]!;
  if (body > MOST_EMPTY_BODY || body < 1 || typeByte === 0) return false;
  // No elements, an empty packed form, or a hash with a minimum in front.
  const first = bytes[start + 1];
  const mayBe = body === 1 ? first === 0 : first === body - 1 || typeByte >= FIRST_WITH_MINIMUM;
  return mayBe && isEmptyValue(bytes, start, end);
}

/** Whether the payload from `start` to `end` is an empty collection, in any form: files may have such keys. */
export function isEmptyValue(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > 1 + MOST_EMPTY_BODY + FOOTER_BYTES) return false;
  const payload = bytes.subarray(start, end);
  try {
    const encoding = demandEncoding(payload[0]!, versionOf(payload));
    if (!COLLECTIONS.has(typeOfEncoding(encoding))) return false;
    const reader = new ByteReader(bodyOf(payload), 'a value');
    reader.skip(1);
    return elementPieces(reader, encoding, DEFAULT_LIMITS).next().done === true;
  } catch (error) {
    if (error instanceof PayloadError) return false;
    throw error;
  }
}

function piecesOf(open: () => ByteReader, encoding: Encoding, limits: ChunkLimits): Generator<ValuePiece> {
  return typeOfEncoding(encoding) === 'stream'
    ? streamPieces(open, encoding, limits)
    : elementPieces(open(), encoding, limits);
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
