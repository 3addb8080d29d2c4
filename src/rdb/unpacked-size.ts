// What a value takes in memory once it is decoded, found by a pass that makes nothing of it: compression hides how much.
import { ByteReader } from './byte-reader.ts';
import { demandEncoding } from './decode.ts';
import { bodyOf, versionOf } from './footer.ts';
import { skipEncoding, type Packing } from './skip.ts';

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

/**
 * In bytes, about. Lengths that lie count as far as they can be true.
 * @throws PayloadError
 */
export function unpackedSize(payload: Buffer): number {
  const typeByte = payload[0] ?? 0;
  const encoding = demandEncoding(typeByte, versionOf(payload));
  const body = bodyOf(payload);
  const reader = new ByteReader(body, `a value of type byte ${typeByte}`);
  reader.skip(1);
  let packed = 0;
  skipEncoding(reader, encoding, (reader, packing) => {
    packed += countOf(reader, packing);
    reader.skipString();
  });
  return body.length + reader.unpackedGain + (reader.counted + packed) * ELEMENT_BYTES;
}

/** Whoever steps through them finds it out where there are more. */
function countOf(reader: ByteReader, packing: Packing): number {
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
