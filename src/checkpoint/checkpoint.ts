// How far a copy has come, as text: what was acknowledged, of which source, into which target, and with which options. It is
// read back only where nothing of that has changed. No secret is in it.

import { RespError } from '../../resp/errors.ts';
import type { ConnectionsState } from './writer-connections.ts';
import type { MetServers } from '../cluster/apart.ts';
import type { KeyId } from '../flow/key-id.ts';
import type { LeftFeed } from '../live/left-feeds.ts';
import { Crc64 } from '../rdb/crc64.ts';
import type { Flushes } from '../server/flushes.ts';
import type { SourceState } from '../source/walks.ts';

/** What has to be the same in a copy that goes on, by the flags that say it. */
export type CopyIdentity = Readonly<Record<string, string | null>>;

/** The process of one node of the target that has acknowledged what the checkpoint tells. */
export interface TargetIdentity {
  readonly id: string;
  readonly address: string;
  /** Empty where it does not say. */
  readonly runId: string;
  readonly replicationId: string;
  readonly evictedKeys: number;
  /** How often it was flushed; `null` where it does not say. */
  readonly flushes: Flushes | null;
}

/** What is counted of keys. */
export interface KeyFigures {
  readonly keys: number;
  readonly bytes: number;
  readonly converted: number;
  readonly skipped: number;
  readonly expired: number;
  readonly repeated: number;
  /** Under `--live`. */
  readonly removed: number;
}

/** Figures that go on. */
export interface CheckpointFigures extends KeyFigures {
  readonly reconnects: number;
  /** Milliseconds. */
  readonly elapsed: number;
}

/** Keys that could not be copied. */
export interface FailedKeysState {
  /** Those that are known by name: database, and the name in base64. */
  readonly names: readonly (readonly [db: number, key: string])[];
  /** How many others there are. */
  readonly more: number;
}

/** What following has done, beside the walks. */
export interface FollowedState {
  readonly feeds: readonly LeftFeed[];
  /** Whether something was missed that was not made good yet. */
  readonly isGapOpen: boolean;
  /** Whether the target holds nothing in scope that is its own. */
  readonly isTargetOurs: boolean;
}

export interface Checkpoint {
  readonly copy: CopyIdentity;
  /** Where the databases go that have been begun. */
  readonly databases: readonly (readonly [source: number, target: number])[];
  /** The servers of both sides; missing where these are one. */
  readonly met?: MetServers | undefined;
  readonly source: SourceState;
  /** Who has acknowledged it; empty as long as nothing was. */
  readonly targets: readonly TargetIdentity[];
  readonly figures: CheckpointFigures;
  readonly failed: FailedKeysState;
  /** On which it is written, the ones of earlier parts included that could not be ended. */
  readonly connections?: ConnectionsState;
  /** Where the source is followed. */
  readonly followed?: FollowedState | undefined;
  /** Where it is kept in several places: all of them, and what grows with each one that is kept. */
  readonly places?: readonly string[];
  readonly sequence?: number;
  /** And which run has kept it there. */
  readonly run?: string;
  /** And the database of this one: another one that took its place has other data. */
  readonly database?: number;
  /** And whether the run had done everything, and begun to remove them. */
  readonly isGoing?: boolean;
}

const FORMAT = 'rump-checkpoint';
const VERSION = 1;
/** Bytes: a longer text was not written here. */
export const LONGEST_CHECKPOINT = 64 * 1024 * 1024;

/** The code of every refusal of a checkpoint. */
export const CHECKPOINT = 'CHECKPOINT';
/** The code where another run keeps its progress in the same place. */
export const CHECKPOINT_TAKEN = 'CHECKPOINT_TAKEN';

export function formatCheckpoint(checkpoint: Checkpoint): string {
  const text = JSON.stringify(checkpoint);
  return `${JSON.stringify({ format: FORMAT, version: VERSION, checksum: checksumOf(text), checkpoint })}\n`;
}

/**
 * @param where it was found, in messages
 * @param hint how to begin anew
 * @throws RespError where it is none, damaged, or of another version
 */
export function parseCheckpoint(text: string, where: string, hint: string): Checkpoint {
  const refused = (why: string): RespError => new RespError(CHECKPOINT, `Cannot go on from ${where}: ${why}`, { hint });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const isOurs = text.includes(FORMAT);
    throw new RespError(CHECKPOINT, refused(isOurs ? 'it is damaged' : 'it is no checkpoint of rump').message, {
      hint,
      cause,
    });
  }
  const { format, version, checksum, checkpoint } = (parsed ?? {}) as Readonly<Record<string, unknown>>;
  if (format !== FORMAT) throw refused('it is no checkpoint of rump');
  if (version !== VERSION) {
    throw refused(`another version of rump has written it (format ${String(version)}, and this one reads ${VERSION})`);
  }
  if (checksum !== checksumOf(JSON.stringify(checkpoint) ?? '')) throw refused('it is damaged: its checksum is wrong');
  return checkpoint as Checkpoint;
}

/** Text that was parsed is written back as it was: names are in their order, and no name is a number. */
function checksumOf(text: string): string {
  return new Crc64().update(Buffer.from(text)).value.toString(16);
}

/**
 * @param now of the copy that is to go on
 * @param wayOut how to begin anew
 * @throws RespError, where another copy has kept it: the first thing that differs is named
 */
export function demandSameCopy(before: CopyIdentity, now: CopyIdentity, where: string, wayOut: string): void {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  const name = [...names].find((name) => (before[name] ?? null) !== (now[name] ?? null));
  if (name === undefined) return;
  const [was, is] = [before[name] ?? null, now[name] ?? null];
  const what = was === null ? `it was written without --${name}` : `it was written with --${name} ${was}`;
  const but = is === null ? 'and it is not given now' : `and now it is ${is}`;
  throw new RespError(CHECKPOINT, `Cannot go on from ${where}: it belongs to another copy: ${what}, ${but}`, {
    hint: `give the same options as before; ${wayOut}`,
  });
}

/** Those that are known by name. */
export function namesIn({ names }: FailedKeysState): KeyId[] {
  return names.map(([db, key]) => ({ db, key: Buffer.from(key, 'base64') }));
}
