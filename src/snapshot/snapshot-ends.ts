// The two ends of a snapshot: which server wrote it, by its header, and whether it is whole, by its checksum.

import { Buffer } from 'node:buffer';
import { countOf } from '../../resp/figures.ts';
import type { ByteReader } from '../rdb/byte-reader.ts';
import { Crc64 } from '../rdb/crc64.ts';
import { CHECKSUM_BYTES, FIRST_VALKEY_VERSION } from '../rdb/payload.ts';
import type { SnapshotBytes } from './snapshot-bytes.ts';

const HEADER_BYTES = 9;
/** The highest RDB versions; those of Valkey have three digits. */
const HIGHEST = { REDIS: FIRST_VALKEY_VERSION - 1, VALKEY: 999 } as const;

/** Where whoever wrote the file makes none. */
const NO_CHECKSUM = Buffer.alloc(CHECKSUM_BYTES);
/** Redis 2.6. */
const FIRST_SUMMED_VERSION = 5;
/** The 40 characters at the end of a diskless transfer, and what editors and pipes append to a file. */
const HARMLESS = /^(?:[0-9a-f]{40})?[\s\0]{0,4}$/;
const MOST_HARMLESS = 44;

interface SnapshotEnd {
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
export function readEnd(reader: SnapshotBytes, version: number): SnapshotEnd {
  const isChecked = version >= FIRST_SUMMED_VERSION && readChecksum(reader);
  reader.demandAll();
  const { at, left: extra } = reader;
  if (extra === 0) return { isChecked, extra };
  if (extra <= MOST_HARMLESS && HARMLESS.test(reader.view(extra).toString('latin1'))) return { isChecked, extra };
  throw reader.fail(`${countOf(extra, 'byte')} follow the end of the snapshot`, at);
}

function readChecksum(reader: SnapshotBytes): boolean {
  const sum = new Crc64().copy(reader.sum()!);
  const { at } = reader;
  const told = reader.view(CHECKSUM_BYTES);
  if (told.equals(NO_CHECKSUM)) return false;
  if (sum.isAt(told, 0)) return true;
  throw reader.fail('the checksum is not that of the file, which is damaged somewhere', at);
}
