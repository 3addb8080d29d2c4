// The two ends of the flow and the channel between them, made for what was asked for, and how they run side by side.

import { Channel } from '../flow/channel.ts';
import type { Observation } from '../flow/observation.ts';
import { whileListening } from '../flow/failure.ts';
import { expiryClock } from '../flow/expiry.ts';
import { isFile } from '../../resp/address.ts';
import { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import type { DumpOptions } from '../keys/dump.ts';
import { depthFor } from '../server/transfer-limits.ts';
import { TransferLimits } from '../server/transfer-limits.ts';
import { RdbSource } from '../source/rdb-source.ts';
import { RedisSource, type RedisSourceOptions } from '../source/redis-source.ts';
import { FirstCopy } from '../source/first-copy.ts';
import { RespSource } from '../source/resp-source.ts';
import type { FileSink, Source, SourceSink } from '../source/source.ts';
import { Collisions } from '../target/key-names.ts';
import { RedisTarget } from '../target/redis-target.ts';
import { NdjsonTarget } from '../target/ndjson-target.ts';
import { RespTarget } from '../target/resp-target.ts';
import type { DryRunTarget, NameOrigins, Target, WayBack } from '../target/target.ts';
import type { Following } from '../live/following.ts';
import type { OwnNames } from '../live/own-names.ts';
import { WrittenKeys } from '../target/conflicts.ts';
import { mayGrow, skewOf, type Plan } from './sides.ts';
import type { Run } from './preflight.ts';
import type { Progress } from './progress.ts';
import type { Settings } from './settings.ts';

/** What an entry costs beside its key and its payload, in bytes: two Buffers, a slot, and its share of a chunk. */
const ENTRY_BYTES = 512;
/** Values in pieces at once: with more of them no server has more to do. */
const MOST_AT_ONCE = 4;
/** What one of them takes: four pieces of 1 MiB, as elements. */
const BYTES_OF_ONE = 16 * 1024 * 1024;
/** Of the budget, that one value may take which is made whole again out of pieces: small ones go on beside it. */
const GATHERED_SHARE = 7 / 8;
/** How many keys a file may hold is not known beforehand. */
const KEYS_OF_A_FILE = 1_000_000;
/** Where the target itself is not asked whether a key is ours. */
const CERTAIN_BITS_PER_KEY = 64;

/** Of one value in a snapshot that comes, which takes twice as much. */
const MOST_HELD = 16 * 1024 * 1024;
/** Of the budget, that such values of all nodes may have together. */
const HELD_SHARE = 1 / 4;

/** @param observation what hears of all that is read, where somebody wants to know */
export function channelOf(
  { sides: { source, target }, settings: { buffer, controls } }: Run,
  observation?: Observation,
): Channel {
  const servers = [...(source?.servers ?? []), ...(target?.servers ?? [])];
  const depth = depthFor(Math.max(0, ...servers.map(({ roundTrip }) => roundTrip)));
  // Entries of a cluster wait at their nodes, and a slow node holds up the others only when memory is used up.
  const waiting = target?.isCluster === true ? buffer / ENTRY_BYTES : 0;
  return new Channel({
    maxEntries: Math.max(2 * depth, waiting),
    maxBytes: buffer,
    pause: controls.pausing,
    observation,
  });
}

/** What is told of reading. */
export type ReadingSink = SourceSink & Pick<NodeLinkOptions, 'onReconnect'>;

/** What is to be read. */
export interface Reading {
  readonly plan: Pick<Plan, 'databases' | 'mode' | 'keys' | 'fields'>;
  readonly settings: Settings;
}

/** How keys are read, where they are not to be copied. */
export interface ReadingOptions {
  /** Takes the place of reading: keys are only to be counted. */
  readonly tally?: DryRunTarget | undefined;
  readonly namesOnly?: boolean;
  readonly tellsEmpty?: boolean;
  /** Whether no part of a server is walked beside another: over a long line that takes longer, and nothing has to be read twice. */
  readonly plainly?: boolean;
  /** Bytes of the longest value that is read in one piece; what the target can take otherwise. */
  readonly bigKey?: number;
  /** Where the source is followed. */
  readonly ledger?: RedisSourceOptions['ledger'];
  readonly follower?: RedisSourceOptions['follower'];
  readonly hearing?: RedisSourceOptions['hearing'];
  readonly firstCopy?: RedisSourceOptions['firstCopy'];
  /** Where an earlier copy was left, and what it could not copy. */
  readonly from?: RedisSourceOptions['from'];
  readonly failed?: RedisSourceOptions['failed'];
  /** Of a file: takes the place of the scope. */
  readonly wanted?: (key: Buffer) => boolean;
  /** Whether large values of a file are read after its end as well: whoever does so has to `stop` it. */
  readonly outlives?: boolean;
}

/** @param side where it is a server */
export function sourceOf(
  side: Deployment | undefined,
  { plan, settings }: Reading,
  sink: ReadingSink,
  how: ReadingOptions = {},
): Source {
  if (side === undefined) return fileSourceOf({ plan, settings }, sink, how);
  const { scope, retry, count, bySize, observation } = settings;
  const { maxLatency, pausing: pause } = settings.controls;
  const { bigKey = settings.bigKey, tally, namesOnly, tellsEmpty, ledger, follower, firstCopy, from, failed } = how;
  const dump = {
    mode: plan.mode,
    fields: plan.fields,
    usage: usageOf(side, settings),
    bigKey,
    bySize,
    maxLatency,
    observation,
  };
  const onReconnect = sink.onReconnect.bind(sink);
  const databases = plan.databases.map(([db]) => db);
  const asked = { namesOnly, tellsEmpty, hearing: how.hearing, plainly: how.plainly };
  const options = { databases, keys: plan.keys, count, scope, pause, dump, retry, onReconnect, ...asked };
  return new RedisSource(side, { ...options, census: tally?.add, ledger, follower, firstCopy, from, failed }, sink);
}

/**
 * What takes the place of the first scan, where that is asked for.
 * @throws RespError where there is no such thing
 */
export function firstCopyOf(
  { sides: { source }, plan, settings }: Run,
  sink: FileSink & ReadingSink,
): FirstCopy | undefined {
  const { firstCopy, scope, preserveIdle, buffer, dryRun, resume } = settings;
  if (firstCopy === 'scan') return undefined;
  if (source === undefined || dryRun || resume !== undefined) {
    const why = source === undefined ? 'a file makes none' : `with ${dryRun ? 'dryRun' : 'resume'} it is of no use`;
    throw new RespError('FIRST_COPY', `Cannot take the snapshot of the source: ${why}`);
  }
  const { databases, mode, fields } = plan;
  const held = Math.min(MOST_HELD, (buffer * HELD_SHARE) / source.servers.length);
  const options = {
    databases: new Set(databases.map(([db]) => db)),
    includes: (key: Buffer) => scope.includes(key),
    hasAllNames: scope.hasAllNames,
    mayInclude: scope.mayInclude.bind(scope),
    type: scope.type,
    mode: mode === 'dropped' ? ('dropped' as const) : ('exact' as const),
    fields,
    preserveIdle,
    bigKey: Math.floor(Math.min(settings.bigKey, held)),
    clock: { now: expiryClock('exact', skewOf(source)), isRelative: mode === 'relative' },
    retry: settings.retry,
    onReconnect: sink.onReconnect.bind(sink),
  };
  return new FirstCopy(source, options, sink);
}

export function fileSourceOf(
  { plan: { databases, mode, fields }, settings }: Reading,
  sink: FileSink,
  { bigKey = settings.bigKey, wanted, outlives }: ReadingOptions = {},
): Source {
  const { from, scope, preserveIdle, timeout } = settings;
  const options = {
    databases: databases.length === 0 ? ('all' as const) : new Set(databases.map(([db]) => db)),
    includes: wanted ?? ((key: Buffer) => scope.includes(key)),
    hasAllNames: wanted === undefined && scope.hasAllNames,
    mayInclude: scope.mayInclude.bind(scope),
    type: scope.type,
    mode: mode === 'dropped' ? ('dropped' as const) : ('exact' as const),
    fields,
    preserveIdle,
    bigKey,
    outlives,
  };
  if (from.address.kind === 'snapshot') return new RdbSource(from.shown, options, sink);
  return new RespSource(from.shown, { ...options, patience: timeout }, sink);
}

/** Which keys are ours has to be known where those of the target are not replaced. */
export function writtenKeysOf(
  { plan: { keys }, settings: { to, onConflict, live } }: Run,
  isVerified: boolean,
  isResumed: boolean,
): WrittenKeys | undefined {
  if (onConflict === 'replace' || isFile(to.address) || live !== undefined) return undefined;
  return new WrittenKeys(keys || KEYS_OF_A_FILE, isVerified ? CERTAIN_BITS_PER_KEY : undefined, isResumed);
}

/** What the target has to know where the source is followed. */
export interface LiveWriting {
  /** What it had before. */
  readonly ownNames: OwnNames;
  readonly origins: NameOrigins | undefined;
}

export function targetOf(
  { sides: { target }, plan, settings }: Run,
  source: WayBack,
  written: WrittenKeys | undefined,
  progress: Progress,
  following?: LiveWriting,
  introduce?: NodeLinkOptions['introduce'],
): Target {
  const { names, retry, onConflict, buffer } = settings;
  const { mode, clock, targetDbOf } = plan;
  const keys = plan.keys || KEYS_OF_A_FILE;
  const keeps = onConflict !== 'replace';
  // Under live, what is the target's own is known by name.
  const replace = !keeps || following !== undefined;
  const live = following && {
    ownNames: following.ownNames.isEmpty && !mayGrow(settings) ? undefined : following.ownNames,
    keeps,
    origins: following.origins,
    type: settings.scope.type,
  };
  const mayCollide = following === undefined && (names.mayCollide || plan.merges);
  const common = {
    mode,
    clock,
    targetDbOf,
    targetNameOf: (key: Buffer) => names.targetNameOf(key),
    renames: names.changes,
    collisions: mayCollide ? new Collisions(names, targetDbOf, keys) : undefined,
    limit: settings.controls.limit,
  };
  const { address } = settings.to;
  if (isFile(address))
    return new (address.kind === 'ndjson' ? NdjsonTarget : RespTarget)(address.path, common, progress);
  // What is no file was reached.
  const deployment = target!;
  const onReconnect = progress.onReconnect.bind(progress);
  const atOnce = Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(buffer / BYTES_OF_ONE)));
  const mostBytes = Math.min(...deployment.servers.map(({ mostBytes }) => mostBytes));
  const limits = limitsOf(mostBytes, settings);
  const gatherBytes = settings.bySize ? 0 : Math.min(settings.bigKey, buffer * GATHERED_SHARE, mostBytes);
  const own = { replace, written, mostBytes, limits, bigKey: settings.bigKey, gatherBytes, atOnce, retry, onReconnect };
  return new RedisTarget(deployment, source, { ...common, ...own, live, introduce }, progress);
}

