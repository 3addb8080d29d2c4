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

/** RDB versions from here on are of Redis alone, up to where those of Valkey begin; lower ones are of both. */
const FIRST_REDIS_VERSION = 12;
/** A listpack that is smaller holds no element whose size has two forms. */
const LEAST_BYTES = 0x3fff;

/**
 * Changes no more than is needed. A server shows the same for the new payload as for the original, except for figures that
 * its version does not have.
 * @param version the RDB version of the server that will read it
 * @param mostBytes of memory that a value may take if it has to be decoded
 * @returns undefined if it takes more, or if no payload of that version can hold it; commands may still write it
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
  // The writer is newer than the reader, which may crash on such sizes.
  if (isKnown && !hasNarrowSizes(payload, mostBytes)) return withVersion(payload, version);
  const size = unpackedSize(payload);
  if (size > mostBytes) throw new PayloadError(`Cannot encode a value anew of ${formatBytes(size)}: it is too large`);
  return encodePayload(decodePayload(payload), version);
}

/** Whether a server of that RDB version reads the payload as it is. */
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
 * Whether the payload must not be sent to a server that does not write the narrow form itself, whatever its version; the
 * value has to be written by commands then. Only large listpacks are looked at, and these are rare.
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
