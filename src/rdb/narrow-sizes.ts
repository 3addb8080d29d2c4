// Payloads that an older server takes and then crashes on: a listpack whose sizes are one byte narrower than it thinks.
//
// Behind each element of a listpack stands its size, seven bits a byte. For 16383, 2097151 and 268435455, the highest
// that two, three and four bytes hold, servers used to take one byte more. Valkey 9.1 and the Redis of its time do not:
// they refuse the wide form ("Bad data format"), but Redis 8.0 and Valkey 8.1 answer OK to the narrow one, and end with
// the first command that reads the value. Seen with a stream whose value has 16378 bytes.
import { ByteReader, MOST_BYTES } from './byte-reader.ts';
import { demandEncoding } from './decode.ts';
import { bodyOf, versionOf } from './footer.ts';
import { Listpack } from './listpack.ts';
import { skipEncoding } from './skip.ts';

/** A smaller listpack holds no such element. */
const LEAST_BYTES = 0x3fff;

/**
 * Whether a server that does not write the narrow form must not have this payload, whatever its version says; the value
 * has to be written by commands then. Looks into large listpacks only, and these are rare.
 * @param mostUnpacked bytes of one of them, once it is decompressed
 * @throws PayloadError
 */
export function hasNarrowSizes(payload: Buffer, mostUnpacked = MOST_BYTES): boolean {
  const typeByte = payload[0] ?? 0;
  const encoding = demandEncoding(typeByte, versionOf(payload));
  const reader = new ByteReader(bodyOf(payload), `a value of type byte ${typeByte}`);
  reader.mostUnpacked = mostUnpacked;
  reader.skip(1);
  let found = false;
  skipEncoding(reader, encoding, (reader, packing) => {
    if (packing !== 'listpack' || reader.peekStringLength() < LEAST_BYTES) return reader.skipString();
    const elements = new Listpack(reader.packed('listpack'));
    while (elements.next()) found ||= elements.hasNarrowSize;
  });
  return found;
}
