// The first words on a new connection: who we are, and which database we mean.

import type { Credentials } from './address.ts';
import type { Connection } from './connection.ts';
import { nameOf, ReplyError, RespError } from './errors.ts';

export interface HandshakeOptions extends Credentials {
  readonly db: number;
}

const CLIENT_NAME = 'rump';

/**
 * Logs in, gives the connection its name and selects the database, in one round trip.
 * @throws RespError with the code of the server's refusal: `WRONGPASS`, `NOAUTH`, `ERR`
 */
export async function handshake(connection: Connection, options: HandshakeOptions): Promise<void> {
  const { db } = options;
  const [auth, name, select] = await Promise.allSettled([
    login(connection, options),
    connection.request('CLIENT SETNAME', CLIENT_NAME),
    connection.request('SELECT', String(db)),
  ]);
  if (auth.status === 'rejected') throw auth.reason;
  // The name is a courtesy to whoever reads CLIENT LIST: a user without that right may go on.
  if (name.status === 'rejected' && !(name.reason instanceof ReplyError)) throw name.reason;
  if (select.status === 'rejected')
    throw refused(select.reason, `Cannot use database ${db} of ${nameOf(connection.peer)}`);
}

/**
 * Sends AUTH where there is something to log in with, before anything else that the caller sends in the same tick.
 * @throws RespError as `handshake` does
 */
export async function login(connection: Connection, { username, password = '' }: Credentials): Promise<void> {
  try {
    if (username !== undefined) await connection.request('AUTH', username, password);
    else if (password !== '') await connection.request('AUTH', password);
  } catch (error) {
    const { peer } = connection;
    const what = `Cannot log in to ${nameOf(peer)}`;
    if (!(error instanceof ReplyError) || error.code !== 'ERR') throw refused(error, what);
    // Such a reply may repeat what was sent, so neither its text nor the reply itself is passed on.
    const hint = 'if it has no password, leave yours out';
    throw new RespError('ERR', `${what}: the server does not take this kind of login`, { peer, hint });
  }
}

/** What could not be done, in place of the bare reply; any other error is left as it is. */
function refused(cause: unknown, what: string): unknown {
  if (!(cause instanceof ReplyError)) return cause;
  const { peer } = cause;
  if (cause.code === 'NOAUTH') return new RespError('NOAUTH', `${what}: it asks for a password`, { peer, cause });
  return new RespError(cause.code, `${what}: ${cause.message}`, { peer, cause });
}
