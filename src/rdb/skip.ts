// Passes over a value without decoding it: finds where it ends, how large it is once decoded, and the listpacks in it.
import { ByteReader } from './byte-reader.ts';
import { demandEncoding } from './decode.ts';
import { skipParts } from './modules.ts';
import { Listpack } from './packed-forms.ts';
import { bodyOf, versionOf, type Encoding } from './payload.ts';
import { ID_BYTES } from './value.ts';

/** What holds several elements in one string. */
type Packing = 'listpack' | 'ziplist' | 'intset' | 'zipmap';

/** Must leave the reader behind the string that it finds there. */
type SkipPacked = (reader: ByteReader, packing: Packing) => void;

const PACKED = 2;
const TIME_BYTES = 8;
const DOUBLE_BYTES = 8;
/** Length bytes from here on stand for scores that have no text. */
const FIRST_NAMED_SCORE = 253;

/** What an element takes beside its bytes: a view, and its place in an array. */
const ELEMENT_BYTES = 100;
/** Enough of a packed string for the number of its elements. */
const HEAD_BYTES = 10;
const LISTPACK_COUNT = 4;
const ZIPLIST_COUNT = 8;
const INTSET_COUNT = 4;
/** With that many elements or more the header does not know. */
const UNCOUNTED = 0xffff;
const MANY_FIELDS = 254;
/** The shortest element of a packed string. */
const LEAST_BYTES = 2;
/** A listpack that is smaller holds no element whose size has two forms. */
const LEAST_LARGE_BYTES = 0x3fff;

/**
 * What lies between is the body of a DUMP payload, but for its type byte.
 * @throws PayloadError
 */
export function skipValue(reader: ByteReader, typeByte: number, version: number): void {
  skipEncoding(reader, demandEncoding(typeByte, version), skipString);
}

/** @throws PayloadError */
function skipEncoding(reader: ByteReader, encoding: Encoding, skipPacked: SkipPacked): void {
  switch (encoding) {
    case 'LIST':
    case 'SET':
      return skipStrings(reader);
    case 'LIST_QUICKLIST':
      return times(reader.count(1), () => skipPacked(reader, 'ziplist'));
    case 'LIST_ZIPLIST':
    case 'ZSET_ZIPLIST':
    case 'HASH_ZIPLIST':
      return skipPacked(reader, 'ziplist');
    case 'SET_INTSET':
      return skipPacked(reader, 'intset');
    case 'HASH_ZIPMAP':
      return skipPacked(reader, 'zipmap');
    case 'LIST_QUICKLIST_2':
      return times(reader.count(2), () =>
        reader.length() === PACKED ? skipPacked(reader, 'listpack') : reader.skipString(),
      );
    case 'ZSET':
      return times(reader.count(2), () => {
        reader.skipString();
        const length = reader.byte();
        if (length < FIRST_NAMED_SCORE) reader.skip(length);
      });
    case 'ZSET_2':
      return skipTuples(reader, 1, DOUBLE_BYTES);
    case 'HASH':
      return skipTuples(reader, 2, 0);
    case 'HASH_2':
      return skipTuples(reader, 2, TIME_BYTES);
    case 'HASH_METADATA':
      reader.skip(TIME_BYTES);
      return skipExpiring(reader);
    case 'HASH_METADATA_PRE_GA':
      return skipExpiring(reader);
    case 'HASH_LISTPACK_EX':
      reader.skip(TIME_BYTES);
      return skipPacked(reader, 'listpack');
    case 'HASH_LISTPACK_EX_PRE_GA':
    case 'HASH_LISTPACK':
    case 'ZSET_LISTPACK':
    case 'SET_LISTPACK':
      return skipPacked(reader, 'listpack');
    case 'STREAM_LISTPACKS':
      return skipStream(reader, 1, skipPacked);
    case 'STREAM_LISTPACKS_2':
      return skipStream(reader, 2, skipPacked);
    case 'STREAM_LISTPACKS_3':
      return skipStream(reader, 3, skipPacked);
    case 'MODULE_2':
      reader.uint64();
      return skipParts(reader);
    case 'MODULE_PRE_GA':
      return reader.skip(reader.left);
    default:
      return reader.skipString();
  }
}

/** By the RDB type, from the first `STREAM_LISTPACKS` on; what 4 and later have behind the groups is left. */
export type StreamForm = 1 | 2 | 3 | 4 | 5;

