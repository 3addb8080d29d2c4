// Both sides: how they are reached, what they are known to hold, and what of the one goes where at the other. A side is a server
// or a cluster; a file is not opened yet.

import { isFile, isStandardStream } from '../../resp/address.ts';
import { RespError } from '../../resp/errors.ts';
import { Deployment } from '../cluster/deployment.ts';
import { Part } from '../cluster/part.ts';
import { InputFile } from '../file/input-file.ts';
import { demandWritable } from '../file/output-file.ts';
import { openRegular } from '../file/regular-file.ts';
import { expiryClock, type ExpiryMode } from '../flow/expiry.ts';
import { FieldExpiries } from '../keys/expiries.ts';
import { PROBE_KEY, REMOVING, WAITING, type Probe, type Purpose } from '../server/probes.ts';
import type { Reconnect } from '../server/retry.ts';
import type { Role, Server } from '../server/server.ts';
import { PIECE_BYTES } from '../server/transfer-limits.ts';
import { AT_TARGET, type EndpointSettings, type Settings } from './settings.ts';

export type DatabasePairs = readonly (readonly [source: number, target: number])[];

/** Above this many milliseconds between the clocks an absolute expiry would be wrong by more than it is worth. */
export const MOST_SKEW_MS = 1000;

/** `undefined` is a file. */
export interface Sides {
  readonly source: Deployment | undefined;
  readonly target: Deployment | undefined;
}

/** What the sides are reached for. */
export interface Access {
  /** What the target is for; a source is always read. */
  readonly purpose: Purpose;
  /** What a file as the target is for, where that is another thing. */
  readonly filePurpose?: Purpose;
  /** What will be asked of the source beyond what a copy asks. */
  readonly probes?: readonly Probe[];
  /** Told while a server is waited for. */
  readonly onReconnect: (event: Reconnect) => void;
}

/** @throws RespError, as `Deployment.open`, or for a file that cannot be used */
export async function openSides(settings: Settings, access: Access, signal: AbortSignal): Promise<Sides> {
  await demandFiles(settings, access.filePurpose ?? access.purpose);
  const source = await openSide('source', settings, access, signal);
  try {
    return { source, target: await openSide('target', settings, access, signal) };
  } catch (error) {
    source?.close();
    throw error;
  }
}

export function closeSides({ source, target }: Sides): void {
  source?.close();
  target?.close();
}

/** A file that cannot be used is told before any server is asked. What comes through stdin or stdout shows in time. */
async function demandFiles({ from, to }: Settings, purpose: Purpose): Promise<void> {
  if (isNamed(from)) await demandReadable(from);
  if (!isNamed(to)) return;
  await (purpose === 'write' ? demandWritable(to.shown) : demandReadable(to));
}

async function demandReadable({ address, shown }: Settings['from']): Promise<void> {
  if (address.kind === 'stream') return (await InputFile.open(shown)).close();
  // Its own open would unpack all of it where it is packed.
  await (await openRegular(shown)).handle.close();
}

function isNamed({ address }: Settings['from']): boolean {
  return isFile(address) && !isStandardStream(address);
}

async function openSide(
  role: Role,
  settings: Settings,
  { purpose, probes = [], onReconnect }: Access,
  signal: AbortSignal,
): Promise<Deployment | undefined> {
  const isSource = role === 'source';
  const { address, password, sentinelPassword, tls, nat } = isSource ? settings.from : settings.to;
  if (isFile(address)) return undefined;
  const { username } = address;
  const { timeout, retry, secrets, tap, maxReply } = settings;
  const access = {
    role,
    purpose: isSource ? 'read' : purpose,
    username,
    password,
    tls,
    timeout,
    signal,
    secrets,
    tap,
    probes: isSource ? [...probesFor(settings), ...probes] : targetProbes(settings, purpose),
    keptBytes: keptBytes(settings, purpose),
    maxReply,
  } as const;
  const part = isSource ? new Part(settings.partition?.slots) : undefined;
  return Deployment.open({
    address,
    access,
    sentinelPassword,
    nat,
    db: firstDb(role, settings),
    retry,
    part,
    onReconnect,
  });
}

/** Bytes of the longest payload that is kept: a longer one has no place in memory, and no way into a target. A file takes it whole. */
function keptBytes({ to, bigKey }: Settings, purpose: Purpose): number {
  return to.address.kind === 'stream' && purpose === 'write' ? Infinity : Math.max(bigKey, PIECE_BYTES);
}

