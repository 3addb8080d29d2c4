// What a copy was asked for, resolved: addresses parsed, defaults filled in, contradictions refused.

import { formatAddress, parseAddress, type Address } from '../../resp/address.ts';
import { AddressError, RespError } from '../../resp/errors.ts';
import { Secrets } from '../../resp/secrets.ts';
import type { TlsOptions } from '../../resp/tls-options.ts';
import type { NatRule } from '../cluster/announced.ts';
import { formOf } from '../file/regular-file.ts';
import { Observation } from '../flow/observation.ts';
import type { FeedKind } from '../live/feed.ts';
import type { RetryOptions } from '../server/retry.ts';
import type { TapMaker } from '../server/server.ts';
import type { CopyIdentity } from '../checkpoint/checkpoint.ts';
import { KeyScope } from '../scan/key-scope.ts';
import { KeyNames } from '../target/key-names.ts';
import { RunControls } from './controls.ts';
import { PARTITION, partitionOf, type Partition } from './workers-plan.ts';
import type { ConflictPolicy, FirstCopyWay, MigrateEvent, MigrateOptions } from './options.ts';

/** Whether the target is written or only read, or there is none. */
export type Use = 'copy' | 'check' | 'inspect';

export interface Settings {
  readonly use: Use;
  readonly from: EndpointSettings;
  readonly to: EndpointSettings;
  /** Source databases, where they were named. */
  readonly databases: readonly number[] | 'all' | undefined;
  readonly dbMap: ReadonlyMap<number, number>;
  /** Where several processes share out the source. */
  readonly partition: Partition | undefined;
  readonly scope: KeyScope;
  readonly names: KeyNames;
  readonly firstCopy: FirstCopyWay;
  readonly onConflict: ConflictPolicy;
  readonly noTtl: boolean;
  readonly preserveIdle: boolean;
  readonly count: number | undefined;
  /** Bytes. */
  readonly buffer: number;
  /** Bytes of the longest value that is read or written whole. */
  readonly bigKey: number;
  /** Whether values go in pieces for their size alone, and not for the time that the source would need. */
  readonly bySize: boolean;
  /** Bytes. */
  readonly maxReply: number;
  readonly retry: RetryOptions;
  /** Milliseconds. */
  readonly timeout: number;
  readonly controls: RunControls;
  readonly failFast: boolean;
  readonly dryRun: boolean;
  /** Where progress is kept: the path of a file, or `target`. */
  readonly resume: string | undefined;
  /** What has to be the same in a copy that goes on. */
  readonly identity: CopyIdentity;
  /** Where the source is followed. */
  readonly live: LiveSettings | undefined;
  readonly signal: AbortSignal | undefined;
  /** Every password of either side. */
  readonly secrets: Secrets;
  readonly tap: TapMaker | undefined;
  /** Of what is read, where somebody wants to know. */
  readonly observation: Observation | undefined;
  readonly onEvent: (event: MigrateEvent) => void;
}

export interface LiveSettings {
  readonly feed: 'auto' | FeedKind;
  readonly cutoverFile: string | undefined;
  readonly cutover: AbortSignal | undefined;
  /** Whether the operator has the run wait. */
  readonly isPaused: () => boolean;
  /** Milliseconds, as those that follow. */
  readonly untilIdle: number | undefined;
  readonly cutoverTimeout: number;
  readonly linger: number;
  readonly settle: number;
  readonly waitReplicas: number;
  readonly deleteInDoubt: boolean;
  readonly namesLimit: number;
}

export interface EndpointSettings {
  readonly address: Address;
  /** The address without its password, to be shown. */
  readonly shown: string;
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  /** Where the address asks for it. */
  readonly tls: TlsOptions | undefined;
  readonly nat: readonly NatRule[];
}

/** The value of `resume` that names no file. */
export const AT_TARGET = 'target';

