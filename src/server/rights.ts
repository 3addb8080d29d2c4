// Which commands a copy needs and may not run or does not find, asked of the server itself: each is tried once where it can
// do nothing.

import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';

export type Probe = readonly [name: string, ...args: string[]];

/** No key of this name needs to be there: the probes look for it, or fail before they would write it. */
export const PROBE_KEY = 'rump:probe';

/** By name, as ACL knows them; PTTL is not missed where PEXPIRETIME is granted, nor the other way round. */
export function missingRights(replies: ReadonlyMap<string, Reply>): readonly string[] {
  const missing = [...replies].filter(([name, reply]) => isDenied(name, reply)).map(([name]) => name);
  const isExpiryKnown = !missing.includes('PTTL') || isGranted(replies.get('PEXPIRETIME'));
  return missing.filter((name) => !isExpiryKnown || (name !== 'PTTL' && name !== 'PEXPIRETIME'));
}

/** `ERR` is what a server answers to a command that it does not know; any other error comes after the look at the rights. */
export function isGranted(reply: Reply | undefined): boolean {
  return !(reply instanceof ReplyError) || (reply.code !== 'ERR' && reply.code !== 'NOPERM');
}

/** What a copy can do without. */
const DISPENSABLE: ReadonlySet<string> = new Set(['TIME', 'DBSIZE']);
/** Whether slots move while they are read is seen there alone; whoever writes is told by redirections. */
const FOR_READING = 'CLUSTER NODES';

/** Commands that the server itself does not have: renamed there, or unknown to a proxy or to a server of another kind. */
export function unknownCommands(replies: ReadonlyMap<string, Reply>): readonly string[] {
  const unknown = [...replies].filter(([, reply]) => isUnknown(reply)).map(([name]) => name);
  const isExpiryKnown = ['PTTL', 'PEXPIRETIME'].some((name) => isGranted(replies.get(name)));
  const needed = unknown.filter((name) => name !== FOR_READING || !replies.has('RESTORE'));
  return needed.filter((name) => !DISPENSABLE.has(name) && (!isExpiryKnown || !/^P(TTL|EXPIRETIME)$/.test(name)));
}

/** There is no code for it: it is the beginning of the reply, as Redis and its relatives and Envoy have it. */
function isUnknown(reply: Reply): boolean {
  return reply instanceof ReplyError && /^(ERR )?(unknown|unsupported) command/i.test(reply.words);
}

/** A user may lack a command, which the reply then names, or the probe's key, which matters nothing. */
function isDenied(name: string, reply: Reply): boolean {
  const [command = ''] = name.toLowerCase().split(' ');
  return (
    reply instanceof ReplyError &&
    reply.code === 'NOPERM' &&
    // `'cluster|slots'` from 7.0 on, `'cluster'` before.
    new RegExp(`'${command}(\\|\\w+)?'`).test(reply.words)
  );
}

/** `+cluster|slots` for `CLUSTER SLOTS`. */
export function aclOf(name: string): string {
  return `+${name.toLowerCase().replace(' ', '|')}`;
}