/** What is asked of a source beyond what every copy asks. */
function probesFor({ preserveIdle, dryRun, live, scope }: Settings): readonly Probe[] {
  const probes: Probe[] = [];
  // A filter by type needs no right of its own: servers whose SCAN does not know TYPE know no rights either.
  if (dryRun || (live !== undefined && scope.type !== undefined)) probes.push(['TYPE', PROBE_KEY]);
  if (live !== undefined) probes.push(['EXISTS', PROBE_KEY]);
  if (preserveIdle) probes.push(['OBJECT IDLETIME', PROBE_KEY], ['OBJECT FREQ', PROBE_KEY]);
  return probes;
}

/** What is asked of a target beyond payloads: by a copy that follows its source, and by one that keeps its progress there. */
function targetProbes({ live, resume, scope }: Settings, purpose: Purpose): readonly Probe[] {
  if (purpose === 'read') return [];
  const probes: Probe[] = [];
  if (live !== undefined) probes.push(REMOVING, ['SCAN', '0', 'COUNT', '1']);
  // What goes has to be of the type in scope.
  if (live !== undefined && scope.type !== undefined) probes.push(['TYPE', PROBE_KEY]);
  if (live !== undefined && live.waitReplicas > 0) probes.push(WAITING);
  if (resume === AT_TARGET) probes.push(REMOVING, ['GET', PROBE_KEY], ['SET', PROBE_KEY, '', 'XX']);
  return probes;
}

/** The database that a connection begins in. */
function firstDb(role: Role, { databases, from, to }: Settings): number {
  if (role === 'source' && Array.isArray(databases)) return databases[0] as number;
  return dbOf(role === 'source' ? from : to) ?? 0;
}

/** Whether expiries can cross by the millisecond: both sides know how, and their clocks agree. */
function carriesExactExpiries({ source, target }: Sides): boolean {
  const servers = [...(source?.servers ?? []), ...(target?.servers ?? [])];
  return (
    servers.every(({ absoluteExpiry }) => absoluteExpiry) && Math.abs(clockSkewOf({ source, target })) <= MOST_SKEW_MS
  );
}

/** Milliseconds by which the clock of the target is ahead, where that is more than can be left as it is; 0 otherwise. */
function clockOffsetOf(sides: Sides): number {
  const skew = Math.round(clockSkewOf(sides));
  return Math.abs(skew) > MOST_SKEW_MS ? skew : 0;
}

/** Milliseconds by which the clock of the target is ahead, of the two nodes that are furthest apart; this machine's is a file's. */
export function clockSkewOf({ source, target }: Sides): number {
  const [from, to] = [source, target].map((side) => side?.servers.map(({ skew }) => skew) ?? [0]) as [
    number[],
    number[],
  ];
  const [ahead, behind] = [Math.max(...to) - Math.min(...from), Math.min(...to) - Math.max(...from)];
  return Math.abs(behind) > Math.abs(ahead) ? behind : ahead;
}

/** Where a copy writes to: anywhere, as far as is known, where a file alone says which databases it has. */
export function targetDatabases({ servers }: Deployment, databases: DatabasePairs): number[] {
  const dbs =
    databases.length > 0
      ? databases.map(([, db]) => db)
      : servers.flatMap(({ info }) => info.keyspace.map(({ db }) => db));
  return [...new Set(dbs)].toSorted((a, b) => a - b);
}

/** Keys in a database, of all nodes together; of the part that a run is about where it is about one, and then about. */
export function keysIn({ servers, shares }: Deployment, db: number): number {
  const keys = ({ db: current, keys, databases }: Server): number => (current === db ? keys : (databases.get(db) ?? 0));
  return servers.reduce((total, server, i) => total + Math.round(keys(server) * shares[i]!), 0);
}

export interface Plan {
  /** Source databases with those of the target; of a file those that were named. */
  readonly databases: DatabasePairs;
  readonly targetDbOf: (db: number) => number;
  /** Whether two of the source may become one. */
  readonly merges: boolean;
  /** Keys in the source databases; 0 of a file. */
  readonly keys: number;
  readonly mode: ExpiryMode;
  /** What the entries' `expireAt` is told by. */
  readonly clock: () => number;
  /** What becomes of the expiries of fields that the source has, and of those that a check reads of the target. */
  readonly fields: FieldExpiries | undefined;
  readonly targetFields: FieldExpiries | undefined;
  /** What the expiries of fields are told by, once they are carried. */
  readonly fieldClock: () => number;
}

/**
 * @param isMutual whether what only the target has is of interest, too
 * @throws RespError where it cannot be known which database is meant
 */
