// The header of a snapshot (who wrote it, in which RDB version), and its end with the checksum.

import { countOf } from '../../resp/figures.ts';
import type { ByteReader } from '../rdb/byte-reader.ts';
import { FIRST_VALKEY_VERSION } from '../rdb/payload.ts';
import type { FileReader } from './file-reader.ts';

const HEADER_BYTES = 9;
/** The highest RDB versions; those of Valkey have three digits. */
const HIGHEST = { REDIS: FIRST_VALKEY_VERSION - 1, VALKEY: 999 } as const;

const CHECKSUM_BYTES = 8;
/** Redis 2.6. */
const FIRST_SUMMED_VERSION = 5;
/** The 40 characters at the end of a diskless transfer, and what editors and pipes append to a file. */
const HARMLESS = /^(?:[0-9a-f]{40})?[\s\0]{0,4}$/;
const MOST_HARMLESS = 44;

export interface SnapshotEnd {
  /** Whether there was a checksum; it is right then. */
  readonly isChecked: boolean;
  /** Bytes behind the end, which servers ignore. */
  readonly extra: number;
}

/**
 * Files of unknown newer servers are read as well: most of their values have not changed.
 * @throws PayloadError where it is no snapshot
 */
export function readHeader(reader: ByteReader): number {
  const head = reader.view(Math.min(HEADER_BYTES, reader.left));
  const [, writer, digits] = /^(REDIS(?=\d{4})|VALKEY(?=\d{3}))(\d+)$/.exec(head.toString('latin1')) ?? [];
  if (writer === undefined) throw reader.fail('it is no snapshot of Redis or Valkey', 0);
  const version = Number(digits);
  const first = writer === 'VALKEY' ? FIRST_VALKEY_VERSION : 1;
  if (version < first || version > HIGHEST[writer as keyof typeof HIGHEST]) {
    throw reader.fail(`${nameOf(writer)} has no RDB version ${version}`, 0);
  }
  return version;
}

function nameOf(writer: string): string {
  return writer === 'VALKEY' ? 'Valkey' : 'Redis';
}

/** @throws PayloadError where the checksum is another one, or something follows that may be data */
export function readEnd(reader: FileReader, version: number): SnapshotEnd {
  const isChecked = version >= FIRST_SUMMED_VERSION && readChecksum(reader);
  const { at, left: extra } = reader;
  if (extra === 0) return { isChecked, extra };
  if (extra <= MOST_HARMLESS && HARMLESS.test(reader.view(extra).toString('latin1'))) return { isChecked, extra };
  throw reader.fail(`${countOf(extra, 'byte')} follow the end of the snapshot`, at);
}

function readChecksum(reader: FileReader): boolean {
  const { low, high } = reader.sum()!;
  const at = reader.at;
  const sum = reader.view(CHECKSUM_BYTES);
  const [isLow, isHigh] = [sum.readUInt32LE(0), sum.readUInt32LE(4)];
  if (isLow === 0 && isHigh === 0) return false;
  if (isLow === low && isHigh === high) return true;
  throw reader.fail('the checksum is not that of the file, which is damaged somewhere', at);
}
