// Looks at both sides before anything is written: what must not be, and what the operator should know.

import { countOf, formatBytes } from '../../resp/figures.ts';
import { nameOf, ReplyError, RespError, type RespErrorOptions } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { tagOf } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import { kindOf, refusalOf } from '../server/refusal.ts';
import { aclOf, PROBE_KEY, type Probe } from '../server/probes.ts';
import type { Role, Server } from '../server/server.ts';
import type { Sides } from './sides.ts';

export interface Warning {
  readonly code:
    | 'TLS_INSECURE'
    | 'CLOCK_SKEW'
    | 'TARGET_NOT_EMPTY'
    | 'TARGET_MEMORY'
    | 'DATABASES_LEFT_OUT'
    | 'LEFT_OUT'
    | 'SLOTS_UNSERVED'
    | 'DATABASES_ALIKE';
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
    side === undefined ? [] : warningsAbout(side, target?.use !== 'write to'),
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

function warningsAbout(side: Deployment, isCheck: boolean): Warning[] {
  const { role, unserved, isInsecure } = side;
  const warnings = isInsecure ? [insecure(role)] : [];
  if (unserved.size > 0) {
    const what = isCheck ? 'are not compared' : role === 'source' ? 'are left out' : 'cannot be copied';
    const message = `no node of the ${role} serves slots ${unserved.describe()}: keys of these slots ${what}`;
    warnings.push({ code: 'SLOTS_UNSERVED', message });
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
    databases.length > 0 ? databases.map(([, db]) => db) : servers.flatMap(({ info }) => info.keyspace.map(({ db }) => db));
  return [...new Set(dbs)].toSorted((a, b) => a - b);
}

/** Keys in a database, of all nodes together. */
export function keysIn({ servers }: Deployment, db: number): number {
  const keys = ({ db: current, keys, databases }: Server): number => (current === db ? keys : (databases.get(db) ?? 0));
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
  for (const server of side.servers) {
    const refusal = side.refusalAt(server);
    if (refusal !== undefined) throw isRefused(side, server, refusal);
  }
  if (side.unserved.size > 0) await demandServing(side);
  await Promise.all(side.servers.map((server) => demandDatabases(server, dbs)));
}

/** Every node of a cluster may have another number of them. */
async function demandDatabases({ connection, db: current }: Server, dbs: ReadonlySet<number>): Promise<void> {
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

/** Whether a cluster serves its other slots where some have no node: asked with a name that the node serves. */
async function demandServing(side: Deployment): Promise<void> {
  const [server] = side.servers as [Server];
  const [node] = side.topology.nodes as [Node];
  const [slot] = side.topology.slotsOf(node);
  const key = `${PROBE_KEY}:{${tagOf(slot!)}}`;
  // As in every look at a server, a negative TTL is refused before anything is written.
  const [name, ...args]: Probe = side.use === 'write to' ? ['RESTORE', key, '-1', ''] : ['DUMP', key];
  try {
    await server.connection.request(name, ...args);
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    if (kindOf(error) === 'unserved') throw isRefused(side, server, error);
  }
}

function isRefused({ use, unserved }: Deployment, { connection: { peer } }: Server, refusal: ReplyError): RespError {
  if (kindOf(refusal) !== 'unserved' || unserved.size === 0) return refusalOf(peer, use, refusal);
  const message = `Cannot ${use} the cluster at ${nameOf(peer)}: no node serves slots ${unserved.describe()}, and for that it serves no other slot either: ${refusal.message}`;
  const hint =
    'give those slots a node (redis-cli --cluster fix), or have it serve the others (cluster-require-full-coverage no)';
  // Somebody has to do something about it, so it is not told as what may pass: the reply alone would be.
  return new RespError(refusal.code, message, { peer, hint });
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
