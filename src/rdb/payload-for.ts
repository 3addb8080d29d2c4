// Makes a payload that a server of another RDB version reads: the same one, one with another footer, or one encoded anew.
import { formatBytes } from '../../resp/figures.ts';
import { ByteReader } from './byte-reader.ts';
import { decodePayload, demandEncoding } from './decode.ts';
import { encodePayload } from './encode.ts';
import { bodyOf, versionOf, withVersion } from './footer.ts';
import { Listpack } from './listpack.ts';
import { PayloadError } from './payload-error.ts';
import { skipEncoding, unpackedSize } from './skip.ts';
import { isOfValkey, lastCommonTypeByte, leastVersionOf } from './type-byte.ts';

/** Of Redis alone up to where those of Valkey begin; lower ones are common to both. */
const FIRST_REDIS_VERSION = 12;
/** A listpack that is smaller holds no element whose size has two forms. */
const LEAST_BYTES = 0x3fff;

/**
 * Does no more than is needed. What comes back as another Buffer is less than the original in nothing that a server
 * shows, but for figures that the version lacks.
 * @param version the RDB version of the server that is to have it
 * @param mostBytes that a value may take which has to be decoded as a whole
 * @returns undefined for what takes more, or what no payload of that version can hold; native commands may still write it
 */
export function payloadIfAny(payload: Buffer, version: number, mostBytes: number): Buffer | undefined {
  try {
    return isReadBy(version, payload) ? payload : anotherPayload(payload, version, mostBytes);
  } catch (error) {
    if (error instanceof PayloadError) return undefined;
    throw error;
  }
}

/** @throws PayloadError */
function anotherPayload(payload: Buffer, version: number, mostBytes: number): Buffer {
  const typeByte = payload[0]!;
  const isKnown = typeByte <= lastCommonTypeByte && leastVersionOf(typeByte) <= version;
  // Who wrote it is newer than the one who is to have it, which may then crash on these.
  if (isKnown && !hasNarrowSizes(payload, mostBytes)) return withVersion(payload, version);
  const size = unpackedSize(payload);
  if (size > mostBytes) throw new PayloadError(`Cannot encode a value anew of ${formatBytes(size)}: it is too large`);
  return encodePayload(decodePayload(payload), version);
}

/** Whether a server of that RDB version takes the payload as it is. */
export function isReadBy(version: number, payload: Buffer): boolean {
  const written = versionOf(payload);
  if (written >= version) return written === version;
  return familyOf(written) !== 'redis' || familyOf(version) === 'redis';
}

type Family = 'common' | 'redis' | 'valkey';

function familyOf(version: number): Family {
  if (version < FIRST_REDIS_VERSION) return 'common';
  return isOfValkey(version) ? 'valkey' : 'redis';
}

/**
 * Behind each element of a listpack stands its size, seven bits a byte. For 16383, 2097151 and 268435455, the highest
 * that two, three and four bytes hold, servers used to take one byte more. Valkey 9.1 and the Redis of its time do not:
 * they refuse the wide form ("Bad data format"), but Redis 8.0 and Valkey 8.1 answer OK to the narrow one, and end with
 * the first command that reads the value. Seen with a stream whose value has 16378 bytes.
 *
 * Whether a server that does not write the narrow form must not have this payload, whatever its version says; the value
 * has to be written by commands then. Looks into large listpacks only, and these are rare.
 * @param mostUnpacked bytes of one of them, once it is decompressed
 * @throws PayloadError
 */
export function hasNarrowSizes(payload: Buffer, mostUnpacked: number): boolean {
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
