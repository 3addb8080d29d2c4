// The first words on a new connection: who we are, and which database we mean.

import type { Connection } from './connection.ts';
import { ReplyError, RespError } from './errors.ts';
import type { Reply } from './reply.ts';

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
  const where = `${connection.peer.host}:${connection.peer.port}`;
  const login = password === undefined ? [] : username === undefined ? [password] : [username, password];
  const [auth, name, select] = await Promise.allSettled([
    login.length > 0 ? connection.request('AUTH', ...login) : undefined,
    connection.request('CLIENT SETNAME', CLIENT_NAME),
    connection.request('SELECT', String(db)),
  ]);
  check(auth, `Cannot log in to ${where}`);
  // The name is a courtesy to whoever reads CLIENT LIST: a user without that right may go on.
  if (name.status === 'rejected' && !(name.reason instanceof ReplyError)) throw name.reason;
  check(select, `Cannot use database ${db} of ${where}`);
}

function check(result: PromiseSettledResult<Reply | undefined>, what: string): void {
  if (result.status === 'fulfilled') return;
  const cause: unknown = result.reason;
  if (!(cause instanceof ReplyError)) throw cause;
  const peer = cause.host === undefined ? undefined : { host: cause.host, port: cause.port! };
  if (cause.code === 'NOAUTH') throw new RespError('NOAUTH', `${what}: it asks for a password`, { peer, cause });
  throw new RespError(cause.code, `${what}: ${cause.message}`, { peer, cause });
}
