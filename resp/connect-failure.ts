// Why a connection does not come about, or breaks off: the codes of the system and of OpenSSL as sentences, with the way
// out and whether it may pass by itself.

import { ConnectionError, nameOf, TimeoutError, type Peer } from './errors.ts';
import { serverNameOf, type TlsHints, type TlsOptions } from './tls-options.ts';

export interface Attempt {
  readonly peer: Peer;
  readonly tls: TlsOptions | undefined;
  readonly hints: TlsHints | undefined;
  /** Whether the peer took the connection; a TLS handshake may still be under way. */
  readonly connected: boolean;
}

export interface Life {
  readonly peer: Peer;
  readonly tls: TlsOptions | undefined;
  readonly hints: TlsHints | undefined;
  /** Whether the peer ever said anything. */
  readonly heard: boolean;
  /** Whether it asked for a certificate in the TLS handshake. */
  readonly asked: boolean;
}

interface Reason {
  readonly why: string;
  readonly hint?: string;
  /** The way out is one of `TlsHints`. */
  readonly way?: keyof TlsHints;
  /** Where that is the way out only if something is so. */
  readonly condition?: string;
  readonly retryable?: boolean;
}

/** An error of the system, of Node, or of OpenSSL: the latter two tell more than their code. */
type Cause = Error & {
  readonly code?: string;
  readonly reason?: string;
  readonly cert?: { readonly subjectaltname?: string };
};

/** Of a certificate, in a message. */
const MOST_NAMES = 4;
/** The hint where nobody knows whether the peer speaks TLS. */
export const NO_TLS = 'if it does not speak TLS, write redis:// in place of rediss://';
const MAYBE_TLS = 'if it speaks TLS, write rediss:// in place of redis://';

const RESET: Reason = { why: 'the peer reset the connection', retryable: true };
const NO_SOCKET: Reason = { why: 'no such socket', hint: 'the server names it as unixsocket in its configuration' };
const UNTRUSTED: Reason = { why: 'its certificate is signed by nobody that is trusted', way: 'nameAuthority' };
const NOT_TLS: Reason = { why: 'it does not speak TLS', hint: 'write redis:// in place of rediss://' };
const NO_VERSION: Reason = { why: 'it speaks no version of TLS that is safe', hint: 'it needs TLS 1.2 or later' };
const UNSHOWN: Reason = { why: 'it asks for a client certificate', way: 'showCertificate' };
const REFUSED_CERT: Reason = { why: 'it refuses our certificate', way: 'showCertificate' };

