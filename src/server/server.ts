// One server, reached and known: its connection, what it is, which databases hold keys, and what the user may do on it.

import { Connection } from '../../resp/connection.ts';
import { ConnectionError, nameOf, ProtocolError, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import { handshake, introduce } from '../../resp/handshake.ts';
import type { Reply } from '../../resp/reply.ts';
import { ReplicationLink, type ReplicationSink } from '../../resp/replication-link.ts';
import { Secrets } from '../../resp/secrets.ts';
import type { Tap } from '../../resp/tap.ts';
import type { TlsHints, TlsOptions } from '../../resp/tls-options.ts';
import { whileListening } from '../flow/failure.ts';
import { askInfo, parseInfo, type ServerInfo } from './info.ts';
import {
  learn,
  learnLimits,
  learnTopology,
  USUAL_LIMITS,
  type Known,
  type Limits,
  type Probe,
  type Purpose,
} from './probes.ts';
import { READ_ONLY } from './read-only.ts';
import { judged } from './refusal.ts';
import { replyOf } from './replies.ts';

/** Which side a server is on, as messages call it. */
export type Role = 'source' | 'target';

/** What a connection is for; a feed is a link as replicas have it. */
export type ConnectionUse = Role | `${Role} feed` | `${Role} sentinel`;

/** Makes what listens to a connection, before that is made. @param secrets of whoever is connected to */
export type TapMaker = (use: ConnectionUse, peer: Peer, secrets: Secrets) => Tap;

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
  readonly tap?: TapMaker | undefined;
  /** Bytes of the longest reply that is an array; without it what the decoder allows. */
  readonly maxReply?: number | undefined;
  /** What will be asked of a server beyond what every copy asks. */
  readonly probes: readonly Probe[];
}

export interface Server extends Known, Limits {
  readonly connection: Connection;
  /** The database that the connection is in. */
  readonly db: number;
  /** Databases that hold keys, by whichever way they could be learnt; of a look at the start alone. */
  readonly databases: ReadonlyMap<number, number>;
  /** Databases that may be another one by another number: see `Databases`. */
  readonly doubles: readonly number[];
  /** What the server calls the connection; `undefined` where it does not say, or where it is not written to. */
  readonly clientId: number | undefined;
  /** Milliseconds from a command to its reply. */
  readonly roundTrip: number;
}

/** Milliseconds: over a line with a longer round trip, what was sent is on the way for longer than it is worked on. */
export const LONG_LINE_MS = 1;
/** The settings of TLS by the names of their flags. */
export const TLS_HINTS: Required<TlsHints> = {
  nameAuthority: 'name the authority with --from-tls-ca or --to-tls-ca',
  nameItself: 'name it as the authority with --from-tls-ca or --to-tls-ca',
  nameServer: 'name the one to expect with --from-tls-servername or --to-tls-servername',
  showCertificate: 'show one that it trusts with --from-tls-cert and --from-tls-key, or --to-tls-cert and --to-tls-key',
  takeAny: '--from-tls-insecure or --to-tls-insecure takes any certificate',
  giveAuthority: 'give --from-tls-ca or --to-tls-ca a certificate in PEM',
  giveCertificate: 'give --from-tls-cert or --to-tls-cert a certificate in PEM',
  giveKey: 'give --from-tls-key or --to-tls-key the key to the certificate, in PEM and without a passphrase',
};
const REPLY_HINT = 'a larger --max-reply lets it pass';
const CLIENT_NAME = 'rump';
const CONNECT_TIMEOUT_MS = 10_000;
/** How often a link is opened that has to lead to one process among several. */
const MOST_SEARCHES = 8;
/** For a snapshot to be made: whole servers are written to a disk meanwhile. */
const MOST_PREPARATION_MS = 3_600_000;

/** Rejects where a server is not to be asked anything but who it is. */
export type Admission = (info: ServerInfo, peer: Peer) => Promise<void>;

/**
 * @param admit whoever does not say who he is, is admitted
 * @throws RespError: no connection, no login, no such database, not admitted; `retryable` where the server will not have us now
 */
