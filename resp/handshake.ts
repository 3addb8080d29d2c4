// The first words on a new connection: who we are, and which database we mean.

import type { Connection } from './connection.ts';
import { ReplyError, RespError } from './errors.ts';

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
  const [auth, name, select] = await Promise.allSettled([
    login(connection, username, password),
    connection.request('CLIENT SETNAME', CLIENT_NAME),
    connection.request('SELECT', String(db)),
  ]);
  check(withoutSecrets(auth), `Cannot log in to ${where}`);
  // The name is a courtesy to whoever reads CLIENT LIST: a user without that right may go on.
  if (name.status === 'rejected' && !(name.reason instanceof ReplyError)) throw name.reason;
  check(select, `Cannot use database ${db} of ${where}`);
}

async function login(connection: Connection, username: string | undefined, password = ''): Promise<void> {
  if (username !== undefined) await connection.request('AUTH', username, password);
  else if (password !== '') await connection.request('AUTH', password);
}

/** A server that does not take AUTH as it was sent may repeat its arguments: such a text goes nowhere. */
function withoutSecrets(result: PromiseSettledResult<void>): PromiseSettledResult<void> {
  if (result.status === 'fulfilled' || !(result.reason instanceof ReplyError) || result.reason.code !== 'ERR')
    return result;
  return { status: 'rejected', reason: new ReplyError('ERR it takes no such AUTH: has it a password, and users?') };
}

function check(result: PromiseSettledResult<unknown>, what: string): void {
  if (result.status === 'fulfilled') return;
  const cause: unknown = result.reason;
  if (!(cause instanceof ReplyError)) throw cause;
  const peer = cause.host === undefined ? undefined : { host: cause.host, port: cause.port! };
  if (cause.code === 'NOAUTH') throw new RespError('NOAUTH', `${what}: it asks for a password`, { peer, cause });
  throw new RespError(cause.code, `${what}: ${cause.message}`, { peer, cause });
}
