// The first words on a new connection: who we are, and which database we mean.

import type { Connection } from './connection.ts';
import { nameOf, ReplyError, RespError, type Peer } from './errors.ts';

export interface HandshakeOptions {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db: number;
}

const CLIENT_NAME = 'rump';

/**
 * Logs in, gives the connection its name and selects the database, in one round trip.
 * @throws RespError with the code of the server's refusal: `WRONGPASS`, `NOAUTH`, `ERR`
 */
export async function handshake(connection: Connection, options: HandshakeOptions): Promise<void> {
  const { username, password, db } = options;
  const [auth, name, select] = await Promise.allSettled([
    login(connection, username, password),
    connection.request('CLIENT SETNAME', CLIENT_NAME),
    connection.request('SELECT', String(db)),
  ]);
  checkLogin(auth, connection.peer);
  // The name is a courtesy to whoever reads CLIENT LIST: a user without that right may go on.
  if (name.status === 'rejected' && !(name.reason instanceof ReplyError)) throw name.reason;
  check(select, `Cannot use database ${db} of ${nameOf(connection.peer)}`);
}

async function login(connection: Connection, username: string | undefined, password = ''): Promise<void> {
  if (username !== undefined) await connection.request('AUTH', username, password);
  else if (password !== '') await connection.request('AUTH', password);
}

function checkLogin(result: PromiseSettledResult<void>, peer: Peer): void {
  const what = `Cannot log in to ${nameOf(peer)}`;
  const isError = result.status === 'rejected' && result.reason instanceof ReplyError && result.reason.code === 'ERR';
  if (!isError) return check(result, what);
  // Such a reply may repeat what was sent, so neither its text nor the reply itself is passed on.
  const hint = 'if it has no password, leave yours out';
  throw new RespError('ERR', `${what}: the server does not take this kind of login`, { peer, hint });
}

function check(result: PromiseSettledResult<unknown>, what: string): void {
  if (result.status === 'fulfilled') return;
  const cause: unknown = result.reason;
  if (!(cause instanceof ReplyError)) throw cause;
  const peer = cause.host === undefined ? undefined : { host: cause.host, port: cause.port! };
  if (cause.code === 'NOAUTH') throw new RespError('NOAUTH', `${what}: it asks for a password`, { peer, cause });
  throw new RespError(cause.code, `${what}: ${cause.message}`, { peer, cause });
}
