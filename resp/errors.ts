// The errors of the RESP floor: what could not be done, why, at which peer. No secret and no payload ever enters one.

import type { Secrets } from './secrets.ts';

/** Where a connection leads: a TCP host and port, or the path of a Unix socket. */
export type Peer = TcpPeer | UnixPeer;

export interface TcpPeer {
  readonly host: string;
  readonly port: number;
}

export interface UnixPeer {
  readonly path: string;
}

/** The peer as every message calls it. */
export function nameOf(peer: Peer): string {
  if ('path' in peer) return peer.path;
  const { host, port } = peer;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export interface RespErrorOptions {
  readonly peer?: Peer | undefined;
  /** The way out, one clause: shown behind the message. */
  readonly hint?: string | undefined;
  /** Whether the same attempt may fare better a little later. Default false. */
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/** The root of every error that rump throws on purpose; `code` is stable, `message` is for people. */
export class RespError extends Error {
  override readonly name: string = 'RespError';
  readonly code: string;
  readonly peer: Peer | undefined;
  readonly hint: string | undefined;
  /** True for what passes by itself: a lost connection, a peer that is not there or silent; a certificate does not mend. */
  readonly retryable: boolean;

  constructor(code: string, message: string, options: RespErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.peer = options.peer;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }

  get host(): string | undefined {
    return this.peer !== undefined && 'host' in this.peer ? this.peer.host : undefined;
  }

  get port(): number | undefined {
    return this.peer !== undefined && 'port' in this.peer ? this.peer.port : undefined;
  }
}

/** An endpoint that cannot be understood; `code` is `ADDRESS`. */
export class AddressError extends RespError {
  override readonly name = 'AddressError';

  constructor(message: string, hint?: string) {
    super('ADDRESS', message, { hint });
  }
}

/** No connection, or no longer one; `code` is that of the system or of OpenSSL (`ECONNREFUSED`, `CERT_HAS_EXPIRED`), or `CLOSED`. */
export class ConnectionError extends RespError {
  override readonly name = 'ConnectionError';
}

/** A peer that made no progress for the time that was allowed; `code` is `TIMEOUT`. */
export class TimeoutError extends RespError {
  override readonly name = 'TimeoutError';

  constructor(message: string, options: RespErrorOptions = {}) {
    super('TIMEOUT', message, { ...options, retryable: true });
  }
}

/** Bytes that are not RESP2, or that pass a limit of the decoder; `code` is `PROTOCOL`. */
export class ProtocolError extends RespError {
  override readonly name = 'ProtocolError';

  constructor(message: string, options: RespErrorOptions = {}) {
    super('PROTOCOL', message, options);
  }
}

/** A command that a read-only connection will not send; `code` is `READ_ONLY`. */
export class ReadOnlyError extends RespError {
  override readonly name = 'ReadOnlyError';

  constructor(command: string, peer?: Peer) {
    super('READ_ONLY', `Cannot send ${command}: this connection only reads`, { peer });
  }
}

/** Characters of an error reply that are shown. */
const LONGEST = 500;

/**
 * An error reply of the server; `code` is its first word (`WRONGPASS`, `OOM`), the part to decide by. Its message is fit to be
 * shown: no secret is in it, and it has a bound.
 */
export class ReplyError extends RespError {
  override readonly name = 'ReplyError';
  /** What the server said, to be understood and never to be shown. */
  readonly #words: string;

  /** @param secrets what must not be shown of the text */
  constructor(text: string, peer?: Peer, secrets?: Secrets) {
    // A million keys may be refused: where in rump a reply was read helps nobody, and to find out costs more than the rest.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const shown = secrets?.hide(text) ?? text;
    const message = shown.length > LONGEST ? `${shown.slice(0, LONGEST)}…` : shown;
    super(/^[A-Z][A-Z0-9_]*(?= |$)/.exec(shown)?.[0] ?? 'ERR', message, { peer });
    this.#words = text;
    Error.stackTraceLimit = stackTraceLimit;
  }

  get words(): string {
    return this.#words;
  }
}
