// Which error replies concern one key, and which mean that no other key would fare better.

import { nameOf, RespError, type Peer, type ReplyError } from '../../resp/errors.ts';

/** The server is in a state in which it takes no such command at all: by the first word of its reply. */
const ENDS_THE_COPY = new Set([
  'OOM',
  'LOADING',
  'BUSY',
  'READONLY',
  'MISCONF',
  'MASTERDOWN',
  'NOREPLICAS',
  'NOAUTH',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MOVED',
  'ASK',
]);

export function endsTheCopy(error: ReplyError): boolean {
  return ENDS_THE_COPY.has(error.code);
}

/** The error that such a reply becomes. */
export function refusalOf(peer: Peer, what: 'read from' | 'write to', reply: ReplyError): RespError {
  const message = `Cannot ${what} ${nameOf(peer)}: ${reply.message}`;
  return new RespError(reply.code, message, { peer, cause: reply });
}
