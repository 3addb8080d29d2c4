// `MOVED 3999 10.0.0.1:6381` and `ASK …`: the key is, or may be, at another node. And what is said where no way leads to it.

import { nameOf, ReplyError, RespError, type TcpPeer } from '../../resp/errors.ts';
import type { Role } from '../server/server.ts';
import type { Topology } from './topology.ts';

export interface Redirect {
  readonly kind: 'moved' | 'ask';
  readonly slot: number;
  /** As announced; an empty host is the one that was asked. */
  readonly peer: TcpPeer;
}

/** `undefined` for any other error. */
export function redirectOf({ words }: ReplyError): Redirect | undefined {
  const [, kind, slot, host, port] = /^(MOVED|ASK) (\d+) (\S*):(\d+)$/.exec(words) ?? [];
  if (kind === undefined) return undefined;
  return { kind: kind === 'ASK' ? 'ask' : 'moved', slot: Number(slot), peer: { host: host!, port: Number(port) } };
}

export function unservedError(slot: number): ReplyError {
  return new ReplyError(`CLUSTERDOWN No node serves slot ${slot}`);
}

/**
 * There were enough tries to reach a key.
 * @param why what a node said at the last one
 * @returns a ReplyError where only the keys of this slot are concerned
 */
export function wayLost(
  why: ReplyError,
  slot: number,
  { role, topology }: { role: Role; topology: Topology },
): RespError {
  if (why.code !== 'CLUSTERDOWN') {
    const what = redirectOf(why) === undefined ? 'is on the move, and stays so' : 'has no node that would take it';
    return new ReplyError(`${why.code} Its slot ${slot} ${what}: ${why.message}`, why.peer);
  }
  if (topology.ownerOf(slot) === undefined) return unservedError(slot);
  const peers = topology.nodes.map(({ peer }) => nameOf(peer)).join(', ');
  const message = `Cannot go on with the ${role} cluster (${peers}): ${why.message}`;
  return new RespError(why.code, message, { cause: why });
}