export async function openServer(access: Access, peer: Peer, db: number, admit?: Admission): Promise<Server> {
  // A proxy that hangs up on a courtesy is not told it again.
  return (await enter(access, peer, db, true, admit)) ?? (await enter(access, peer, db, false, admit))!;
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
function enter(
  access: Access,
  peer: Peer,
  db: number,
  isCourteous: boolean,
  admit: Admission | undefined,
): Promise<Server | undefined> {
  return withConnection(access, peer, async (connection) => {
    await handshake(connection, { ...access, db });
    const told = admit && (await askInfo(connection).catch(replyOf));
    if (told !== undefined && !(told instanceof ReplyError)) await admit!(told, peer);
    const start = performance.now();
    const known = await learn(connection, access.purpose, access.probes);
    const usual = { roundTrip: performance.now() - start, clientId: undefined, ...USUAL_LIMITS };
    const limits = isCourteous ? await introduced(connection, access) : usual;
    if (access.keptBytes !== undefined) connection.keepUpTo(access.keptBytes);
    if (limits === undefined) return undefined;
    // One reply may be late for reasons of this process, which has only just begun.
    const roundTrip = Math.min(usual.roundTrip, limits.roundTrip);
    connection.isNear = roundTrip < LONG_LINE_MS;
    const databases = new Map(known.info.keyspace.map(({ db, keys }) => [db, keys]));
    return { connection, db, databases, doubles: [], ...known, ...limits, roundTrip };
  });
}

/** What a server may refuse without harm: our name, and some of its settings. `undefined` where it has hung up on them. */
async function introduced(
  connection: Connection,
  { signal, purpose }: Access,
): Promise<(Limits & Pick<Server, 'roundTrip' | 'clientId'>) | undefined> {
  try {
    const start = performance.now();
    const isWritten = purpose === 'write';
    const asking = isWritten ? connection.request('CLIENT ID').catch(replyOf) : undefined;
    const [, id] = await Promise.all([introduce(connection, CLIENT_NAME), asking]);
    const introducedAt = performance.now();
    const limits = await learnLimits(connection);
    const roundTrip = Math.min(introducedAt - start, performance.now() - introducedAt);
    return { roundTrip, clientId: typeof id === 'number' ? id : undefined, ...limits };
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
    const topology = await learnTopology(connection);
    connection.close();
    return topology;
  });
}

/** What a server says of itself now, asked on a connection of its own. @throws RespError */
export async function askServer(access: Access, peer: Peer): Promise<ServerInfo> {
  return withConnection(access, peer, async (connection) => {
    await handshake(connection, { ...access, db: 0 });
    const info = await askInfo(connection);
    connection.close();
    return info;
  });
}

/**
 * @param runId of the process that it has to lead to; to any where it is missing
 * @throws RespError
 */
export async function openReplication(
  access: Access,
  peer: Peer,
  sink: ReplicationSink,
  runId = '',
  admit?: Admission,
): Promise<ReplicationLink> {
  const { tls, timeout, signal, secrets = new Secrets(), username, password, role } = access;
  const connectTimeout = Math.min(timeout, CONNECT_TIMEOUT_MS);
  const login = { username, password, role };
  const times = { connectTimeout, timeout, preparation: MOST_PREPARATION_MS };
  const options = { peer, ...login, tls, tlsHints: TLS_HINTS, signal, secrets, ...times };
  for (let search = 1; ; search++) {
    const tap = access.tap?.(`${role} feed`, peer, secrets);
    const link = await ReplicationLink.open({ ...options, tap }, sink);
    try {
      if (runId === '' && admit === undefined) return link;
      const info = parseInfo(await link.askInfo());
      await admit?.(info, peer);
      if (isProcess({ info }, runId)) return link;
      if (search === MOST_SEARCHES) throw otherProcess(peer);
    } catch (error) {
      link.close();
      throw error;
    }
    link.close();
  }
}

