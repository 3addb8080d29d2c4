// One payload as a server of another RDB version takes it: as it is, with another footer, or encoded anew.
import { formatBytes } from '../../resp/figures.ts';
import { MOST_BYTES } from './byte-reader.ts';
import { decodePayload } from './decode.ts';
import { encodePayload } from './encode.ts';
import { versionOf, withVersion } from './footer.ts';
import { PayloadError } from './payload-error.ts';
import { hasNarrowSizes } from './narrow-sizes.ts';
import { unpackedSize } from './unpacked-size.ts';
import { FIRST_VALKEY_VERSION, lastCommonTypeByte, leastVersionOf } from './type-byte.ts';

/** Of Redis alone up to where those of Valkey begin; lower ones are common to both. */
const FIRST_REDIS_VERSION = 12;

/**
 * Does no more than is needed. What comes back as another Buffer is less than the original in nothing that a server
 * shows, but for figures that the version lacks.
 * @param version the RDB version of the server that is to have it
 * @param mostBytes that a value may take which has to be decoded as a whole
 * @throws PayloadError for what takes more, or what payloads of that version cannot hold; native commands may still write it
 */
export function payloadFor(payload: Buffer, version: number, mostBytes = MOST_BYTES): Buffer {
  if (isReadBy(version, payload)) return payload;
  const typeByte = payload[0]!;
  const isKnown = typeByte <= lastCommonTypeByte && leastVersionOf(typeByte) <= version;
  // Who wrote it is newer than the one who is to have it, which may then crash on these.
  if (isKnown && !hasNarrowSizes(payload, mostBytes)) return withVersion(payload, version);
  demandSmall(payload, mostBytes);
  return encodePayload(decodePayload(payload), version);
}

/** The same; `undefined` where no payload of that version can hold the value. */
export function payloadIfAny(payload: Buffer, version: number, mostBytes: number): Buffer | undefined {
  try {
    return payloadFor(payload, version, mostBytes);
  } catch (error) {
    if (error instanceof PayloadError) return undefined;
    throw error;
  }
}

/** Whether a server of that RDB version takes the payload as it is. */
export function isReadBy(version: number, payload: Buffer): boolean {
  const written = versionOf(payload);
  if (written >= version) return written === version;
  return familyOf(written) !== 'redis' || familyOf(version) === 'redis';
}

function demandSmall(payload: Buffer, mostBytes: number): void {
  const size = unpackedSize(payload);
  if (size > mostBytes) throw new PayloadError(`Cannot encode a value anew of ${formatBytes(size)}: it is too large`);
}

type Family = 'common' | 'redis' | 'valkey';

function familyOf(version: number): Family {
  if (version < FIRST_REDIS_VERSION) return 'common';
  return version < FIRST_VALKEY_VERSION ? 'redis' : 'valkey';
}
