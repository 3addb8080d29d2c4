// Sources of snapshot files for the tests, what they say beside the entries, and files built part by part.
import type { TestContext } from 'node:test';
import { Crc64 } from '../../src/rdb/crc64.ts';
import { RdbSource, type RdbSourceOptions } from '../../src/source/rdb-source.ts';
import type { SourceNotice } from '../../src/source/source.ts';
import { collect, type Collected } from './entries.ts';
import { fileOf } from './resp-file.ts';

const OPTIONS: RdbSourceOptions = {
  databases: 'all',
  includes: () => true,
  mode: 'exact',
  preserveIdle: true,
  bigKey: 64 * 1024 * 1024,
};

export interface Told {
  expired: number;
  readonly leftOut: [what: string, names: string, count: number][];
  unchecked: number;
  readonly refused: [db: number, key: string, reason: string][];
}

export interface TellingSource {
  readonly source: RdbSource;
  readonly told: Told;
}

export function snapshotSource(path: string, options: Partial<RdbSourceOptions> = {}): TellingSource {
  const told: Told = { expired: 0, leftOut: [], unchecked: 0, refused: [] };
  const sink = {
    onExpired: () => void told.expired++,
    onNotice: (notice: SourceNotice) => {
      if (notice.code === 'LEFT_OUT') told.leftOut.push([notice.kind, notice.names.join(' '), notice.count]);
      if (notice.code === 'UNCHECKED') told.unchecked++;
    },
    onReadRefused: (db: number, key: Buffer, { message }: Error) => void told.refused.push([db, String(key), message]),
  };
  return {
    source: new RdbSource(path, { ...OPTIONS, hasAllNames: options.includes === undefined, ...options }, sink),
    told,
  };
}

export async function readSnapshot(path: string, options: Partial<RdbSourceOptions> = {}): Promise<Collected & Told> {
  const { source, told } = snapshotSource(path, options);
  const collected = await collect(source);
  return { ...collected, ...told };
}

/** A whole file of these parts: header, then what they are, then end and checksum. */
export function snapshotOf(header: string, ...parts: readonly (Buffer | readonly number[])[]): Buffer {
  return withChecksum(Buffer.concat([Buffer.from(header), ...parts.map((part) => Buffer.from(part)), Buffer.of(255)]));
}

export function withChecksum(bytes: Buffer): Buffer {
  const { low, high } = new Crc64().update(bytes);
  const checksum = Buffer.alloc(8);
  checksum.writeUInt32LE(low, 0);
  checksum.writeUInt32LE(high, 4);
  return Buffer.concat([bytes, checksum]);
}

export function snapshotFile(t: TestContext, bytes: Buffer): string {
  return fileOf(t, bytes, 'dump.rdb');
}