export function planOf(sides: Sides, settings: Settings, isMutual: boolean): Plan {
  const { source, target } = sides;
  const found = source === undefined ? namedOf(settings) : databasesOf(source, settings);
  const targetDbOf = renumber(settings, found);
  const isAll = isMutual && settings.databases === 'all' && source !== undefined;
  const dbs = isAll ? [...found, ...beyond(target, found, targetDbOf)].toSorted((a, b) => a - b) : found;
  return {
    databases: dbs.map((db) => [db, targetDbOf(db)]),
    targetDbOf,
    merges:
      dbs.length === 0
        ? targetDbOf(0) === targetDbOf(1)
        : new Set(dbs.map(targetDbOf)).size < dbs.length || (mayGrow(settings) && mapsOntoOthers(settings, targetDbOf)),
    keys: source === undefined ? 0 : dbs.reduce((total, db) => total + keysIn(source, db), 0),
    ...expiries(sides, settings),
  };
}

type Clock = () => number;
type Expiries = Pick<Plan, 'mode' | 'clock' | 'fields' | 'targetFields' | 'fieldClock'>;

function expiries({ source, target }: Sides, { noTtl }: Settings): Expiries {
  const mode = noTtl ? 'dropped' : carriesExactExpiries({ source, target }) ? 'exact' : 'relative';
  const [sourceClock, fieldClock] = [source, target].map((side) => expiryClock('exact', skewOf(side))) as [
    Clock,
    Clock,
  ];
  return {
    mode,
    clock: source === undefined ? sourceClock : expiryClock(mode, skewOf(source)),
    fields: FieldExpiries.for(mode, mode === 'relative' ? clockOffsetOf({ source, target }) : 0, sourceClock),
    targetFields: FieldExpiries.for(mode, 0, fieldClock),
    fieldClock,
  };
}

/** A file, and a server that will not say, tell the time as everybody does. */
export function skewOf(side: Deployment | undefined): number {
  return side?.servers[0]!.skew || 0;
}

function namedOf({ databases }: Settings): readonly number[] {
  return databases === undefined || databases === 'all' ? [] : databases;
}

function databasesOf({ servers }: Deployment, { databases, from }: Settings): readonly number[] {
  if (Array.isArray(databases)) return databases as readonly number[];
  if (databases === undefined) return [dbOf(from) ?? 0];
  // Each node of a cluster knows of its own keys.
  const found = [...new Set(servers.flatMap((server) => [...server.databases.keys()]))].toSorted((a, b) => a - b);
  return found.length > 0 ? found : [0];
}

/** Databases that only the target has keys in, where the source has one of that number for them. */
function beyond(
  target: Deployment | undefined,
  found: readonly number[],
  targetDbOf: (db: number) => number,
): number[] {
  const taken = new Set(found.map(targetDbOf));
  const others = new Set(target?.servers.flatMap(({ databases }) => [...databases.keys()]));
  return [...others].filter((db) => !taken.has(db) && targetDbOf(db) === db);
}

/** The same number, unless it was mapped; where one database was named, that of the target's address. */
function renumber(settings: Settings, dbs: readonly number[]): (db: number) => number {
  const { dbMap, to, databases } = settings;
  const named = dbOf(to);
  // Which ones the source, or the part of it, holds today must not decide where one of them goes.
  const areSeveral = dbs.length > 1 || (databases === 'all' && dbs.length > 0);
  if (named !== undefined && areSeveral && dbs.some((db) => !dbMap.has(db))) {
    throw new RespError('DATABASES', `Cannot copy several databases into database ${named} of ${to.shown}`, {
      hint: 'say with --db-map where each goes',
    });
  }
  // A file does not say beforehand which databases it has: the one that the target names is for all of them.
  const only = areSeveral ? undefined : (named ?? (dbs.length === 0 || isFile(to.address) ? undefined : 0));
  return (db) => dbMap.get(db) ?? only ?? db;
}

/** Whether databases that get their first key later are in scope as well. */
export function mayGrow({ databases, live }: Settings): boolean {
  return databases === 'all' && live !== undefined;
}

/** What was followed may have gone from the source, with all of its database, while nobody listened. @param begun before */
export function goingOn(plan: Plan, settings: Settings, begun: DatabasePairs): Plan {
  if (!mayGrow(settings)) return plan;
  const dbs = new Set([...plan.databases, ...begun].map(([db]) => db));
  const databases = Array.from(dbs, (db) => [db, plan.targetDbOf(db)] as const);
  return { ...plan, databases: databases.toSorted(([one], [other]) => one - other) };
}

/** Whether a database goes where another one would go, whichever of them are there by now. */
function mapsOntoOthers({ dbMap }: Settings, targetDbOf: (db: number) => number): boolean {
  const hasShared = new Set(dbMap.values()).size < dbMap.size;
  return hasShared || [...dbMap].some(([db, other]) => db !== other && targetDbOf(other) === other);
}

/** The database that the address names. */
export function dbOf({ address }: EndpointSettings): number | undefined {
  return 'db' in address ? address.db : undefined;
}
