// Reaches both sides and looks at them, before anything is written: whether the run may be, and what is found.

import { setMaxListeners } from 'node:events';
import { nameOf, ReplyError, RespError, type RespErrorOptions } from '../../resp/errors.ts';
import { Apart, findPair, isReplicaOf, isSameServer } from '../cluster/apart.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { tagOf } from '../cluster/slot.ts';
import { idsIn, type Node } from '../cluster/topology.ts';
import type { FeedKind } from '../live/feed.ts';
import { kindOf, refusalOf } from '../server/refusal.ts';
import { aclOf, PROBE_KEY, type Probe } from '../server/probes.ts';
import type { Role, Server } from '../server/server.ts';
import type { NodeReport, SideReport, StartEvent } from './options.ts';
import {
  clockSkewOf,
  closeSides,
  dbOf,
  keysIn,
  openSides,
  planOf,
  targetDatabases,
  type Access,
  type DatabasePairs,
  type Plan,
  type Sides,
} from './sides.ts';
import type { EndpointSettings, Settings, Use } from './settings.ts';
import { PARTITION, type Partition } from './workers-plan.ts';

/** Both sides, reached and found fit, and what goes where. */
export interface Run<S extends Settings = Settings> {
  readonly settings: S;
  readonly sides: Sides;
  readonly plan: Plan;
  /** Where both are servers. */
  readonly apart: Apart | undefined;
  /** Ends pauses and connects of both sides. */
  readonly end: AbortController;
}

export interface RunAccess extends Access {
  /** Whether what only the target has is of interest, too. */
  readonly isMutual?: boolean;
}

/**
 * Closes both sides behind `use`.
 * @throws RespError when the run cannot be, or must not: `SAME_DATABASE`, `CLUSTER`, `REPLICA`, or the code of the refusal
 */
export async function withSides<S extends Settings, T>(
  settings: S,
  { isMutual = false, ...access }: RunAccess,
  use: (run: Run<S>) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const signals = settings.signal === undefined ? [end.signal] : [end.signal, settings.signal];
  const signal = AbortSignal.any(signals);
  // As many connections listen as there are nodes, and that is no leak.
  setMaxListeners(0, signal);
  const sides = await openSides(settings, access, signal);
  try {
    const plan = planOf(sides, settings, isMutual);
    const apart = await demandFit(sides, plan.databases, settings);
    return await use({ settings, sides, plan, apart, end });
  } finally {
    end.abort();
    closeSides(sides);
  }
}

/** That a side is known by. */
const MOST_IDS = 8;

/** What was found, as it is told before the first key. */
export function startEvent({ sides, plan, settings }: Run): StartEvent {
  const { from, to, partition } = settings;
  const { databases, keys, mode } = plan;
  const { source, target } = sides;
  const primaries = source?.ownNodes.length ?? 0;
  const targetKeys =
    target === undefined ? 0 : targetDatabases(target, databases).reduce((total, db) => total + keysIn(target, db), 0);
  const skew = clockSkewOf(sides);
  return {
    type: 'start',
    source: sideReport(from, source, keys),
    target: sideReport(to, target, targetKeys),
    ...(partition && {
      partition: {
        part: partition.part,
        parts: partition.parts,
        slots: partition.slots.size,
        primaries,
        plan: partition.plan,
      },
    }),
    databases,
    scope: scopeOf(settings),
    clockSkew: Number.isNaN(skew) ? null : Math.round(skew),
    expiry: mode,
  };
}

/** Several workers have to be told the same of these, or there are keys that none of them has copied, or not under one name. */
const OF_SCOPE = ['db-map', 'match', 'exclude', 'type', 'strip-prefix', 'add-prefix', 'no-ttl'] as const;

function scopeOf({ identity, databases = [], from }: Settings): StartEvent['scope'] {
  const named = typeof databases === 'string' || databases.length > 0 ? databases : [dbOf(from) ?? 0];
  const db = typeof named === 'string' ? named : named.toSorted((one, other) => one - other).join(',');
  const given = OF_SCOPE.map((name) => [name, identity[name]] as const).filter(
    ([, value]) => typeof value === 'string',
  );
  return { db, ...(Object.fromEntries(given) as Record<string, string>) };
}

function sideReport({ shown: endpoint }: EndpointSettings, side: Deployment | undefined, keys: number): SideReport {
  return {
    endpoint,
    kind: side?.kind ?? 'file',
    nodes: side?.servers.map(nodeReport) ?? [],
    keys,
    ids: side && idsOf(side),
  };
}

/**
 * Of a cluster the first ones of its nodes in the order of their ids, which every node of it says alike; nodes come and go, but
 * hardly all of these. Otherwise what tells the process and its data.
 */
