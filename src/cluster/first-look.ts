// Where an endpoint leads to at first: the one server, the primary that sentinels know; and a connection to each node of a cluster.

import type { SentinelAddress, TcpAddress, UnixAddress } from '../../resp/address.ts';
import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import { replyBehind } from '../server/refusal.ts';
import { findPrimary } from '../server/sentinel.ts';
import { openWithDatabases, type Access, type Server } from '../server/server.ts';
import { firstPeerOf, type Announced } from './announced.ts';
import type { Node } from './topology.ts';

export interface FirstLookOptions {
  readonly address: TcpAddress | UnixAddress | SentinelAddress;
  readonly access: Access;
  /** The password of the sentinels themselves. */
  readonly sentinelPassword: string | undefined;
  /** The database that is looked at first. */
  readonly db: number;
}

/**
 * Where the server is: at the address that was given, or where its sentinels say.
 * @throws RespError: no sentinel knows the primary, or it is where nobody vouches for it
 */
export async function locate(
  { address, access, sentinelPassword: password }: FirstLookOptions,
  announced: Announced,
): Promise<Peer> {
  if (address.kind !== 'sentinel') return firstPeerOf(address);
  const { hosts: sentinels, service } = address;
  const { tls, timeout, signal, secrets, tap, role } = access;
  const primary = await findPrimary({ sentinels, service, tls, password, timeout, signal, secrets, tap, role });
  const peer = announced.reach(primary, primary);
  announced.demand(peer);
  return peer;
}

/** @throws RespError that names the node which fails, and what may be wrong with how it is announced */
export async function openNodes(
  { access, db }: FirstLookOptions,
  nodes: readonly Node[],
  natFlag: string,
): Promise<Server[]> {
  const opened = await Promise.allSettled(nodes.map(({ peer }) => openWithDatabases(access, peer, db)));
  const failed = opened.findIndex(({ status }) => status === 'rejected');
  if (failed === -1) return opened.map((result) => (result as PromiseFulfilledResult<Server>).value);
  for (const result of opened) if (result.status === 'fulfilled') result.value.connection.close();
  // No node has failed where the run was stopped.
  access.signal?.throwIfAborted();
  const { reason } = opened[failed] as PromiseRejectedResult;
  if (!(reason instanceof RespError)) throw reason;
  const peer = nameOf(nodes[failed]!.peer);
  const isThere = replyBehind(reason) !== undefined;
  throw new RespError(reason.code, `Cannot use the cluster: it announces a node that fails: ${reason.message}`, {
    peer: nodes[failed]!.peer,
    hint:
      reason.hint ?? (isThere ? undefined : `where that address means nothing here, give ${natFlag} ${peer}=HOST:PORT`),
    retryable: reason.retryable,
    cause: reason,
  });
}
