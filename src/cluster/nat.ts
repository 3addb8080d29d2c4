// Cluster nodes announce addresses that may mean nothing from here: says where each can be reached.

import type { TcpPeer } from '../../resp/errors.ts';

/** What a node announces, and where it is from here. */
export interface NatRule {
  readonly announced: TcpPeer;
  readonly reachable: TcpPeer;
}

/**
 * Where to connect to for an announced address.
 * @param asked who said it: a node that does not know its own address leaves the host out
 */
export function reach(announced: TcpPeer, asked: TcpPeer, rules: readonly NatRule[]): TcpPeer {
  const named = announced.host === '' || announced.host === '?' ? { ...announced, host: asked.host } : announced;
  const rule = rules.find(({ announced: { host, port } }) => host === named.host && port === named.port);
  return rule?.reachable ?? named;
}
