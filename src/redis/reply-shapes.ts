// What the replies about a value have to look like: a peer that answers otherwise is not understood, and only its key suffers.

import { RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';

/** @throws RespError `PAYLOAD` */
export function bytesIn(reply: Reply | undefined, command: string): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw nonsense(command);
}

/** @throws RespError `PAYLOAD`, also where it does not match */
export function textIn(reply: Reply | undefined, command: string, pattern: RegExp): string {
  const text = bytesIn(reply, command).toString('latin1');
  if (pattern.test(text)) return text;
  throw nonsense(command);
}

/** @throws RespError `PAYLOAD` */
export function listIn(reply: Reply | undefined, command: string): readonly Reply[] {
  if (Array.isArray(reply)) return reply as readonly Reply[];
  throw nonsense(command);
}

/**
 * @param multiple how many belong together
 * @throws RespError `PAYLOAD`
 */
export function stringsIn(reply: Reply | undefined, command: string, multiple = 1): readonly Buffer[] {
  const list = listIn(reply, command);
  if (list.length % multiple !== 0) throw nonsense(command);
  for (const element of list) bytesIn(element, command);
  return list as readonly Buffer[];
}

/** @throws RespError `PAYLOAD` */
export function integerIn(reply: Reply | undefined, command: string): number | bigint {
  if (typeof reply === 'number' || typeof reply === 'bigint') return reply;
  throw nonsense(command);
}

function nonsense(command: string): RespError {
  return new RespError('PAYLOAD', `Cannot read the value: what ${command} was answered with is no reply to it`);
}
