// What an error reply means: whom it concerns, whether it may pass, and the way out. Decided here for everybody who is told one.

import { ConnectionError, nameOf, ReplyError, RespError, type Peer, type TcpPeer } from '../../resp/errors.ts';

/**
 * `key`: no other key is touched. `place`: the key is at another node of the cluster, on its way there, or at none.
 * `server`: no other key would fare better now.
 */
export type RefusalScope = 'key' | 'place' | 'server';

/** What is said with it, where somebody goes on by that. */
export type RefusalKind =
  | 'moved'
  | 'ask'
  /** The slot is on its way, and not all keys of the command are at one of its two nodes. */
  | 'moving'
  /** No node serves the slot, or the cluster serves none. */
  | 'unserved'
  | 'loading'
  /** The key is there already, and is not to be replaced. */
  | 'exists'
  /** The key holds another value than one of which that can be asked. */
  | 'other-value'
  /** The user lacks the right to a command, or to a key. */
  | 'forbidden'
  | 'password-missing'
  /** No command that the server knows, or nothing that it can make of the arguments: there is no code for it. */
  | 'not-understood'
  | 'other';

interface Meaning {
  readonly scope: RefusalScope;
  /** Default `other`. */
  readonly kind?: RefusalKind;
  /** Whether the same may be granted a little later. Default false. */
  readonly passes?: boolean;
  /** Where it passes: whether it is waited for before anything was done, too. Default true. */
  readonly waits?: boolean;
  /** What is said in place of the server's words. */
  readonly why?: string;
  /** The way out; `--SIDE-…` stands for the flags of that side. */
  readonly hint?: string;
}

/** By the first word of the reply. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  MOVED: { scope: 'place', kind: 'moved', passes: true },
  ASK: { scope: 'place', kind: 'ask', passes: true },
  TRYAGAIN: { scope: 'place', kind: 'moving', passes: true },
  CLUSTERDOWN: { scope: 'place', kind: 'unserved', passes: true },
  BUSYKEY: { scope: 'key', kind: 'exists' },
  WRONGTYPE: { scope: 'key', kind: 'other-value' },
  NOGROUP: { scope: 'key', kind: 'other-value' },
  NOPERM: { scope: 'key', kind: 'forbidden' },
  ERR: { scope: 'key', kind: 'not-understood' },
  LOADING: { scope: 'server', kind: 'loading', passes: true },
  BUSY: { scope: 'server', passes: true, hint: 'a script is running there; SCRIPT KILL ends it' },
  MASTERDOWN: { scope: 'server', passes: true, hint: 'it is a replica that has lost its primary' },
  NOMASTERLINK: { scope: 'server', passes: true, hint: 'it is a replica that has lost its primary' },
  NOREPLICAS: {
    scope: 'server',
    passes: true,
    hint: 'its min-replicas-to-write asks for more replicas than it has',
  },
  MISCONF: { scope: 'server', passes: true, hint: 'its log says why it cannot save to its disk' },
  // Nobody empties a server for us: only while keys expire there, or somebody is at work on it, is it worth waiting.
  OOM: {
    scope: 'server',
    passes: true,
    waits: false,
    hint: 'raise its maxmemory, then run the same command again',
  },
  READONLY: { scope: 'server', passes: true, waits: false, hint: 'write to its primary' },
  NOAUTH: {
    scope: 'server',
    kind: 'password-missing',
    why: 'it asks for a password',
    hint: 'give it with --SIDE-password-file',
  },
  WRONGPASS: { scope: 'server' },
  DENIED: {
    scope: 'server',
    hint: 'give it a password, or set protected-mode no or another bind in its configuration',
  },
};
const OF_KEY: Meaning = { scope: 'key' };
/** It has no code of its own. */
const TOO_MANY_CLIENTS = 'ERR max number of clients';
const CROWDED: Meaning = { scope: 'server', passes: true, hint: 'its maxclients sets the limit' };

function meaningOf(error: RespError): Meaning {
  if (error instanceof ReplyError && error.words.startsWith(TOO_MANY_CLIENTS)) return CROWDED;
  return MEANINGS[error.code] ?? OF_KEY;
}

export function scopeOf(reply: ReplyError): RefusalScope {
  return meaningOf(reply).scope;
}

