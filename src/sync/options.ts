// What a copy is asked for and what it tells: the words shared by the library door and the command line.

import type { TlsOptions } from '../../resp/tls-options.ts';
import type { Reconnect } from '../server/retry.ts';
import type { TapMaker } from '../server/server.ts';
import type { NatRule } from '../cluster/announced.ts';
import type { Observed } from '../flow/observation.ts';
import type { TypeFigures } from '../target/target.ts';
import type { PartitionOptions } from './workers-plan.ts';

export type { NatRule } from '../cluster/announced.ts';
export type { PartitionOptions } from './workers-plan.ts';
export type { Observed } from '../flow/observation.ts';
export type { TypeFigures } from '../target/target.ts';

/** What happens to a key that the target already has. */
export type ConflictPolicy = 'replace' | 'skip' | 'fail';

/** How the source is followed while it is written. */
export interface LiveOptions {
  /** Follow what changes at the source until the cutover: see the others. Default `false`. */
  readonly live?: boolean | undefined;
  /** How changes are learnt. Default `auto`: the first that works and leaves no trace at the source. */
  readonly feed?: 'auto' | 'psync' | 'tracking' | undefined;
  /** The writers have stopped when this file appears. */
  readonly cutoverFile?: string | undefined;
  /** Milliseconds: the writers have stopped when nothing was written for so long. */
  readonly untilIdle?: number | undefined;
  /** Milliseconds: a cutover that takes longer fails with `NOT_CONVERGED`. Default 60,000. */
  readonly cutoverTimeout?: number | undefined;
  /** Milliseconds for which the source is followed after the cutover: what is still written is copied and told. Default 2,000. */
  readonly linger?: number | undefined;
  /** Milliseconds: a large value that changes all the time is read no more often. Default 200. */
  readonly settle?: number | undefined;
  /** Replicas of the target, of each node, that must have everything before the end. Default 0. */
  readonly waitReplicas?: number | undefined;
  /** Remove also keys that may have been the target's own before, where that is not known. Default `false`. */
  readonly deleteInDoubt?: boolean | undefined;
  /** Names that are kept at most: of changed keys, and of those that the target had at the beginning. Default 1,000,000. */
  readonly namesLimit?: number | undefined;
}

/** How all that is there at the beginning is read. */
export type FirstCopyWay = 'scan' | 'snapshot';

