// Cluster nodes announce addresses that may mean nothing from here: says where each can be reached.

import type { SentinelAddress, TcpAddress, UnixAddress } from '../../resp/address.ts';
import type { Peer, TcpPeer } from '../../resp/errors.ts';
import type { Role } from '../server/server.ts';

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

/** The flag that says where a node can be reached. */
export function natFlagOf({ role }: { readonly role: Role }): string {
  return role === 'source' ? '--from-nat' : '--to-nat';
}

/** Whoever is named first by the address that was given. */
export function firstPeerOf(address: TcpAddress | UnixAddress | SentinelAddress): Peer {
  if (address.kind === 'unix') return { path: address.path };
  return address.kind === 'tcp' ? { host: address.host, port: address.port } : address.hosts[0]!;
}
