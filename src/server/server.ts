// One server, reached and known: its connection, what it is, and what the user may do on it.

import { Connection } from '../../resp/connection.ts';
import { ConnectionError, nameOf, ProtocolError, ReplyError, type Peer } from '../../resp/errors.ts';
import { handshake, introduce } from '../../resp/handshake.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Secrets } from '../../resp/secrets.ts';
import type { TlsOptions } from '../../resp/tls-options.ts';
import { findDatabases, type Databases } from './databases.ts';
import { parseInfo, type ServerInfo } from './info.ts';
import { misanswered, sizeIn } from './reply-shapes.ts';
import { judged } from './refusal.ts';
import { isGranted, missingRights, PROBE_KEY, unknownCommands, type Probe } from './rights.ts';

/** Which side a server is on, as messages call it. */
export type Role = 'source' | 'target';

/** What its connections are for. Whoever only reads cannot write: the connection itself refuses. */
export type Purpose = 'read' | 'write';

/** How the servers of one side are entered. */
export interface Access {
  readonly role: Role;
  readonly purpose: Purpose;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: TlsOptions | undefined;
  /** Milliseconds without progress that count as a failure. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  /** Bytes of the longest value that is taken as a whole; without it what the decoder allows. */
  readonly keptBytes?: number | undefined;
  /** Passwords of both sides: a server may repeat what it was told, or what another one was told. */
  readonly secrets?: Secrets | undefined;
  /** Bytes of the longest reply that is an array; without it what the decoder allows. */
  readonly maxReply?: number | undefined;
  /** What will be asked of a server beyond what every copy asks. */
  readonly probes: readonly Probe[];
}

export interface Server {
  readonly connection: Connection;
  /** The database that the connection is in. */
  readonly db: number;
  readonly info: ServerInfo;
  /** Databases that hold keys, by whichever way they could be learnt; of a look at the start alone. */
  readonly databases: ReadonlyMap<number, number>;
  /** Databases that may be another one by another number: see `Databases`. */
  readonly doubles: readonly number[];
  /** DBSIZE; 0 where the server will not say. */
  readonly keys: number;
  /** Milliseconds that its clock shows above `Date.now()`; not a number where the server will not say. */
  readonly skew: number;
  /** Milliseconds from a command to its reply. */
  readonly roundTrip: number;
  /** Whether it knows absolute expiries: PEXPIRETIME where it is read, ABSTTL where it is written. */
  readonly absoluteExpiry: boolean;
  /** Bytes of the longest argument that it takes: `proto-max-bulk-len`, or what `client-query-buffer-limit` leaves for it. */
  readonly mostBytes: number;
  /** Bytes that it holds for a client before it hangs up: `client-output-buffer-limit`; Infinity where there is no end of it. */
  readonly mostReplyBytes: number;
  /** When INFO was asked, by `performance.now()`. */
  readonly learntAt: number;
  /** Whether SCAN takes a TYPE. */
  readonly scanKnowsType: boolean;
  /** Commands that the user needs and may not run. */
  readonly missing: readonly string[];
  /** Commands that are needed and that it does not have. */
  readonly unknown: readonly string[];
  /** Why it would serve no copy now: `READONLY`, `OOM`, `MISCONF`. */
  readonly refusal: ReplyError | undefined;
  /** The replies of CLUSTER SLOTS and CLUSTER NODES, where it is a node of a cluster. */
  readonly topology: readonly Reply[];
}

const REPLY_HINT = 'a larger --max-reply lets it pass';
type Limits = Pick<Server, 'mostBytes' | 'mostReplyBytes'>;

const CONNECT_TIMEOUT_MS = 10_000;
/** Where the server does not say otherwise: `proto-max-bulk-len`, and no end of what it holds for a client. */
const USUAL_LIMITS: Limits = { mostBytes: 512 * 1024 * 1024, mostReplyBytes: Infinity };
/** What the rest of a command may take of the buffer that it has to go into. */
const COMMAND_SHARE = 1 / 16;
/** RESTORE knows ABSTTL, and SCAN knows TYPE, from these major versions on. */
const ABSTTL_SINCE = 5;
const SCAN_TYPE_SINCE = 6;

const COMMON_PROBES: readonly Probe[] = [['INFO'], ['TIME'], ['DBSIZE']];
const PROBES: Record<Purpose, readonly Probe[]> = {
  read: [
    ['SCAN', '0', 'COUNT', '1'],
    ['DUMP', PROBE_KEY],
    ['PTTL', PROBE_KEY],
    ['PEXPIRETIME', PROBE_KEY],
  ],
  // A negative TTL is refused before anything is written, but after rights, role and memory were looked at.
  write: [['RESTORE', PROBE_KEY, '-1', '']],
};
/** What may be refused without harm: each setting is asked for by itself, as servers before 7.0 take one at a time. */
const CONFIG_GET = 'CONFIG GET';
/** What tells the topology of a cluster. */
const TOPOLOGY_PROBES: readonly Probe[] = [['CLUSTER SLOTS'], ['CLUSTER NODES']];
const CLUSTER_PROBES: readonly Probe[] = [...TOPOLOGY_PROBES, ['ASKING']];

