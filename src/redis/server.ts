// One server, reached and known: its connection, what it is, and what the user may do on it.

import { Connection } from '../../resp/connection.ts';
import { nameOf, ProtocolError, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import { handshake } from '../../resp/handshake.ts';
import type { Reply } from '../../resp/reply.ts';
import { parseInfo, type ServerInfo } from './info.ts';

/** What the connection is for: a source is never written. */
export type Role = 'source' | 'target';

export interface ServerOptions {
  readonly role: Role;
  readonly peer: Peer;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  /** Milliseconds without progress that count as a failure. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

export interface Server {
  readonly connection: Connection;
  readonly db: number;
  readonly info: ServerInfo;
  /** DBSIZE; 0 where the server will not say. */
  readonly keys: number;
  /** Milliseconds that its clock shows above `Date.now()`; not a number where the server will not say. */
  readonly skew: number;
  /** Milliseconds from a command to its reply. */
  readonly roundTrip: number;
  /** Whether it knows absolute expiries: PEXPIRETIME at a source, ABSTTL at a target. */
  readonly absoluteExpiry: boolean;
  /** Why a target would take no RESTORE now: `READONLY`, `OOM`, `MISCONF`. */
  readonly refusal: ReplyError | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** RESTORE knows ABSTTL from this major version on. */
const ABSTTL_SINCE = 5;

type Probe = readonly [name: string, ...args: string[]];

/** No key of this name needs to be there: the probes look for it, or fail before they would write it. */
const PROBE_KEY = 'rump:probe';
const COMMON_PROBES: readonly Probe[] = [['INFO'], ['TIME'], ['DBSIZE']];
const PROBES: Record<Role, readonly Probe[]> = {
  source: [
    ['SCAN', '0', 'COUNT', '1'],
    ['DUMP', PROBE_KEY],
    ['PTTL', PROBE_KEY],
    ['PEXPIRETIME', PROBE_KEY],
  ],
  // A negative TTL is refused before anything is written, but after rights, role and memory were looked at.
  target: [['RESTORE', PROBE_KEY, '-1', '']],
};

/** @throws RespError: no connection, no login, no such database, or a right that is missing */
export async function openServer(options: ServerOptions): Promise<Server> {
  const { role, peer, db, timeout, signal } = options;
  const connection = await Connection.open({
    peer,
    readOnly: role === 'source',
    connectTimeout: Math.min(timeout, CONNECT_TIMEOUT_MS),
    timeout,
    signal,
  });
  const onAbort = (): void => connection.fail(signal?.reason as Error);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const start = performance.now();
    await handshake(connection, options);
    const roundTrip = performance.now() - start;
    return { connection, db, roundTrip, ...(await learn(connection, role)) };
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

async function learn(connection: Connection, role: Role): Promise<Omit<Server, 'connection' | 'db' | 'roundTrip'>> {
  const before = Date.now();
  const replies = await probe(connection, [...COMMON_PROBES, ...PROBES[role]]);
  const middle = (before + Date.now()) / 2;
  demandRights(connection.peer, role, replies);
  const info = demandInfo(connection, replies.get('INFO'));
  return {
    info,
    keys: sizeOf(replies.get('DBSIZE')),
    skew: clockOf(replies.get('TIME')) - middle,
    absoluteExpiry: role === 'source' ? isGranted(replies.get('PEXPIRETIME')) : knowsAbsTtl(info),
    refusal: [...replies.values()].find(isRefusal),
  };
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

/** @throws RespError with the code `NOPERM` that names every command which the user may not run */
function demandRights(peer: Peer, role: Role, replies: ReadonlyMap<string, Reply>): void {
  const missing = [...replies].filter(([name, reply]) => isDenied(name, reply)).map(([name]) => name);
  const isExpiryKnown = !missing.includes('PTTL') || isGranted(replies.get('PEXPIRETIME'));
  const needed = missing.filter((name) => !isExpiryKnown || (name !== 'PTTL' && name !== 'PEXPIRETIME'));
  if (needed.length === 0) return;
  const rights = needed.map((name) => `+${name.toLowerCase()}`).join(' ');
  throw new RespError(
    'NOPERM',
    `Cannot use ${nameOf(peer)} as the ${role}: the user may not run ${needed.join(', ')}`,
    { peer, hint: `ACL SETUSER … ${rights}` },
  );
}

/** A user may lack a command, which the reply then names, or the probe's key, which matters nothing. */
function isDenied(name: string, reply: Reply): boolean {
  return reply instanceof ReplyError && reply.code === 'NOPERM' && reply.message.includes(`'${name.toLowerCase()}'`);
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

/** A proxy may not know DBSIZE: then nothing is known, and nothing is taken for granted. */
function sizeOf(reply: Reply | undefined): number {
  return typeof reply === 'number' ? reply : 0;
}

function isGranted(reply: Reply | undefined): boolean {
  return !(reply instanceof ReplyError);
}

/** `ERR` is what RESTORE answers to the probe, and what an older server answers to PEXPIRETIME. */
function isRefusal(reply: Reply): reply is ReplyError {
  return reply instanceof ReplyError && reply.code !== 'ERR' && reply.code !== 'NOPERM';
}

function knowsAbsTtl({ name, version }: ServerInfo): boolean {
  return name !== 'redis' || Number.parseInt(version, 10) >= ABSTTL_SINCE;
}
