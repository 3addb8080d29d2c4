// The first nine bytes of a snapshot: who wrote it, and in which RDB version.

import type { ByteReader } from './byte-reader.ts';
import { FIRST_VALKEY_VERSION } from './type-byte.ts';

const HEADER_BYTES = 9;
/** Redis 7.4 and 8.0; Valkey 9. */
const LATEST = { REDIS: 12, VALKEY: 80 } as const;
const GZIP = 0x1f;

/** @throws PayloadError where it is no snapshot, or one that rump does not know */
export function readHeader(reader: ByteReader): number {
  const head = reader.view(Math.min(HEADER_BYTES, reader.left));
  const [, writer, digits] = /^(REDIS(?=\d{4})|VALKEY(?=\d{3}))(\d+)$/.exec(head.toString('latin1')) ?? [];
  if (writer === undefined) {
    const isPacked = head[0] === GZIP;
    throw reader.fail(
      isPacked ? 'it looks like gzip, which has to be unpacked first' : 'it is no snapshot of Redis or Valkey',
      0,
    );
  }
  const version = Number(digits);
  const latest = LATEST[writer as keyof typeof LATEST];
  const first = writer === 'VALKEY' ? FIRST_VALKEY_VERSION : 1;
  if (version < first || version > latest) {
    throw reader.fail(`it has RDB version ${version} of ${nameOf(writer)}, and rump knows them up to ${latest}`, 0);
  }
  return version;
}

function nameOf(writer: string): string {
  return writer === 'VALKEY' ? 'Valkey' : 'Redis';
}