/** @throws RespError: no connection, no login, no such database; `retryable` where the server will not have us now */
export async function openServer(access: Access, peer: Peer, db: number): Promise<Server> {
  // A proxy that hangs up on a courtesy is not told it again.
  return (await enter(access, peer, db, true)) ?? (await enter(access, peer, db, false))!;
}

/** The same, with a look into each database where INFO does not say which ones hold keys. */
export async function openWithDatabases(access: Access, peer: Peer, db: number): Promise<Server> {
  const server = await openServer(access, peer, db);
  if (server.info.hasKeyspace || server.missing.length + server.unknown.length > 0) return server;
  try {
    const { sizes: databases, doubles } = await lookForDatabases(access, peer);
    return { ...server, databases, doubles };
  } catch (error) {
    server.connection.close();
    throw error;
  }
}

/** On a connection of its own: a proxy may hang up on any of the questions, and then none is known. */
async function lookForDatabases(access: Access, peer: Peer): Promise<Databases> {
  try {
    return await withConnection(access, peer, async (connection) => {
      await handshake(connection, { ...access, db: 0 });
      const found = await findDatabases(connection);
      connection.close();
      return found;
    });
  } catch (error) {
    access.signal?.throwIfAborted();
    if (error instanceof ConnectionError) return { sizes: new Map(), doubles: [] };
    throw error;
  }
}

/** `undefined` where the connection did not outlive the courtesies. */
function enter(access: Access, peer: Peer, db: number, isCourteous: boolean): Promise<Server | undefined> {
  return withConnection(access, peer, async (connection) => {
    await handshake(connection, { ...access, db });
    const start = performance.now();
    const learnt = await learn(connection, access);
    const usual = { roundTrip: performance.now() - start, ...USUAL_LIMITS };
    const known = isCourteous ? await introduced(connection, access) : usual;
    if (access.keptBytes !== undefined) connection.keepUpTo(access.keptBytes);
    return known === undefined ? undefined : { connection, db, ...learnt, ...known };
  });
}

/** What a server may refuse without harm: our name, and some of its settings. `undefined` where it has hung up on them. */
async function introduced(
  connection: Connection,
  { signal }: Access,
): Promise<(Limits & Pick<Server, 'roundTrip'>) | undefined> {
  try {
    const start = performance.now();
    await introduce(connection);
    const roundTrip = performance.now() - start;
    return { roundTrip, ...(await learnLimits(connection)) };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ConnectionError) return undefined;
    throw error;
  }
}

/** `Server.topology` as it is now, asked on a connection of its own. */
export async function askTopology(access: Access, peer: Peer): Promise<readonly Reply[]> {
  return withConnection(access, peer, async (connection) => {
    await handshake(connection, { ...access, db: 0 });
    const replies = await probe(connection, TOPOLOGY_PROBES);
    connection.close();
    return topologyOf(peer, replies);
  });
}

