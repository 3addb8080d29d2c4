// `MOVED 3999 10.0.0.1:6381` and `ASK …`: the key is, or may be, at another node.

import type { ReplyError, TcpPeer } from '../../resp/errors.ts';

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