/** Of a reply, or of an error that has its code. */
export function kindOf(error: RespError): RefusalKind {
  return meaningOf(error).kind ?? 'other';
}

/** Whether the server does not have the command: so its reply begins, of Redis and its relatives and of Envoy. */
export function isUnknownCommand(reply: ReplyError): boolean {
  return /^(ERR )?(unknown|unsupported) command/i.test(reply.words);
}

/**
 * Whether the user lacks the right to the command, and not to a key.
 * @param command the first word of its name
 */
export function isForbidden(reply: ReplyError, command: string): boolean {
  // `'cluster|slots'` from 7.0 on, `'cluster'` before.
  return kindOf(reply) === 'forbidden' && new RegExp(`'${command}(\\|\\w+)?'`, 'i').test(reply.words);
}

/** The error that a refusal becomes which concerns more than one key. */
export function refusalOf(peer: Peer, what: 'read from' | 'write to', reply: ReplyError): RespError {
  const { why = reply.message } = meaningOf(reply);
  const hint =
    kindOf(reply) === 'forbidden' ? 'give the user that right: the README lists all that rump needs' : undefined;
  const options = { peer, cause: reply, ...(hint !== undefined && { hint }) };
  return withMeaning(new RespError(reply.code, `Cannot ${what} ${nameOf(peer)}: ${why}`, options), what);
}

/** The same of whatever went wrong, if it was a refusal. */
export function attributed(error: unknown, peer: Peer, what: 'read from' | 'write to'): Error {
  return error instanceof ReplyError ? refusalOf(peer, what, error) : (error as Error);
}

/** Any error of a server that was asked before keys are: with what is known of the reply that is behind it, if one is. */
export function judged(error: unknown, peer: Peer, what: 'read from' | 'write to'): unknown {
  if (error instanceof ReplyError) return refusalOf(peer, what, error);
  return error instanceof RespError && error.cause instanceof ReplyError ? withMeaning(error, what) : error;
}

/** The server's own words that are behind an error: it is there, and refuses. */
export function replyBehind(error: unknown): ReplyError | undefined {
  if (error instanceof ReplyError) return error;
  return error instanceof RespError ? replyBehind(error.cause) : undefined;
}

/** Whether what ended a run may be over a little later: so says the error itself, or what is behind it. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof RespError)) return false;
  return error.retryable || (error instanceof ReplyError && meaningOf(error).passes === true) || mayPass(error.cause);
}

/** Whether a server that says so is waited for before anything was done; whoever does not answer at all is not. */
export function isWaitedFor(error: unknown): boolean {
  const reply = error instanceof RespError && error.retryable ? replyBehind(error) : undefined;
  return reply !== undefined && meaningOf(reply).waits !== false;
}

/** What a connection fails with where nobody is there just now, or no longer. That a name is unknown, or a certificate, does not pass. */
const ABSENT: ReadonlySet<string> = new Set(
  'ECONNREFUSED ECONNRESET EPIPE CLOSED ETIMEDOUT EHOSTUNREACH ENETUNREACH EHOSTDOWN ENETDOWN EAGAIN EAI_AGAIN'.split(
    ' ',
  ),
);

/** Whether nobody was reached who may be there later: so says the error itself, or what is behind it. */
export function isAbsent(error: unknown): boolean {
  if (!(error instanceof RespError)) return false;
  if (!(error instanceof ConnectionError)) return isAbsent(error.cause);
  return error.retryable && ABSENT.has(error.code);
}

/** Whether no node of a cluster serves what is asked for: somebody may be giving it one, or waiting for it to come back. */
export function isUnserved(error: unknown): boolean {
  return error instanceof RespError && kindOf(error) === 'unserved';
}

function withMeaning(error: RespError, what: 'read from' | 'write to'): RespError {
  const { code, message, peer, cause } = error;
  const { passes, hint } = meaningOf(cause as ReplyError);
  const side = what === 'read from' ? 'from' : 'to';
  return new RespError(code, message, {
    peer,
    hint: hint?.replace('SIDE', side) ?? error.hint,
    retryable: passes,
    cause,
  });
}

/** `MOVED 3999 10.0.0.1:6381` and `ASK …`: the key is, or may be, at another node. */
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
