// Looks at both sides before anything is written: what must not be, and what the operator should know.

import { countOf, formatBytes, formatCount } from '../../resp/figures.ts';
import { nameOf, ReplyError, RespError, type RespErrorOptions } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { refusalOf } from '../redis/refusal.ts';
import { aclOf } from '../redis/rights.ts';
import type { Role, Server } from '../redis/server.ts';
import type { Sides } from './sides.ts';

export interface Warning {
  readonly code:
    'TLS_INSECURE' | 'CLOCK_SKEW' | 'TARGET_NOT_EMPTY' | 'TARGET_MEMORY' | 'DATABASES_LEFT_OUT' | 'LEFT_OUT';
  readonly message: string;
}

export type DatabasePairs = readonly (readonly [source: number, target: number])[];

/** Above this many milliseconds between the clocks an absolute expiry would be wrong by more than it is worth. */
const MOST_SKEW_MS = 1000;

/** @throws RespError when this copy must not be: `SAME_DATABASE`, `CLUSTER`, `REPLICA`, or the code of the refusal */
export async function preflight({ source, target }: Sides, databases: DatabasePairs): Promise<void> {
  demandRights({ source, target });
  if (source !== undefined) await demandUsable(source, new Set(databases.map(([db]) => db)));
  if (target !== undefined) {
    if (target.use === 'write to')
      for (const server of target.servers) if (server.info.role === 'replica') throw isReplica(server);
    await demandUsable(target, new Set(databases.map(([, db]) => db)));
  }
  if (source !== undefined && target !== undefined) demandDifferent(source, target, databases);
}

export function warningsOf({ source, target }: Sides, databases: DatabasePairs): Warning[] {
  const warnings: Warning[] = [source, target].flatMap((side) =>
    side?.isInsecure === true ? [insecure(side.role)] : [],
  );
  const skew = clockSkewOf({ source, target });
  if (Math.abs(skew) > MOST_SKEW_MS) {
    const message = `the clocks are ${(Math.abs(skew) / 1000).toFixed(1)} s apart; expiries are ${target?.use === 'read from' ? 'compared' : 'carried'} as the time that is left`;
    warnings.push({ code: 'CLOCK_SKEW', message });
  }
  if (target === undefined || target.use === 'read from') return warnings;
  for (const db of targetDatabases(target, databases)) {
    const keys = keysIn(target, db);
    if (keys === 0) continue;
    const message = `the target database ${db} is not empty: it has ${countOf(keys, 'key')}`;
    warnings.push({ code: 'TARGET_NOT_EMPTY', message });
  }
  const [limit, used] = [sum(target, 'maxMemory'), source === undefined ? 0 : sum(source, 'usedMemory')];
  if (limit > 0 && limit < used) {
    const message = `the target may use ${formatBytes(limit)} (maxmemory), the source uses ${formatBytes(used)}`;
    warnings.push({ code: 'TARGET_MEMORY', message });
  }
  return warnings;
}

function insecure(role: Role): Warning {
  const message = `the certificate of the ${role} is not looked at: whoever stands in between can read and change everything`;
  return { code: 'TLS_INSECURE', message };
}

/** Whether expiries can cross by the millisecond: both sides know how, and their clocks agree. */
export function carriesExactExpiries({ source, target }: Sides): boolean {
  const servers = [...(source?.servers ?? []), ...(target?.servers ?? [])];
  return (
    servers.every(({ absoluteExpiry }) => absoluteExpiry) && Math.abs(clockSkewOf({ source, target })) <= MOST_SKEW_MS
  );
}

/** Milliseconds by which the clock of the target is ahead, where that is more than can be left as it is; 0 otherwise. */
export function clockOffsetOf(sides: Sides): number {
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
    databases.length > 0 ? databases.map(([, db]) => db) : servers.flatMap(({ info }) => [...info.databases.keys()]);
  return [...new Set(dbs)].toSorted((a, b) => a - b);
}

/** Keys in a database, of all nodes together. */
export function keysIn({ servers }: Deployment, db: number): number {
  const keys = ({ db: current, keys, info }: Server): number => (current === db ? keys : (info.databases.get(db) ?? 0));
  return servers.reduce((total, server) => total + keys(server), 0);
}

/** Bytes of all nodes together; 0 is no limit, where any has none. */
function sum({ servers }: Deployment, field: 'maxMemory' | 'usedMemory'): number {
  if (field === 'maxMemory' && servers.some(({ info }) => info.maxMemory === 0)) return 0;
  return servers.reduce((total, { info }) => total + info[field], 0);
}