/** Where `use` fails, or the signal comes first, the connection is closed. */
async function withConnection<T>(access: Access, peer: Peer, use: (connection: Connection) => Promise<T>): Promise<T> {
  const { role, purpose, tls, timeout, signal, secrets = new Secrets(), maxReply } = access;
  const connectTimeout = Math.min(timeout, CONNECT_TIMEOUT_MS);
  const connection = await Connection.open({
    peer,
    tls,
    tlsHints: TLS_HINTS,
    readOnly: purpose === 'read' ? READ_ONLY : undefined,
    connectTimeout,
    timeout,
    limits: { ...(maxReply === undefined ? {} : { maxReplyLength: maxReply }), replyHint: REPLY_HINT },
    signal,
    secrets,
    tap: access.tap?.(role, peer, secrets),
  });
  try {
    return await whileListening(
      signal,
      (reason) => connection.fail(reason),
      () => use(connection),
    );
  } catch (error) {
    connection.close();
    throw judged(error, peer, purpose === 'read' ? 'read from' : 'write to');
  }
}

/** Whether it is this server process; who names none is believed. */
export function isProcess({ info }: Pick<Server, 'info'>, runId: string): boolean {
  return info.runId === runId || info.runId === '' || runId === '';
}

/** Ends the connection where it leads to another one. */
export function demandProcess(server: Server, runId: string): void {
  const { connection } = server;
  if (!isProcess(server, runId)) connection.fail(otherProcess(connection.peer));
}

export function otherProcess(peer: Peer): RespError {
  const message = `Cannot read from ${nameOf(peer)} any more: another server has its place`;
  const hint = 'give the address of the server itself';
  return new RespError('REPLACED', message, { peer, hint, retryable: true });
}

/** Whether the connection was given up for a reply that is longer than `maxReply`. */
export function isLongReply(error: unknown): error is ProtocolError {
  return error instanceof ProtocolError && error.hint === REPLY_HINT;
}

interface Databases {
  /** Databases that hold keys, and how many; 0 where the server counts none, and SCAN finds some all the same. */
  readonly sizes: ReadonlyMap<number, number>;
  /** Databases that answer as another one does, so that SELECT may do nothing there. */
  readonly doubles: readonly number[];
}

/** Databases that are looked into in one round trip. */
const AT_ONCE = 16;
/** A server may take any number for a database. */
const MOST_DATABASES = 1024;

/**
 * Which databases hold keys, found out by looking into each: for servers whose INFO does not say. The connection is left in any
 * of them.
 */
async function findDatabases(connection: Connection): Promise<Databases> {
  const sizes = new Map<number, number>();
  const doubles: number[] = [];
  const seen = new Set<string>();
  for (let first = 0; first < MOST_DATABASES; first += AT_ONCE) {
    const looks = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => lookInto(connection, first + i)));
    for (const [i, look] of looks.entries()) {
      if (look === undefined || look.isEmpty) continue;
      if (!look.isSelected && seen.has(look.content)) doubles.push(first + i);
      else sizes.set(first + i, look.size);
      seen.add(look.content);
    }
    // Where all are the same as the first one, so are those behind them.
    if (looks.includes(undefined) || doubles.length >= AT_ONCE - 1) break;
  }
  return { sizes, doubles };
}

interface Look {
  readonly size: number;
  readonly isEmpty: boolean;
  /** Whether the server itself says that it is in this database. */
  readonly isSelected: boolean;
  /** Two databases that have the same may be one. */
  readonly content: string;
}

/** `undefined` where there is no such database. */
async function lookInto(connection: Connection, db: number): Promise<Look | undefined> {
  const [selected, size, page, client] = await Promise.all(
    [['SELECT', String(db)], ['DBSIZE'], ['SCAN', '0'], ['CLIENT INFO']].map(([name, ...args]) =>
      connection.request(name!, ...args).catch(replyOf),
    ),
  );
  if (selected instanceof ReplyError) return undefined;
  const [cursor, keys] = Array.isArray(page) ? (page as readonly Reply[]) : [];
  const count = typeof size === 'number' ? size : 0;
  const names = Array.isArray(keys) ? (keys as readonly Buffer[]).map((key) => key.toString('base64')) : [];
  return {
    size: count,
    // Some count only now and then, so that none may be many.
    isEmpty: count === 0 && names.length === 0 && (cursor === undefined || String(cursor) === '0'),
    isSelected: Buffer.isBuffer(client) && ` ${client.toString()} `.includes(` db=${db} `),
    content: [count, String(cursor), ...names].join(' '),
  };
}
