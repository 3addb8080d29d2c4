// Where a cluster node can be reached from here, as operators write it: 10.0.0.1:6379=127.0.0.1:7001.

import { parseAddress } from '../../resp/address.ts';
import type { TcpPeer } from '../../resp/errors.ts';
import type { NatRule } from '../sync/options.ts';
import type { Kind } from './kind.ts';

/** A host and its port, and nothing else that an address may have. */
const HOST_PORT = /^[^@/?]+:\d+$/;

export const natRule: Kind<NatRule> = {
  placeholder: 'HOST:PORT=HOST:PORT',
  expected: 'it takes what a node says of itself, then where it is, such as 10.0.0.1:6379=[::1]:7001',
  parse(text) {
    const [announced, reachable, ...more] = text.split('=').map(parsePeer);
    return announced && reachable && more.length === 0 ? { announced, reachable } : undefined;
  },
};

function parsePeer(text: string): TcpPeer | undefined {
  if (!HOST_PORT.test(text)) return undefined;
  const address = parseAddress(`redis://${text}`);
  return address.kind === 'tcp' ? { host: address.host, port: address.port } : undefined;
}