export interface MigrateOptions extends LiveOptions {
  /** The source endpoint, as on the command line: `redis://[[user]:password@]host[:port][/db]`, `PATH.resp`, `-`, `PATH.rdb`. */
  readonly from: string;
  /** The target endpoint; a file that is written is `PATH.resp`, `PATH.ndjson`, or stdout as `-` or `-.ndjson`. */
  readonly to: string;
  /** Passwords that stay out of the URLs; they win over the ones in there. */
  readonly fromPassword?: string | undefined;
  readonly toPassword?: string | undefined;
  /** Passwords of the sentinels themselves. */
  readonly fromSentinelPassword?: string | undefined;
  readonly toSentinelPassword?: string | undefined;
  readonly fromTls?: TlsOptions | undefined;
  readonly toTls?: TlsOptions | undefined;
  readonly fromNat?: readonly NatRule[] | undefined;
  readonly toNat?: readonly NatRule[] | undefined;
  /** Source databases; the one of the `from` URL otherwise. */
  readonly db?: readonly number[] | 'all' | undefined;
  /** Target database by source database; the same number otherwise, and the one of the `to` URL where one is copied. */
  readonly dbMap?: ReadonlyMap<number, number> | undefined;
  /** Redis globs: keys that match any of them, and none of `exclude`. */
  readonly match?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** Only keys of this type, as TYPE names it. */
  readonly type?: string | undefined;
  /** One part of a cluster, where several processes copy it. Default: all of the source. */
  readonly partition?: PartitionOptions | undefined;
  /** Taken away from the beginning of keys that have it. */
  readonly stripPrefix?: string | undefined;
  /** Then put in front of every key. */
  readonly addPrefix?: string | undefined;
  /**
   * `snapshot`: what each node of the source sends to a replica takes the place of SCAN and DUMP. It forks once, and its clients
   * feel nothing of the rest. Default `scan`.
   */
  readonly firstCopy?: FirstCopyWay | undefined;
  /** Default `replace`. */
  readonly onConflict?: ConflictPolicy | undefined;
  /** `true` drops expiries. Default `false`. */
  readonly noTtl?: boolean | undefined;
  /** `true` carries idle times or access frequencies, whichever the source counts. Default `false`. */
  readonly preserveIdle?: boolean | undefined;
  /** SCAN COUNT; chosen by rump otherwise. */
  readonly count?: number | undefined;
  /** Bytes held between reader and writer. Default 64 MiB. */
  readonly buffer?: number | undefined;
  /** Bytes: values above it are read and written in pieces. Default: so that no DUMP takes longer than `maxLatency` allows. */
  readonly bigKey?: number | undefined;
  /** Milliseconds: the longest that other clients of the source may have to wait. Default 50. */
  readonly maxLatency?: number | undefined;
  /** Bytes: a list of names, or a page of a large value, that is longer ends the run. Default 128 MiB. */
  readonly maxReply?: number | undefined;
  /** Most bytes of keys and payloads, and most keys, a second. */
  readonly bwlimit?: number | undefined;
  readonly tpslimit?: number | undefined;
  /** The path of a Unix socket that the run listens on meanwhile: what `rump ctl` speaks to. */
  readonly control?: string | undefined;
  /** How often in a row, without progress in between, a lost connection is opened again. Default 10. */
  readonly retries?: number | undefined;
  /** Milliseconds: the longest pause before that. Default 30,000. */
  readonly retryMax?: number | undefined;
  /** Milliseconds without progress that count as a failure of the connection. Default 60,000. */
  readonly timeout?: number | undefined;
  /** Stop at the first key that fails. Default `false`. */
  readonly failFast?: boolean | undefined;
  /**
   * Keeps progress in the file of this path, or at the target where it is `target`, goes on from there if there is some, and
   * removes it once all is done. Of servers only. Default: nothing is kept.
   */
  readonly resume?: string | undefined;
  /** Look at both sides and count what would be copied; write nothing. Default `false`. */
  readonly dryRun?: boolean | undefined;
  /** Tell what stands out of what is read: see `ObservedEvent`. Default `false`. */
  readonly observe?: boolean | undefined;
  /** Makes, for each connection before it is made, what hears every byte that goes either way. It must be quick and must not throw. */
  readonly tap?: TapMaker | undefined;
  /** Aborted by whoever says that the writers have stopped, under `live`. */
  readonly cutover?: AbortSignal | undefined;
  /** Aborting stops the copy cleanly; `migrate` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called synchronously; it must be quick and must not throw. */
  readonly onEvent?: ((event: MigrateEvent) => void) | undefined;
}

/** Counts of acknowledged replies, never of intentions. */
export interface Figures {
  /** Keys that the target acknowledged. */
  readonly keys: number;
  /** Bytes of keys and DUMP payloads in those. */
  readonly bytes: number;
  /** Keys among them that were given another form, since the target would not have read their payload. */
  readonly converted: number;
  /** Keys that the target already had, under `skip`. */
  readonly skipped: number;
  /** Keys that were removed at the target, as they are gone at the source; where that is followed. */
  readonly removed?: number | undefined;
  /** Keys that were deleted or expired on the way. */
  readonly expired: number;
  /** Keys that could not be copied. */
  readonly failed: number;
  /** Connections that were lost and opened again. */
  readonly reconnects: number;
  /** Milliseconds since the start. */
  readonly elapsed: number;
  /** Whether an earlier part is counted as well, which this run has gone on from. */
  readonly resumed?: boolean | undefined;
}

/** What a copy and a check tell alike. */
export type CommonEvent =
  | StartEvent
  /** So many more keys: acknowledged by the target, or compared. */
  | { readonly type: 'batch'; readonly keys: number }
  | { readonly type: 'warning'; readonly code: string; readonly message: string }
  | ReconnectEvent
  | KeyFailedEvent
  | ObservedEvent;

export type MigrateEvent =
  | CommonEvent
  | KeyRecoveredEvent
  | ({ readonly type: 'progress' } & Progress)
  | DryRunEvent
  /** The source is followed: how far it has come. */
  | { readonly type: 'phase'; readonly phase: LiveProgress['phase'] }
  | ({ readonly type: 'done' } & Figures);