const REASONS: Readonly<Record<string, Reason>> = {
  ECONNREFUSED: { why: 'connection refused, nothing listens there', retryable: true },
  ENOTFOUND: { why: 'no such host', retryable: true },
  EAI_AGAIN: { why: 'the name service does not answer', retryable: true },
  EHOSTUNREACH: { why: 'no route to the host', retryable: true },
  ENETUNREACH: { why: 'no route to the network', retryable: true },
  ETIMEDOUT: { why: 'the host does not answer', retryable: true },
  ECONNRESET: RESET,
  EPIPE: RESET,
  EHOSTDOWN: { why: 'the host is down', retryable: true },
  ENETDOWN: { why: 'the network is down', retryable: true },
  // What a Unix socket says where TCP would let us wait.
  EAGAIN: { why: 'too many wait to connect', retryable: true },
  EMFILE: { why: 'too many files are open', hint: 'raise ulimit -n' },
  ENFILE: { why: 'too many files are open on this host' },
  EADDRNOTAVAIL: { why: 'this host has no address or port left for it' },
  ENOENT: NO_SOCKET,
  ENOTDIR: NO_SOCKET,
  EACCES: { why: 'no permission to use the socket', hint: 'the server gives it by unixsocketperm and its group' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { why: 'its certificate is signed by nobody but itself', way: 'nameItself' },
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_SIGNATURE_FAILURE: UNTRUSTED,
  CERT_HAS_EXPIRED: { why: 'its certificate has expired', way: 'takeAny' },
  CERT_NOT_YET_VALID: { why: 'its certificate is not valid yet', hint: 'compare the clocks' },
  ERR_TLS_CERT_ALTNAME_INVALID: { why: 'its certificate is for another name', way: 'nameServer' },
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
  ERR_SSL_RECORD_LAYER_FAILURE: NOT_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: NO_VERSION,
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: { why: 'it does not know the name that it was called by', way: 'nameServer' },
};

const CERTIFICATE_REQUIRED = 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED';
/** What a TLS server says before it hangs up; OpenSSL puts another prefix to it from version to version. */
const ALERT = /^ERR_SSL_.*_ALERT_(\w+)$/;
const ALERTS: Readonly<Record<string, Reason>> = {
  CERTIFICATE_REQUIRED: UNSHOWN,
  // All that TLS 1.2 has to say where a certificate is missing, and where nothing else fits.
  HANDSHAKE_FAILURE: {
    why: 'it refuses the TLS handshake',
    way: 'showCertificate',
    condition: 'if it asks for a client certificate',
  },
  UNKNOWN_CA: { why: 'it does not trust the authority of our certificate', way: 'showCertificate' },
  BAD_CERTIFICATE: REFUSED_CERT,
  UNSUPPORTED_CERTIFICATE: REFUSED_CERT,
  CERTIFICATE_EXPIRED: REFUSED_CERT,
  CERTIFICATE_REVOKED: REFUSED_CERT,
  CERTIFICATE_UNKNOWN: REFUSED_CERT,
  ACCESS_DENIED: REFUSED_CERT,
  DECRYPT_ERROR: REFUSED_CERT,
  PROTOCOL_VERSION: NO_VERSION,
};

export function connectFailure(error: Error, attempt: Attempt): ConnectionError {
  // A host with several addresses fails with one error for each; the last tried says enough.
  const cause = (error instanceof AggregateError ? error.errors.at(-1) : error) as Cause;
  const code = cause.code ?? 'CONNECT';
  const reason = reasonOf(cause, attempt) ?? { why: cause.reason ?? cause.message };
  return cannotConnect(code, attempt, reason, error);
}

/** The connection was there; a server that speaks TLS 1.3 looks at our certificate only then. */
export function lostConnection(cause: Cause | undefined, life: Life): ConnectionError {
  const { peer, heard } = life;
  const reason = cause === undefined || heard ? undefined : tableOf(cause);
  if (reason !== undefined && reason.retryable !== true) return cannotConnect(cause!.code!, life, reason, cause);
  if (isUnshown(life)) return cannotConnect(CERTIFICATE_REQUIRED, life, { ...UNSHOWN, retryable: true }, cause);
  const why = cause === undefined ? 'the peer closed it' : (cause.code ?? cause.message);
  return new ConnectionError(cause?.code ?? 'CLOSED', `Lost the connection to ${nameOf(peer)}: ${why}`, {
    peer,
    hint: hintOnSilence(life),
    retryable: true,
    cause,
  });
}

export function connectTimeout(ms: number, { peer, tls, connected }: Attempt): TimeoutError {
  const inHandshake = tls !== undefined && connected;
  const what = inHandshake ? 'no end of the TLS handshake' : 'no answer';
  const message = `Cannot connect to ${nameOf(peer)}: ${what} within ${ms / 1000} s`;
  if (inHandshake) return new TimeoutError(message, { peer, hint: NO_TLS });
  // The system would say so later.
  const cause = new ConnectionError('ETIMEDOUT', REASONS['ETIMEDOUT']!.why, { peer, retryable: true });
  return new TimeoutError(message, { peer, cause });
}

function cannotConnect(code: string, { peer, hints }: Attempt | Life, reason: Reason, cause?: Error): ConnectionError {
  const { why, way, condition, retryable } = reason;
  const hint = way === undefined ? reason.hint : wayOut(hints?.[way], condition);
  return new ConnectionError(code, `Cannot connect to ${nameOf(peer)}: ${why}`, { peer, hint, retryable, cause });
}

function wayOut(hint: string | undefined, condition: string | undefined): string | undefined {
  return hint === undefined || condition === undefined ? hint : `${condition}, ${hint}`;
}

function reasonOf(cause: Cause, { peer, tls, connected }: Attempt): Reason | undefined {
  const reason = tableOf(cause);
  if (tls === undefined) return reason;
  const names = cause.cert?.subjectaltname?.replaceAll(/(?:DNS|IP Address):/g, '').split(', ');
  if (reason?.way === 'nameServer' && names !== undefined) {
    const some = names.length > MOST_NAMES ? `${names.slice(0, MOST_NAMES).join(', ')} and others` : names.join(', ');
    return { ...reason, why: `its certificate is for ${some}, and not for ${serverNameOf(tls, peer)}` };
  }
  if (reason?.retryable && connected) return { ...reason, why: 'it broke off the TLS handshake', hint: NO_TLS };
  return reason;
}

function tableOf({ code = '' }: Cause): Reason | undefined {
  return REASONS[code] ?? ALERTS[ALERT.exec(code)?.[1] ?? ''];
}

/** Its alert is lost where we were writing when it hung up: then this is the most likely why, and the next attempt tells. */
function isUnshown({ tls, heard, asked }: Life): boolean {
  return asked && !heard && tls?.cert === undefined;
}

/** A peer that hangs up before it said a word may have waited for other words. */
function hintOnSilence({ tls, hints, heard, asked }: Life): string | undefined {
  if (heard) return undefined;
  if (tls === undefined) return MAYBE_TLS;
  return asked ? wayOut(hints?.showCertificate, 'if it refuses our certificate') : undefined;
}