function idsOf({ isCluster, servers }: Deployment): readonly string[] {
  const { info, topology } = servers[0]!;
  if (!isCluster) return [info.runId, info.replicationId].filter((id) => id !== '');
  return idsIn(String(topology[1])).toSorted().slice(0, MOST_IDS);
}

function nodeReport({ connection, info }: Server): NodeReport {
  const { name, version, role, usedMemory, maxMemory } = info;
  const server = `${name} ${connection.secrets.hide(version)}`;
  return { address: nameOf(connection.peer), server, role, usedMemory, maxMemory };
}

async function demandFit(
  { source, target }: Sides,
  databases: DatabasePairs,
  { partition, use }: Settings,
): Promise<Apart | undefined> {
  demandRights({ source, target }, use);
  if (source !== undefined && partition !== undefined) demandPartition(source, partition);
  if (source !== undefined) await demandUsable(source, new Set(databases.map(([db]) => db)));
  if (target !== undefined) {
    if (target.use === 'write to')
      for (const server of target.servers) if (server.info.role === 'replica') throw isReplica(server);
    await demandUsable(target, new Set(databases.map(([, db]) => db)));
  }
  if (source === undefined || target === undefined) return undefined;
  demandDifferent(source, target, databases);
  return Apart.hold(source, target);
}

/** Only a cluster has parts, and a plan is for one cluster. @throws RespError */
function demandPartition(source: Deployment, { part, parts, nodeIds }: Partition): void {
  const { connection, topology } = source.servers[0]!;
  const { peer } = connection;
  const cannot = `Cannot copy part ${part} of ${parts}`;
  if (!source.isCluster) {
    const message = `${cannot}: ${nameOf(peer)} is a single server, and only the slots of a cluster can be shared out`;
    throw new RespError(PARTITION, message, { peer, hint: 'leave --partition out' });
  }
  const ids = idsIn(String(topology[1]));
  // Nodes come and go; where none is known any more, it is another one.
  if (nodeIds === undefined || ids.length === 0 || ids.some((id) => nodeIds.has(id))) return;
  const message = `${cannot}: the plan is for another cluster than that of ${nameOf(peer)}, which has none of its nodes`;
  throw new RespError(PARTITION, message, { peer, hint: 'make a plan of this one: rump plan' });
}

const VERBS: Readonly<Record<Use, string>> = { copy: 'copy', check: 'compare', inspect: 'inspect' };

/** Every command that cannot be had is named, of both sides at once. @throws RespError */
export function demandRights({ source, target }: Sides, use: Use): void {
  const complaints = [source, target].flatMap(
    (side) => side?.servers.flatMap((server) => complain(side.role, server)) ?? [],
  );
  if (complaints.length === 0) return;
  const message = `Cannot ${VERBS[use]}: ${complaints.map(({ text }) => text).join('; ')}`;
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
  const [node] = side.ownNodes as [Node];
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
  // Somebody has to do something about it, so this run does not wait for it, as it would for the reply alone; the next one may.
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
  if (db === undefined) return;
  if (isCopy) demandNoReplica(source, target);
  const pair = findPair(source, target, isSameServer);
  if (pair === undefined) return;
  const [from, to] = pair.map(({ peer }) => peer);
  const message = `Cannot ${isCopy ? 'copy' : 'compare'}: ${nameOf(from!)} and ${nameOf(to!)} are the same database ${db}`;
  throw new RespError('SAME_DATABASE', message, { peer: to });
}

/** What is written comes back from a replica of the target, and would be read again. @throws RespError */
function demandNoReplica(source: Deployment, target: Deployment): void {
  const pair = findPair(source, target, isReplicaOf);
  if (pair === undefined) return;
  const [{ peer }, primary] = pair;
  const message = `Cannot copy: ${nameOf(peer)} is a replica of ${nameOf(primary.peer)}, and gets what is written there`;
  throw new RespError('SAME_DATABASE', message, { peer });
}

/**
 * What is written must not be told as a change of the source.
 * @param takesAll whether databases are in scope whatever their number
 * @throws RespError
 */
export function demandApart(source: Deployment, target: Deployment, feed: FeedKind, takesAll: boolean): void {
  const [, reached] = findPair(source, target, (from, to) => isSameServer(from, to) || isReplicaOf(from, to)) ?? [];
  if (reached === undefined) return;
  const { peer } = reached;
  const cannot = `Cannot follow ${nameOf(peer)} into another database of its own`;
  if (takesAll) {
    const message = `${cannot}: those that are written would be followed as well`;
    throw new RespError('SAME_SERVER', message, { peer, hint: 'name the databases with --db' });
  }
  if (feed === 'psync') return;
  const message = `${cannot}: tracking does not tell in which database a key has changed, and whatever is written would be read again, without an end`;
  throw new RespError('SAME_SERVER', message, { peer, hint: 'use --feed psync' });
}