/** A command goes as a whole, and what has to wait at the target with it, so far as a limit is told, must have room as well. */
function limitsOf(mostBytes: number, { buffer }: Settings): TransferLimits {
  const limits = new TransferLimits(mostBytes, Math.min(buffer, mostBytes));
  limits.pieceBore(mostBytes / 4);
  return limits;
}

/** Whichever the source counts. */
function usageOf({ servers }: Deployment, { preserveIdle }: Settings): DumpOptions['usage'] {
  if (!preserveIdle) return undefined;
  return servers.some(({ info }) => info.countsFrequency) ? 'frequency' : 'idle';
}

/** When one end fails, or the operator stops them, the other one ends too. */
export class Flow {
  readonly #source: Source;
  readonly #channel: Channel;
  readonly #target: Target;
  readonly #run: Pick<Run, 'end' | 'settings'>;
  readonly #following: Following | undefined;

  /** @param run whose pauses and connects end with it */
  constructor(
    source: Source,
    channel: Channel,
    target: Target,
    run: Pick<Run, 'end' | 'settings'>,
    following?: Following,
  ) {
    this.#source = source;
    this.#channel = channel;
    this.#target = target;
    this.#run = run;
    this.#following = following;
  }

  /** Returns when everything is on the target; rejects with the first error, or with the reason of `stop`. */
  async run(signal: AbortSignal | undefined): Promise<void> {
    const flowing = async (): Promise<void> => {
      const [reading, writing] = [this.#read(), this.#write()];
      try {
        await Promise.all([reading, writing, this.#follow()]);
      } finally {
        // Whoever follows gives up at once, and replies are still waited for: before, nobody may say how it went.
        await writing.catch(() => {});
      }
    };
    await whileListening(signal, (reason) => this.stop(reason), flowing);
  }

  /** Nothing more is read or sent; replies to what was sent are still counted. */
  stop(reason: Error): void {
    this.#run.settings.controls.stop();
    this.#run.end.abort(reason);
    this.#channel.abort(reason);
    this.#source.stop(reason);
    this.#following?.fail(reason);
  }

  async #follow(): Promise<void> {
    try {
      await this.#following?.run();
    } catch (error) {
      this.stop(error as Error);
      throw error;
    }
  }

  /** An error of the reader travels through the channel, behind the entries that were read before it. */
  async #read(): Promise<void> {
    try {
      await this.#source.read(this.#channel);
      this.#channel.close();
    } catch (error) {
      this.#run.settings.controls.stop();
      this.#channel.close(error);
    }
  }

  async #write(): Promise<void> {
    try {
      await this.#target.write(this.#channel);
    } catch (error) {
      this.stop(error as Error);
      throw error;
    }
  }
}