export function skipStream(reader: ByteReader, form: StreamForm, skipPacked: SkipPacked = skipString): void {
  const hasFigures = form >= 2;
  skipNodes(reader, skipPacked);
  // Entries, the last id; the first id, the highest deleted id, entries added.
  times(hasFigures ? 8 : 3, () => reader.uint64());
  times(reader.count(1), () => {
    reader.skipString();
    times(hasFigures ? 3 : 2, () => reader.uint64());
    times(reader.count(ID_BYTES + TIME_BYTES + 1), () => {
      reader.skip(ID_BYTES + TIME_BYTES);
      reader.length();
    });
    times(reader.count(1), () => {
      reader.skipString();
      reader.skip(form >= 3 ? 2 * TIME_BYTES : TIME_BYTES);
      reader.skip(reader.count(ID_BYTES) * ID_BYTES);
    });
    // Entries that were given back, and are nobody's now.
    if (form >= 5) reader.skip(reader.count(ID_BYTES) * ID_BYTES);
  });
}

/** The entries of a stream. */
export function skipNodes(reader: ByteReader, skipPacked: SkipPacked = skipString): void {
  times(reader.count(2), () => {
    reader.skipString();
    skipPacked(reader, 'listpack');
  });
}

/** So many as the number before them says. */
export function skipStrings(reader: ByteReader): void {
  times(reader.count(1), () => reader.skipString());
}

function skipExpiring(reader: ByteReader): void {
  times(reader.count(3), () => {
    reader.length();
    reader.skipString();
    reader.skipString();
  });
}

function skipTuples(reader: ByteReader, strings: number, bytes: number): void {
  times(reader.count(strings + bytes), () => {
    for (let left = strings; left > 0; left -= 1) reader.skipString();
    reader.skip(bytes);
  });
}

function skipString(reader: ByteReader): void {
  reader.skipString();
}

function times(count: number, step: () => unknown): void {
  for (let left = count; left > 0; left -= 1) step();
}

/**
 * What a value takes in memory once it is decoded, in bytes, about: compression hides how much. Lengths that lie count as
 * far as they can be true.
 * @throws PayloadError
 */
export function unpackedSize(payload: Buffer): number {
  const { reader, encoding } = opened(payload);
  const { length } = reader.bytes;
  let packed = 0;
  skipEncoding(reader, encoding, (reader, packing) => {
    packed += countIn(reader, packing);
    reader.skipString();
  });
  return length + reader.unpackedGain + (reader.counted + packed) * ELEMENT_BYTES;
}

/** Behind the type byte; the checksum is not looked at. */
function opened(payload: Buffer): { readonly reader: ByteReader; readonly encoding: Encoding } {
  const typeByte = payload[0] ?? 0;
  const encoding = demandEncoding(typeByte, versionOf(payload));
  const reader = new ByteReader(bodyOf(payload), `a value of type byte ${typeByte}`);
  reader.skip(1);
  return { reader, encoding };
}

/** Elements of a packed string, as its header says; decoding finds out where there are more. */
function countIn(reader: ByteReader, packing: Packing): number {
  const most = reader.peekStringLength() / LEAST_BYTES;
  const head = reader.peekString(HEAD_BYTES);
  if (head.length < HEAD_BYTES) return Math.min(most, HEAD_BYTES);
  switch (packing) {
    case 'listpack':
      return numberOr(head.readUInt16LE(LISTPACK_COUNT), UNCOUNTED, most);
    case 'ziplist':
      return numberOr(head.readUInt16LE(ZIPLIST_COUNT), UNCOUNTED, most);
    case 'intset':
      return Math.min(head.readUInt32LE(INTSET_COUNT), most);
    default:
      return head[0]! < MANY_FIELDS ? head[0]! * 2 : most;
  }
}

function numberOr(count: number, unknown: number, most: number): number {
  return count === unknown ? most : count;
}

/**
 * Behind each element of a listpack stands its size, seven bits a byte. For 16383, 2097151 and 268435455, the highest
 * that two, three and four bytes hold, servers used to take one byte more. Valkey 9.1 and the Redis of its time do not:
 * they refuse the wide form ("Bad data format"), but Redis 8.0 and Valkey 8.1 answer OK to the narrow one, and end with
 * the first command that reads the value. Seen with a stream whose value has 16378 bytes.
 *
 * Whether the payload must not be sent to a server that does not write the narrow form itself, whatever its version; the
 * value has to be written by commands then. Only large listpacks are looked at, and these are rare.
 * @param mostUnpacked bytes of one of them, once it is decompressed
 * @throws PayloadError
 */
export function hasNarrowSizes(payload: Buffer, mostUnpacked: number): boolean {
  const { reader, encoding } = opened(payload);
  reader.mostUnpacked = mostUnpacked;
  let found = false;
  skipEncoding(reader, encoding, (reader, packing) => {
    if (packing !== 'listpack' || reader.peekStringLength() < LEAST_LARGE_BYTES) return reader.skipString();
    const elements = new Listpack(reader.packed('listpack'));
    while (elements.next()) found ||= elements.hasNarrowSize;
  });
  return found;
}
