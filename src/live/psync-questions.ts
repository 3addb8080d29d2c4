// What the source of a psync feed is asked beside its stream, and how it is told what went wrong.

import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import type { ReplicationPoint } from '../../resp/replication-link.ts';
import { askReplication } from '../server/info.ts';
import { judged, kindOf } from '../server/refusal.ts';
import { stringsIn } from '../server/replies.ts';
import type { Session } from '../server/session.ts';

const RIGHTS = 'the user needs +psync +replconf +ping +info +command';

/** Where a source is now, if it can go on from there without a snapshot. */
export async function newestPoint(session: Session): Promise<ReplicationPoint | undefined> {
  const { replicationId, offset, hasBacklog } = await askReplication(session);
  return hasBacklog ? { replicationId, offset } : undefined;
}

/** @throws RespError, also where the source has another history now: who asks for the next part of the old one is told */
export async function askHistory(session: Session, expected: string): Promise<ReplicationPoint> {
  const point = await askReplication(session);
  if (point.replicationId === expected) return point;
  const { peer } = session;
  const message = `Lost the stream of ${nameOf(peer)}: it goes on under another replication id`;
  throw new RespError('REPLICATION_ID', message, { peer, retryable: true });
}

/** @throws the error that the connection has ended with: one goes on from before the command */
export async function askKeys(
  { connection, peer }: Session,
  argv: readonly Buffer[],
): Promise<readonly Buffer[] | undefined> {
  try {
    return stringsIn(await connection.request('COMMAND GETKEYS', ...argv), 'COMMAND GETKEYS');
  } catch (error) {
    if (error instanceof ReplyError) return undefined;
    connection.fail(reasonOf(error, peer));
    throw error;
  }
}

/** As it is told, whatever went wrong. */
export function reasonOf(error: unknown, peer: Peer): Error {
  const what = `Cannot follow ${nameOf(peer)}`;
  if (error instanceof ReplyError) {
    const { hint, retryable } = judged(error, peer, 'read from') as RespError;
    const rights = kindOf(error) === 'forbidden' ? RIGHTS : hint;
    return new RespError(error.code, `${what}: ${error.message}`, { peer, hint: rights, retryable, cause: error });
  }
  if (error instanceof RespError && error.peer === undefined) {
    return new RespError(error.code, `${what}: ${error.message}`, { peer, retryable: error.retryable, cause: error });
  }
  return judged(error, peer, 'read from') as Error;
}