export interface Progress extends Figures {
  /** Done so far, 0 to 1: of what was there at the beginning. */
  readonly fraction: number;
  /** Where the source is followed. */
  readonly live?: LiveProgress | undefined;
  /** While nothing is read or written, as somebody has said so by the control socket. */
  readonly paused?: true | undefined;
  /** Milliseconds before `bwlimit` or `tpslimit` lets a key go again, where that takes a second or longer. */
  readonly owed?: number | undefined;
}

export interface LiveProgress {
  /** `attaching`: changes are not told yet; `in-sync`: all that was written up to a moment ago is on the target. */
  readonly phase: 'attaching' | 'copying' | 'following' | 'in-sync' | 'cutover' | 'lingering';
  /** Keys that have changed and are not on the target yet. */
  readonly behind: number;
  /** Milliseconds that the target is behind, as measured last; `null` before it was. */
  readonly lag: number | null;
}

export interface StartEvent {
  readonly type: 'start';
  readonly source: SideReport;
  readonly target: SideReport;
  /** Where one of several processes copies a part of the source. */
  readonly partition?: PartitionReport | undefined;
  /** Source database and target database. */
  readonly databases: readonly (readonly [source: number, target: number])[];
  /** What narrows the copy or changes names and expiries, by the flags that say it; `db` always. */
  readonly scope: Readonly<Record<string, string>>;
  /** Milliseconds between the clocks of both sides; `null` where one of them has none. */
  readonly clockSkew: number | null;
  /** `exact` carries milliseconds since 1970, `relative` what is left of each. */
  readonly expiry: 'exact' | 'relative' | 'dropped';
  /** How changes of the source are learnt, and why so; where it is followed. */
  readonly feed?: { readonly kind: 'psync' | 'tracking'; readonly why: string } | undefined;
}

export interface PartitionReport {
  /** From 1. */
  readonly part: number;
  readonly parts: number;
  /** How many slots it has, and how many primaries serve them. */
  readonly slots: number;
  readonly primaries: number;
  /** What tells the slots of all parts from those of any other plan. */
  readonly plan: string;
}

/** What the look at one side has found. */
export interface SideReport {
  /** The endpoint without its password. */
  readonly endpoint: string;
  readonly kind: 'server' | 'sentinel' | 'cluster' | 'file';
  /** Every primary that is read from or written to; none of a file. */
  readonly nodes: readonly NodeReport[];
  /** Keys in the databases in question. */
  readonly keys: number;
  /** Two runs that have reached the same server or cluster, by whichever node or name, share some; none of a file. */
  readonly ids?: readonly string[] | undefined;
}

export interface NodeReport {
  /** `host:port`, or the path of a Unix socket. */
  readonly address: string;
  /** `name version`, such as `valkey 8.1.4`. */
  readonly server: string;
  readonly role: 'primary' | 'replica';
  /** Bytes. */
  readonly usedMemory: number;
  /** Bytes; 0 is no limit. */
  readonly maxMemory: number;
}

/** A connection was lost, or a server refuses for now; it is opened again after a pause. */
export interface ReconnectEvent extends Reconnect {
  readonly type: 'reconnect';
}

export interface KeyFailedEvent {
  readonly type: 'key-failed';
  readonly db: number;
  readonly key: Buffer;
  /** First word of the error reply: `BUSYKEY`, `NOPERM`, `ERR`. */
  readonly code: string;
  readonly reason: string;
}

/** A key that was told as failed is in place: copied, or gone from the source. It may fail once more, and is told then. */
export interface KeyRecoveredEvent {
  readonly type: 'key-recovered';
  readonly db: number;
  readonly key: Buffer;
}

/** What stands out of all that was read until now, under `observe`; with each `progress`. */
export interface ObservedEvent extends Observed {
  readonly type: 'observed';
}

/** What a copy would bring, under `dryRun`. */
export interface DryRunEvent {
  readonly type: 'dry-run';
  readonly types: readonly TypeFigures[];
}

/** What `migrate` resolves with once the whole source was read; `failed` may be above 0. */
export interface MigrateResult extends Figures {
  /** Changes that were made at the source after the cutover: the writers were not stopped. What they wrote is copied. */
  readonly stragglers?: number | undefined;
  /** Keys of the target that the source does not have, and that may be the target's own. */
  readonly doubtful?: number | undefined;
}