/** Every command that cannot be had is named, of both sides at once. */
function demandRights({ source, target }: Sides): void {
  const complaints = [source, target].flatMap(
    (side) => side?.servers.flatMap((server) => complain(side.role, server)) ?? [],
  );
  if (complaints.length === 0) return;
  const doing = target?.use === 'read from' ? 'compare' : 'copy';
  const message = `Cannot ${doing}: ${complaints.map(({ text }) => text).join('; ')}`;
  const rights = new Set(complaints.flatMap(({ missing }) => missing.map(aclOf)));
  const { peer } = complaints[0]!;
  if (rights.size === 0) throw new RespError('UNKNOWN_COMMAND', message, { peer, hint: UNKNOWN_HINT });
  throw new RespError('NOPERM', message, { peer, hint: `ACL SETUSER … ${[...rights].join(' ')}` });
}

const UNKNOWN_HINT = 'where it is a proxy, give the address of the server behind it; where it was renamed, undo that';

function complain(
  role: Role,
  { connection: { peer }, missing, unknown }: Server,
): { text: string; missing: readonly string[]; peer: RespErrorOptions['peer'] }[] {
  const where = `at ${nameOf(peer)} as the ${role}`;
  const texts = [
    ...(missing.length > 0 ? [`the user may not run ${missing.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`there is no ${unknown.join(', ')}`] : []),
  ];
  return texts.length === 0 ? [] : [{ text: `${where} ${texts.join(', and ')}`, missing, peer }];
}

async function demandUsable(side: Deployment, dbs: ReadonlySet<number>): Promise<void> {
  // A cluster that lacks slots says of itself that it is down, and no more.
  if (side.isCluster) demandCluster(side, dbs);
  for (const { connection, refusal } of side.servers) {
    if (refusal !== undefined) throw refusalOf(connection.peer, side.use, refusal);
  }
  if (side.isCluster) return;
  const [{ connection, db: current }] = side.servers as [Server];
  const others = [...dbs].filter((db) => db !== current);
  for (const db of others) await demandDatabase(connection, db);
  if (others.length > 0) await connection.request('SELECT', String(current));
}

async function demandDatabase(connection: Server['connection'], db: number): Promise<void> {
  const { peer } = connection;
  await connection.request('SELECT', String(db)).catch((cause: unknown) => {
    if (!(cause instanceof ReplyError)) throw cause;
    throw new RespError(cause.code, `Cannot use database ${db} of ${nameOf(peer)}: ${cause.message}`, { peer, cause });
  });
}

function demandCluster(side: Deployment, dbs: ReadonlySet<number>): void {
  const what = side.use;
  const [{ connection }] = side.servers as [Server];
  const { peer } = connection;
  const other = [...dbs].find((db) => db !== 0);
  if (other !== undefined) {
    throw new RespError(
      'CLUSTER',
      `Cannot ${what} database ${other} of the cluster at ${nameOf(peer)}: it has only database 0`,
      { peer },
    );
  }
  const { unserved } = side.topology;
  if (unserved > 0) {
    throw new RespError(
      'CLUSTERDOWN',
      `Cannot ${what} the cluster at ${nameOf(peer)}: no node serves ${formatCount(unserved)} of its slots`,
      { peer },
    );
  }
}

function isReplica({ connection: { peer } }: Server): RespError {
  return new RespError('REPLICA', `Cannot write to ${nameOf(peer)}: it is a replica`, {
    peer,
    hint: 'write to its primary',
  });
}

/** No database may be read and written: what is written would be read again. Nor is there a point in comparing it with itself. */
function demandDifferent(source: Deployment, target: Deployment, databases: DatabasePairs): void {
  const isCopy = target.use === 'write to';
  const written = new Set(databases.map(([, db]) => db));
  const [db] = databases.find(([db, other]) => (isCopy ? written.has(db) : db === other)) ?? [];
  const pair = source.servers.flatMap((from) =>
    target.servers.filter((to) => isSameServer(from, to)).map((to) => [from, to]),
  );
  if (db === undefined || pair.length === 0) return;
  const [from, to] = pair[0]!.map(({ connection: { peer } }) => peer);
  const message = `Cannot ${isCopy ? 'copy' : 'compare'}: ${nameOf(from!)} and ${nameOf(to!)} are the same database ${db}`;
  throw new RespError('SAME_DATABASE', message, { peer: to });
}

/** The same server process answers by two addresses as well; one that hides its run id is known by its address. */
function isSameServer(source: Server, target: Server): boolean {
  const { runId } = source.info;
  if (runId === '') return nameOf(source.connection.peer) === nameOf(target.connection.peer);
  return runId === target.info.runId;
}
