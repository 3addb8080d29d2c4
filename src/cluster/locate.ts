// Where the server of an endpoint is: at the address that was given, or where its sentinels say.

import type { SentinelAddress, TcpAddress, UnixAddress } from '../../resp/address.ts';
import type { Peer } from '../../resp/errors.ts';
import { findPrimary } from '../server/sentinel.ts';
import type { Access } from '../server/server.ts';
import type { Announced } from './announced.ts';
import { reach, type NatRule } from './nat.ts';

export interface LocateOptions {
  readonly address: TcpAddress | UnixAddress | SentinelAddress;
  readonly access: Access;
  /** The password of the sentinels themselves. */
  readonly sentinelPassword: string | undefined;
  readonly nat: readonly NatRule[];
}

/** @throws RespError: no sentinel knows the primary, or it is where nobody vouches for it */
export async function locate(options: LocateOptions, announced: Announced): Promise<Peer> {
  const { address, access, sentinelPassword: password, nat } = options;
  switch (address.kind) {
    case 'tcp':
      return { host: address.host, port: address.port };
    case 'unix':
      return { path: address.path };
    default: {
      const { hosts: sentinels, service } = address;
      const { tls, timeout, signal, secrets, role } = access;
      const primary = await findPrimary({ sentinels, service, tls, password, timeout, signal, secrets, role });
      const peer = reach(primary, primary, nat);
      announced.demand(peer);
      return peer;
    }
  }
}
