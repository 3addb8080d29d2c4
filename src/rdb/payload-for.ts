// One payload as a server of another RDB version takes it: as it is, with another footer, or encoded anew.
import { decodePayload } from './decode.ts';
import { encodePayload } from './encode.ts';
import { versionOf, withVersion } from './footer.ts';
import { hasNarrowSizes } from './narrow-sizes.ts';
import { FIRST_VALKEY_VERSION, lastCommonTypeByte, leastVersionOf } from './type-byte.ts';

/** Of Redis alone up to where those of Valkey begin; lower ones are common to both. */
const FIRST_REDIS_VERSION = 12;

/**
 * Does no more than is needed. What comes back as another Buffer is less than the original in nothing that a server
 * shows, but for figures that the version lacks.
 * @param version the RDB version of the server that is to have it
 * @throws PayloadError for what payloads of that version cannot hold; native commands may still write it
 */
export function payloadFor(payload: Buffer, version: number): Buffer {
  const written = versionOf(payload);
  if (written === version || (written < version && familyOf(written) !== 'redis')) return payload;
  if (written < version && familyOf(version) === 'redis') return payload;
  const typeByte = payload[0]!;
  const isKnown = typeByte <= lastCommonTypeByte && leastVersionOf(typeByte) <= version;
  // Who wrote it is newer than the one who is to have it, which may then crash on these.
  if (isKnown && !hasNarrowSizes(payload)) return withVersion(payload, version);
  return encodePayload(decodePayload(payload), version);
}

type Family = 'common' | 'redis' | 'valkey';

function familyOf(version: number): Family {
  if (version < FIRST_REDIS_VERSION) return 'common';
  return version < FIRST_VALKEY_VERSION ? 'redis' : 'valkey';
}
