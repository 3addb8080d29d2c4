// Asks the sentinels of a service where its primary is now. What the answer is good for is the caller's to see.

import type { Credentials } from '../../resp/address.ts';
import { Connection } from '../../resp/connection.ts';
import { nameOf, ProtocolError, ReplyError, RespError } from '../../resp/errors.ts';
import type { RespErrorOptions, TcpPeer } from '../../resp/errors.ts';
import { login } from '../../resp/handshake.ts';
import type { Reply } from '../../resp/reply.ts';
import { Secrets } from '../../resp/secrets.ts';
import type { TlsOptions } from '../../resp/tls-options.ts';
import { whileListening } from '../flow/failure.ts';
import { READ_ONLY } from './read-only.ts';
import { kindOf, mayPass, replyBehind, type RefusalKind } from './refusal.ts';
import { TLS_HINTS, type Role, type TapMaker } from './server.ts';

/** The credentials are those of the sentinels, which may differ from those of the servers that they watch. */
export interface SentinelOptions extends Credentials {
  readonly sentinels: readonly TcpPeer[];
  /** The name under which they watch the primary: `mymaster`. */
  readonly service: string;
  readonly tls?: TlsOptions | undefined;
  /** Milliseconds without an answer that count as a failure; a sentinel gets a few seconds at most. */
  readonly timeout: number;
  /** Which side they are of, for the way out. Default `source`. */
  readonly role?: Role | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What they may repeat, and nobody may see. */
  readonly secrets?: Secrets | undefined;
  readonly tap?: TapMaker | undefined;
}

/** To connect, and again to answer: there are other sentinels to ask. */
const PATIENCE_MS = 3000;
const REFUSALS: Readonly<Partial<Record<RefusalKind, { readonly why: string; readonly hint?: string }>>> = {
  'password-missing': {
    why: 'it asks for a password',
    hint: 'give that of the sentinels with --SIDE-sentinel-password-file',
  },
  'not-understood': { why: 'it is no sentinel' },
};

/**
 * Asks one sentinel after the other; the first that knows the primary wins.
 * @throws RespError with the code `SENTINEL` that has the reason of each, or the reason of the signal
 */
export async function findPrimary(options: SentinelOptions): Promise<TcpPeer> {
  const reasons: RespError[] = [];
  for (const sentinel of options.sentinels) {
    try {
      return await askSentinel(sentinel, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof RespError)) throw error;
      reasons.push(error);
    }
  }
  const why = reasons.map(({ message }) => message.charAt(0).toLowerCase() + message.slice(1)).join('; ');
  throw new RespError('SENTINEL', `Cannot find the primary of ${options.service}: ${why}`, {
    peer: reasons.at(-1)?.peer,
    hint: reasons.find(({ hint }) => hint !== undefined)?.hint,
    retryable: reasons.some(mayPass),
    // One that is there and lets nobody in now is worth waiting for.
    cause: reasons.find((reason) => mayPass(reason) && replyBehind(reason) !== undefined) ?? reasons.at(-1),
  });
}

async function askSentinel(peer: TcpPeer, options: SentinelOptions): Promise<TcpPeer> {
  const { service, tls, signal, secrets = new Secrets(), role = 'source', tap } = options;
  const timeout = Math.min(options.timeout, PATIENCE_MS);
  const connection = await Connection.open({
    peer,
    readOnly: READ_ONLY,
    tls,
    tlsHints: TLS_HINTS,
    connectTimeout: timeout,
    timeout,
    signal,
    secrets,
    tap: tap?.(`${role} sentinel`, peer, secrets),
  });
  const ask = async (): Promise<TcpPeer> => {
    const [auth, answer] = await Promise.allSettled([
      login(connection, options),
      connection.request('SENTINEL GET-MASTER-ADDR-BY-NAME', service),
    ]);
    if (auth.status === 'rejected') throw auth.reason;
    if (answer.status === 'rejected') throw refused(answer.reason, peer, options);
    return readAddress(answer.value, peer, service);
  };
  return whileListening(signal, (reason) => connection.fail(reason), ask).finally(() => connection.close());
}

/** What a refusal means; any other error is left as it is. */
function refused(cause: unknown, peer: TcpPeer, { role }: SentinelOptions): unknown {
  if (!(cause instanceof ReplyError)) return cause;
  if (mayPass(cause)) return cannotAsk(cause.code, peer, cause.message, { retryable: true, cause });
  const why = REFUSALS[kindOf(cause)];
  const hint = why?.hint?.replace('SIDE', role === 'target' ? 'to' : 'from');
  return cannotAsk(cause.code, peer, why?.why ?? cause.message, { hint, cause });
}

/** A host and a port as strings, or null where no such service is watched. */
function readAddress(reply: Reply, peer: TcpPeer, service: string): TcpPeer {
  if (reply === null) throw cannotAsk('SENTINEL', peer, `it watches no service ${service}`);
  const [host, port] = Array.isArray(reply) ? reply.map(String) : [];
  if (!host || !(Number(port) >= 1 && Number(port) <= 65_535))
    throw new ProtocolError(`Cannot ask ${nameOf(peer)}: its answer is no address`, { peer });
  return { host, port: Number(port) };
}

function cannotAsk(code: string, peer: TcpPeer, why: string, options: RespErrorOptions = {}): RespError {
  return new RespError(code, `Cannot ask ${nameOf(peer)}: ${why}`, { peer, ...options });
}
