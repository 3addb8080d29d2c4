// Snapshots for the tests, in files and as they come through a connection, what is said of them beside the entries, and files
// built part by part.
import type { TestContext } from 'node:test';
import { Crc64 } from '../../src/rdb/crc64.ts';
import { RdbSource, type RdbSourceOptions } from '../../src/source/rdb-source.ts';
import { SnapshotIntake, type SnapshotIntakeOptions, type SnapshotSink } from '../../src/source/snapshot-intake.ts';
import type { FileSink, SourceNotice } from '../../src/source/source.ts';
import type { Channel } from '../../src/flow/channel.ts';
import { sizeOf, type Entry } from '../../src/flow/entry.ts';
import { collect, newChannel, type Collected } from './entries.ts';
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
  const { told, sink } = telling();
  return {
    source: new RdbSource(path, { ...OPTIONS, hasAllNames: options.includes === undefined, ...options }, sink),
    told,
  };
}

function telling(): { readonly told: Told; readonly sink: FileSink } {
  const told: Told = { expired: 0, leftOut: [], unchecked: 0, refused: [] };
  const sink = {
    onExpired: () => void told.expired++,
    onNotice: (notice: SourceNotice) => {
      if (notice.code === 'LEFT_OUT') told.leftOut.push([notice.kind, notice.names.join(' '), notice.count]);
      if (notice.code === 'UNCHECKED') told.unchecked++;
    },
    onReadRefused: (db: number, key: Buffer, { message }: Error) => void told.refused.push([db, String(key), message]),
  };
  return { told, sink };
}

export async function readSnapshot(path: string, options: Partial<RdbSourceOptions> = {}): Promise<Collected & Told> {
  const { source, told } = snapshotSource(path, options);
  const collected = await collect(source);
  return { ...collected, ...told };
}

export interface TellingIntake {
  readonly intake: SnapshotIntake;
  readonly told: Told;
  /** Keys whose values have to be read elsewhere. */
  readonly passedOver: [db: number, key: string][];
}

export function intakeOf(
  channel: Channel,
  options: Partial<SnapshotIntakeOptions> = {},
  onDrain: SnapshotSink['onDrain'] = () => {},
): TellingIntake {
  const { told, sink } = telling();
  const passedOver: [number, string][] = [];
  const given = { ...OPTIONS, hasAllNames: options.includes === undefined, name: 'the snapshot of host:1', ...options };
  const onPassedOver = (db: number, key: Buffer): void => void passedOver.push([db, String(key)]);
  const clock = options.clock ?? { now: () => Date.now(), isRelative: false };
  return {
    intake: new SnapshotIntake(channel, { ...given, clock }, { ...sink, onPassedOver, onDrain }),
    told,
    passedOver,
  };
}

/** Hands in the chunks one after the other, and settles what comes out at once. */
export async function takeIn(
  chunks: Iterable<Buffer>,
  options: Partial<SnapshotIntakeOptions> = {},
): Promise<Collected & Told & Pick<TellingIntake, 'passedOver'>> {
  const entries: Entry[] = [];
  const channel = newChannel(Infinity, Infinity);
  const { intake, told, passedOver } = intakeOf(channel, options);
  channel.handTo({
    take(view) {
      const entry = view.copy();
      entries.push(entry);
      channel.settle(entry.page, sizeOf(entry));
      return true;
    },
  });
  for (const chunk of chunks) intake.push(chunk);
  intake.end();
  const error: unknown = await intake.done.catch((error: unknown) => error);
  return { entries, ...(error === undefined ? {} : { error }), ...told, passedOver };
}

/** Chunks of so many bytes each, over and over. */
export function* chunksOf(bytes: Buffer, ...sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const end = at + sizes[i % sizes.length]!;
    // Memory of its own, which nobody else writes: what is kept of it by reference shows.
    yield Buffer.from(bytes.subarray(at, end));
    at = end;
  }
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
