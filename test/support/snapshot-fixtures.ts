// The recorded snapshot files, each with what its server told of every key through native commands.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withNumbers, withoutNumbers } from './payload-fixtures.ts';
import type { Snapshot } from './snapshot.ts';

export interface SnapshotFile {
  /** As the server names itself: `redis 7.0.15`. */
  readonly server: string;
  readonly keys: readonly RecordedKey[];
  /** Keys of the file that had expired when it was written, and that the server would not show. */
  readonly expired: readonly string[];
  /** Names of the libraries of functions. */
  readonly functions: readonly string[];
}

export interface RecordedKey extends Snapshot {
  readonly db: number;
  /** Byte strings are latin1, as in the value. */
  readonly key: string;
  /** By field, milliseconds since 1970: those that expire. */
  readonly fieldExpiries: Readonly<Record<string, number>>;
  /** Seconds, as OBJECT IDLETIME tells them; -1 where the server counts frequencies. */
  readonly idle: number;
  /** As OBJECT FREQ tells it; -1 where the server counts idle times. */
  readonly frequency: number;
}

export interface NamedSnapshot extends SnapshotFile {
  /** `redis-7.0`, `redis-7.0-lfu`. */
  readonly name: string;
  readonly path: string;
}

export const snapshotFolder: string = fileURLToPath(new URL('../../../fixtures/snapshots/', import.meta.url));

export function readSnapshots(): NamedSnapshot[] {
  const names = readdirSync(snapshotFolder).filter((name) => name.endsWith('.json'));
  return names.toSorted().map((file) => {
    const name = file.slice(0, -'.json'.length);
    const recorded = JSON.parse(readFileSync(join(snapshotFolder, file), 'utf8'), withNumbers) as SnapshotFile;
    return { ...recorded, name, path: join(snapshotFolder, `${name}.rdb`) };
  });
}

export function printSnapshot({ keys, ...head }: SnapshotFile): string {
  const lines = keys.map((key) => JSON.stringify(key, withoutNumbers));
  return `${JSON.stringify(head).slice(0, -1)},"keys":[\n${lines.join(',\n')}\n]}\n`;
}