/** What is needed to reach a source alone. */
export type SourceSettings = Pick<Settings, 'from' | 'maxReply' | 'retry' | 'timeout' | 'signal' | 'tap'>;
export type SourceOptions = Pick<
  MigrateOptions,
  | 'from'
  | 'fromPassword'
  | 'fromSentinelPassword'
  | 'fromTls'
  | 'fromNat'
  | 'maxReply'
  | 'retries'
  | 'retryMax'
  | 'timeout'
  | 'signal'
  | 'tap'
>;

const DEFAULT_BUFFER = 64 * 1024 * 1024;
const DEFAULT_BIG_KEY = 64 * 1024 * 1024;
const DEFAULT_MAX_REPLY = 128 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_CUTOVER_TIMEOUT_MS = 60_000;
const DEFAULT_LINGER_MS = 2000;
const DEFAULT_SETTLE_MS = 200;
const DEFAULT_NAMES = 1_000_000;
const DEFAULT_RETRIES = 10;
const DEFAULT_RETRY_MAX_MS = 30_000;

/**
 * @param controls those that somebody else has as well
 * @throws AddressError for an endpoint that is none, or that cannot be used so
 */
export function settingsOf(options: MigrateOptions, use: Use, controls = new RunControls(options)): Settings {
  const source = sourceSettingsOf(options);
  const { from } = source;
  const to = endpoint(options.to, {
    password: options.toPassword,
    sentinelPassword: options.toSentinelPassword,
    tls: options.toTls,
    nat: options.toNat,
  });
  if (use === 'copy') demandWritable(to);
  for (const side of use === 'check' ? [from, to] : [from]) demandReadable(side);
  const how = options.live === true ? 'followed' : options.firstCopy === 'snapshot' ? 'taken whole' : 'scanned';
  const partition = options.partition && partitionOf(options.partition, how);
  const names = new KeyNames(options);
  const { match, exclude, type } = options;
  if (partition !== undefined && names.mayCollide) throw mayCollide(partition);
  return {
    ...source,
    use,
    to,
    secrets: new Secrets([from, to].flatMap(secretsOf)),
    observation: options.observe === true ? new Observation() : undefined,
    databases: options.db,
    dbMap: options.dbMap ?? new Map(),
    partition,
    scope: new KeyScope({ match, exclude, type, slots: partition?.slots, withCheckpoints: use === 'inspect' }),
    names,
    firstCopy: options.firstCopy ?? 'scan',
    onConflict: options.onConflict ?? 'replace',
    noTtl: options.noTtl ?? false,
    preserveIdle: options.preserveIdle ?? false,
    count: options.count,
    buffer: options.buffer ?? DEFAULT_BUFFER,
    bigKey: options.bigKey ?? DEFAULT_BIG_KEY,
    bySize: options.bigKey !== undefined,
    controls,
    failFast: options.failFast ?? false,
    dryRun: options.dryRun ?? false,
    resume: options.resume,
    identity: identityOf(options, from, to, partition),
    live: options.live === true ? liveSettingsOf(options, controls) : undefined,
    onEvent: options.onEvent ?? (() => {}),
  };
}

/** @throws AddressError */
export function sourceSettingsOf(options: SourceOptions): SourceSettings {
  const { retries = DEFAULT_RETRIES, retryMax = DEFAULT_RETRY_MAX_MS } = options;
  const from = endpoint(options.from, {
    password: options.fromPassword,
    sentinelPassword: options.fromSentinelPassword,
    tls: options.fromTls,
    nat: options.fromNat,
  });
  return {
    from,
    maxReply: options.maxReply ?? DEFAULT_MAX_REPLY,
    retry: { retries, longest: retryMax },
    timeout: options.timeout ?? DEFAULT_TIMEOUT_MS,
    signal: options.signal,
    tap: options.tap,
  };
}