/** Where `use` fails, or the signal comes first, the connection is closed. */
async function withConnection<T>(access: Access, peer: Peer, use: (connection: Connection) => Promise<T>): Promise<T> {
  const { purpose, tls, timeout, signal, secrets, maxReply } = access;
  const connectTimeout = Math.min(timeout, CONNECT_TIMEOUT_MS);
  const connection = await Connection.open({
    peer,
    tls,
    readOnly: purpose === 'read',
    connectTimeout,
    timeout,
    limits: { ...(maxReply === undefined ? {} : { maxReplyLength: maxReply }), replyHint: REPLY_HINT },
    signal,
    secrets,
  });
  const onAbort = (): void => connection.fail(signal?.reason as Error);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await use(connection);
  } catch (error) {
    connection.close();
    throw judged(error, peer, purpose === 'read' ? 'read from' : 'write to');
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

async function learn(
  connection: Connection,
  { purpose, probes }: Access,
): Promise<Omit<Server, 'connection' | 'db' | 'roundTrip' | keyof Limits>> {
  const [before, learntAt] = [Date.now(), performance.now()];
  const replies = await probe(connection, [...COMMON_PROBES, ...PROBES[purpose], ...probes]);
  const middle = (before + Date.now()) / 2;
  const hasInfo = ![...missingRights(replies), ...unknownCommands(replies)].includes('INFO');
  const info = hasInfo ? demandInfo(connection, replies.get('INFO')) : parseInfo('');
  if (info.cluster) for (const [name, reply] of await probe(connection, CLUSTER_PROBES)) replies.set(name, reply);
  const [missing, unknown] = [missingRights(replies), unknownCommands(replies)];
  return {
    info,
    learntAt,
    databases: info.databases,
    doubles: [],
    keys: sizeIn(replies.get('DBSIZE'), connection.peer),
    skew: clockOf(replies.get('TIME')) - middle,
    absoluteExpiry: purpose === 'read' ? isGranted(replies.get('PEXPIRETIME')) : isSince(info, ABSTTL_SINCE),
    scanKnowsType: isSince(info, SCAN_TYPE_SINCE),
    missing,
    unknown,
    refusal: [...replies.values()].find(isRefusal),
    topology: info.cluster && missing.length + unknown.length === 0 ? topologyOf(connection.peer, replies) : [],
  };
}

/**
 * CLUSTER SLOTS is what the topology is made of; CLUSTER NODES adds who serves no slot.
 * @throws ReplyError where the server will not say; ProtocolError
 */
function topologyOf(peer: Peer, replies: ReadonlyMap<string, Reply>): readonly Reply[] {
  return TOPOLOGY_PROBES.map(([name]) => {
    const reply = replies.get(name) ?? null;
    const isSlots = name === 'CLUSTER SLOTS';
    if (reply instanceof ReplyError && (reply.code !== 'ERR' || isSlots)) throw reply;
    if (reply instanceof ReplyError) return null;
    if (isSlots ? !Array.isArray(reply) : !Buffer.isBuffer(reply)) throw misanswered(peer, name);
    return reply;
  });
}

/**
 * A server that keeps its settings to itself has the usual ones, as far as one can know. What it holds for a client is told as
 * classes, each with a hard limit, a soft one, and the seconds for which that may be passed: `normal 0 0 0 slave …`.
 */
async function learnLimits(connection: Connection): Promise<Limits> {
  const [argument, query, output = ''] = await Promise.all([
    setting(connection, 'proto-max-bulk-len'),
    setting(connection, 'client-query-buffer-limit'),
    setting(connection, 'client-output-buffer-limit'),
  ]);
  const command = Math.floor((Number(query) || Infinity) * (1 - COMMAND_SHARE));
  const [, hard, soft] = /(?:^| )normal (\d+) (\d+)/.exec(output) ?? [];
  return {
    mostBytes: Math.min(Number(argument) || USUAL_LIMITS.mostBytes, command),
    mostReplyBytes: Math.min(Number(hard) || Infinity, Number(soft) || Infinity),
  };
}

async function setting(connection: Connection, name: string): Promise<string | undefined> {
  const reply = (await probe(connection, [[CONFIG_GET, name]])).get(CONFIG_GET);
  const [, value] = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
  return Buffer.isBuffer(value) ? value.toString() : undefined;
}

/** One round trip; an error reply is a value like any other. */
async function probe(connection: Connection, probes: readonly Probe[]): Promise<Map<string, Reply>> {
  const replies = await Promise.all(
    probes.map(async ([name, ...args]): Promise<[string, Reply]> => {
      try {
        return [name, await connection.request(name, ...args)];
      } catch (error) {
        if (error instanceof ReplyError) return [name, error];
        throw error;
      }
    }),
  );
  return new Map(replies);
}

/** @throws ProtocolError where something else than a Redis server speaks RESP */
function demandInfo({ peer }: Connection, reply: Reply | undefined): ServerInfo {
  if (reply instanceof ReplyError) throw reply;
  const text = Buffer.isBuffer(reply) ? reply.toString() : '';
  if (/^(redis|valkey|redict)_version:/m.test(text)) return parseInfo(text);
  throw new ProtocolError(`Cannot talk to ${nameOf(peer)}: it is not a Redis server`, { peer });
}

/** Milliseconds since 1970 in a reply of TIME; not a number where the server will not say. */
function clockOf(reply: Reply | undefined): number {
  const [seconds, micros] = Array.isArray(reply) ? reply : [];
  return Number(seconds ?? NaN) * 1000 + Number(micros ?? NaN) / 1000;
}

/** `ERR` is also what RESTORE answers to the probe; the probe's key may be another node's. */
function isRefusal(reply: Reply): reply is ReplyError {
  return reply instanceof ReplyError && !['ERR', 'NOPERM', 'MOVED', 'ASK', 'TRYAGAIN'].includes(reply.code);
}

/** Valkey and Redict began as Redis 7. */
function isSince({ name, version }: ServerInfo, major: number): boolean {
  return name !== 'redis' || Number.parseInt(version, 10) >= major;
}

/** Whether the connection was given up for a reply that is longer than `maxReply`. */
export function isLongReply(error: unknown): error is ProtocolError {
  return error instanceof ProtocolError && error.hint === REPLY_HINT;
}
