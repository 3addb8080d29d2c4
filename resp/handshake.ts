// The first words on a new connection: who we are, and which database we mean. What a refusal means is for others to say.

import type { Credentials } from './address.ts';
import type { Connection } from './connection.ts';
import { nameOf, ReplyError, RespError } from './errors.ts';

export interface LoginOptions extends Credentials {
  /** Whose credentials these are, as messages call it: `source`. */
  readonly role?: string | undefined;
}

export interface HandshakeOptions extends LoginOptions {
  readonly db: number;
}

/**
 * Logs in and selects the database, in one round trip. Says nothing that need not be said: a connection is in database 0 to
 * begin with, and a proxy may not know SELECT.
 * @throws RespError with the code of the server's refusal, which is its `cause`: `WRONGPASS`, `NOAUTH`, `ERR`
 */
export async function handshake(connection: Connection, options: HandshakeOptions): Promise<void> {
  const { db } = options;
  const [auth, select] = await Promise.allSettled([
    login(connection, options),
    db === 0 ? undefined : connection.request('SELECT', String(db)),
  ]);
  if (auth.status === 'rejected') throw auth.reason;
  if (select.status === 'rejected')
    throw refused(select.reason, `Cannot use database ${db} of ${nameOf(connection.peer)}`);
}

/**
 * Gives the connection a name: a courtesy to whoever reads CLIENT LIST, which a server may refuse. Some proxies hang up
 * on it.
 * @throws ConnectionError where the peer has hung up
 */
export async function introduce(connection: Connection, name: string): Promise<void> {
  try {
    await connection.request('CLIENT SETNAME', name);
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
  }
}

/**
 * Sends AUTH where there is something to log in with, before anything else that the caller sends in the same tick.
 * @throws RespError as `handshake` does
 */
export async function login(
  connection: Pick<Connection, 'peer' | 'request' | 'secrets'>,
  options: LoginOptions,
): Promise<void> {
  const { username, password = '', role } = options;
  connection.secrets.add(password);
  try {
    if (username !== undefined) await connection.request('AUTH', username, password);
    else if (password !== '') await connection.request('AUTH', password);
  } catch (error) {
    const { peer } = connection;
    const what = `Cannot log in to ${nameOf(peer)}`;
    if (!(error instanceof ReplyError) || error.code !== 'ERR') throw refused(error, what);
    const whose = role === undefined ? '' : ` of the ${role}`;
    const hint =
      username === undefined
        ? `if it has no password, leave that${whose} out`
        : `before Redis 6 there are no users: leave the user name${whose} out, and the password if it has none`;
    throw new RespError('ERR', `${what}: ${error.message}`, { peer, hint, cause: error });
  }
}

/** What could not be done, in place of the bare reply; any other error is left as it is. */
function refused(cause: unknown, what: string): unknown {
  if (!(cause instanceof ReplyError)) return cause;
  const { peer } = cause;
  if (cause.code === 'NOAUTH') return new RespError('NOAUTH', `${what}: it asks for a password`, { peer, cause });
  return new RespError(cause.code, `${what}: ${cause.message}`, { peer, cause });
}