function liveSettingsOf(options: MigrateOptions, { pausing }: RunControls): LiveSettings {
  return {
    feed: options.feed ?? 'auto',
    cutoverFile: options.cutoverFile,
    cutover: options.cutover,
    isPaused: () => pausing.isOn,
    untilIdle: options.untilIdle,
    cutoverTimeout: options.cutoverTimeout ?? DEFAULT_CUTOVER_TIMEOUT_MS,
    linger: options.linger ?? DEFAULT_LINGER_MS,
    settle: options.settle ?? DEFAULT_SETTLE_MS,
    waitReplicas: options.waitReplicas ?? 0,
    deleteInDoubt: options.deleteInDoubt ?? false,
    namesLimit: options.namesLimit ?? DEFAULT_NAMES,
  };
}

/** Which of them has the name, one process alone can know. */
function mayCollide({ part, parts }: Partition): RespError {
  const message = `Cannot copy part ${part} of ${parts} with stripPrefix: two keys of different parts may get the same name`;
  return new RespError(PARTITION, message);
}

/** By the flags that say it; `null` where one is not given. */
function identityOf(
  options: MigrateOptions,
  from: EndpointSettings,
  to: EndpointSettings,
  partition: Partition | undefined,
): CopyIdentity {
  const { db, dbMap, match = [], exclude = [], type = null, stripPrefix, addPrefix } = options;
  const pairs = [...(dbMap ?? [])].toSorted(([one], [other]) => one - other);
  return {
    from: from.shown,
    to: to.shown,
    db: typeof db === 'string' ? db : (db?.join(',') ?? null),
    'db-map': pairs.map((pair) => pair.join(':')).join(',') || null,
    match: listOf(match),
    exclude: listOf(exclude),
    type,
    'strip-prefix': stripPrefix || null,
    'add-prefix': addPrefix || null,
    'on-conflict': options.onConflict === 'replace' ? null : (options.onConflict ?? null),
    'no-ttl': options.noTtl === true ? 'yes' : null,
    'preserve-idle': options.preserveIdle === true ? 'yes' : null,
    live: options.live === true ? 'yes' : null,
    ...(partition && { partition: `${partition.part}/${partition.parts}`, plan: partition.digest }),
  };
}

function listOf(patterns: readonly string[]): string | null {
  return patterns.length === 0 ? null : patterns.toSorted().join(' ');
}

export function secretsOf({ address, password, sentinelPassword }: EndpointSettings): (string | undefined)[] {
  return [password, sentinelPassword, 'password' in address ? address.password : undefined];
}

/**
 * Files whose names do not say what they are have been looked at.
 * @throws RespError where one cannot be read, or is neither a snapshot nor a stream
 */
export async function withForms<S extends Settings>(settings: S): Promise<S> {
  const [from, to] = await Promise.all([withForm(settings.from), withForm(settings.to)]);
  return { ...settings, from, to };
}

async function withForm(settings: EndpointSettings): Promise<EndpointSettings> {
  const { address } = settings;
  if (address.kind !== 'nameless') return settings;
  return { ...settings, address: { kind: await formOf(address.path), path: address.path } };
}

/** What is said of a side beside its address. */
interface EndpointOptions {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly tls: TlsOptions | undefined;
  readonly nat: readonly NatRule[] | undefined;
}

function endpoint(text: string, { password, sentinelPassword, tls, nat = [] }: EndpointOptions): EndpointSettings {
  const address = parseAddress(text);
  return {
    address,
    shown: formatAddress(address),
    password: password ?? ('password' in address ? address.password : undefined),
    sentinelPassword,
    tls: 'tls' in address && address.tls ? (tls ?? {}) : undefined,
    nat,
  };
}

function demandReadable({ address, shown }: EndpointSettings): void {
  if (address.kind !== 'ndjson') return;
  const hint = 'a file that can be read back ends in .resp';
  throw new AddressError(`Cannot read ${shown}: what rump writes as JSON is for other tools`, hint);
}

function demandWritable({ address, shown }: EndpointSettings): void {
  if (address.kind === 'snapshot') {
    throw new AddressError('Cannot write a snapshot: an .rdb file can only be a source');
  }
  if (address.kind === 'nameless') {
    const hint = 'let it end in .resp, or write redis://host:port';
    throw new AddressError(`Cannot write ${shown}: its name does not say what it is to be`, hint);
  }
}
