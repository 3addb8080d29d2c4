// Which error replies concern one key, and which mean that no other key would fare better.

import type { ReplyError } from '../../resp/errors.ts';

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
