// One server, reached and known: its connection, what it is, and what the user may do on it.

import { Connection } from '../../resp/connection.ts';
import { ConnectionError, ProtocolError, type Peer } from '../../resp/errors.ts';
import { handshake, introduce } from '../../resp/handshake.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Secrets } from '../../resp/secrets.ts';
import type { TlsHints, TlsOptions } from '../../resp/tls-options.ts';
import { whileListening } from '../flow/failure.ts';
import { findDatabases, type Databases } from './databases.ts';
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

export interface Server extends Known, Limits {
  readonly connection: Connection;
  /** The database that the connection is in. */
  readonly db: number;
  /** Databases that hold keys, by whichever way they could be learnt; of a look at the start alone. */
  readonly databases: ReadonlyMap<number, number>;
  /** Databases that may be another one by another number: see `Databases`. */
  readonly doubles: readonly number[];
  /** Milliseconds from a command to its reply. */
  readonly roundTrip: number;
}

/** Milliseconds: over a line with a longer round trip, what was sent is on the way for longer than it is worked on. */
export const LONG_LINE_MS = 1;
/** How often a line is looked at that seems to be a long one. */
const MOST_LOOKS = 3;
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
    const known = await learn(connection, access.purpose, access.probes);
    const usual = { roundTrip: performance.now() - start, ...USUAL_LIMITS };
    const limits = isCourteous ? await introduced(connection, access) : usual;
    if (access.keptBytes !== undefined) connection.keepUpTo(access.keptBytes);
    if (limits === undefined) return undefined;
    connection.isNear = limits.roundTrip < LONG_LINE_MS;
    const databases = new Map(known.info.keyspace.map(({ db, keys }) => [db, keys]));
    return { connection, db, databases, doubles: [], ...known, ...limits };
  });
}

/** What a server may refuse without harm: our name, and some of its settings. `undefined` where it has hung up on them. */
async function introduced(
  connection: Connection,
  { signal }: Access,
): Promise<(Limits & Pick<Server, 'roundTrip'>) | undefined> {
  try {
    let roundTrip = Infinity;
    // One reply may be late for reasons of this process, which has only just begun.
    for (let i = 0; i < MOST_LOOKS && roundTrip > LONG_LINE_MS; i++) {
      const start = performance.now();
      await (i === 0 ? introduce(connection, CLIENT_NAME) : connection.request('PING').catch(replyOf));
      roundTrip = Math.min(roundTrip, performance.now() - start);
    }
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
    const topology = await learnTopology(connection);
    connection.close();
    return topology;
  });
}

/** Where `use` fails, or the signal comes first, the connection is closed. */
async function withConnection<T>(access: Access, peer: Peer, use: (connection: Connection) => Promise<T>): Promise<T> {
  const { purpose, tls, timeout, signal, secrets, maxReply } = access;
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

/** Whether the connection was given up for a reply that is longer than `maxReply`. */
export function isLongReply(error: unknown): error is ProtocolError {
  return error instanceof ProtocolError && error.hint === REPLY_HINT;
}
