// What a copy was asked for, resolved: addresses parsed, defaults filled in, contradictions refused.

import { formatAddress, parseAddress, type Address, type TcpAddress } from '../../resp/address.ts';
import { AddressError } from '../../resp/errors.ts';
import type { Role, ServerOptions } from '../redis/server.ts';
import type { ConflictPolicy, MigrateEvent, MigrateOptions } from './options.ts';

export interface Settings {
  /** The endpoints without their passwords, to be shown. */
  readonly from: string;
  readonly to: string;
  readonly source: ServerOptions;
  readonly target: ServerOptions;
  readonly onConflict: ConflictPolicy;
  readonly noTtl: boolean;
  readonly count: number | undefined;
  /** Bytes. */
  readonly buffer: number;
  readonly failFast: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: (event: MigrateEvent) => void;
}

const DEFAULT_BUFFER = 64 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 60_000;

/** @throws AddressError for an endpoint that is none, or that this copy cannot use */
export function settingsOf(options: MigrateOptions): Settings {
  const timeout = options.timeout ?? DEFAULT_TIMEOUT_MS;
  const [from, to] = [parseAddress(options.from), parseAddress(options.to)];
  const server = (
    role: Role,
    address: Address,
    password: string | undefined,
    db: number | undefined,
  ): ServerOptions => {
    demandTcp(role, address);
    const { host, port, username } = address;
    const common = { role, peer: { host, port }, timeout, signal: options.signal };
    return { ...common, username, password: password ?? address.password, db: db ?? address.db ?? 0 };
  };
  return {
    from: formatAddress(from),
    to: formatAddress(to),
    source: server('source', from, options.fromPassword, options.db),
    target: server('target', to, options.toPassword, undefined),
    onConflict: options.onConflict ?? 'replace',
    noTtl: options.noTtl ?? false,
    count: options.count,
    buffer: options.buffer ?? DEFAULT_BUFFER,
    failFast: options.failFast ?? false,
    signal: options.signal,
    onEvent: options.onEvent ?? (() => {}),
  };
}

function demandTcp(role: Role, address: Address): asserts address is TcpAddress & { tls: false } {
  if (address.kind === 'snapshot' && role === 'target') {
    throw new AddressError('Cannot write a snapshot: an .rdb file can only be a source');
  }
  if (address.kind === 'tcp' && !address.tls) return;
  const what = address.kind === 'tcp' ? 'TLS' : KINDS[address.kind];
  throw new AddressError(
    `Cannot use ${formatAddress(address)} as the ${role}: ${what} is not supported`,
    'use redis://',
  );
}

const KINDS = {
  unix: 'a Unix socket',
  sentinel: 'Sentinel',
  stream: 'a RESP stream',
  snapshot: 'a snapshot file',
} as const;
