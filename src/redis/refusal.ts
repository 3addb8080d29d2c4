// What an error reply concerns: one key, the place of that key, or the server and so every key.

import { nameOf, RespError, type Peer, type ReplyError } from '../../resp/errors.ts';

/**
 * `key`: no other key is touched. `place`: the key is at another node of the cluster, or on its way there. `server`: no
 * other key would fare better now.
 */
export type RefusalScope = 'key' | 'place' | 'server';

/** By the first word of the reply. */
const SCOPES: ReadonlyMap<string, RefusalScope> = new Map([
  ['MOVED', 'place'],
  ['ASK', 'place'],
  ['TRYAGAIN', 'place'],
  ['OOM', 'server'],
  ['LOADING', 'server'],
  ['BUSY', 'server'],
  ['READONLY', 'server'],
  ['MISCONF', 'server'],
  ['MASTERDOWN', 'server'],
  ['NOREPLICAS', 'server'],
  ['CLUSTERDOWN', 'server'],
  ['NOAUTH', 'server'],
]);

export function scopeOf({ code }: ReplyError): RefusalScope {
  return SCOPES.get(code) ?? 'key';
}

/** The error that a refusal becomes which concerns the whole server. It may pass, but for a login that is gone. */
export function refusalOf(peer: Peer, what: 'read from' | 'write to', reply: ReplyError): RespError {
  const message = `Cannot ${what} ${nameOf(peer)}: ${reply.message}`;
  return new RespError(reply.code, message, { peer, cause: reply, retryable: reply.code !== 'NOAUTH' });
}
