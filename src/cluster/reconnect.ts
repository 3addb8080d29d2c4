// The pause before a server is tried again, and what is told of it: one that was lost, or one that refuses for now.

import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import type { Backoff, RetryOptions } from '../server/backoff.ts';
import { pauseFor } from '../server/pause.ts';
import { replyBehind } from '../server/refusal.ts';

export interface Reconnect {
  readonly side: 'source' | 'target';
  /** `host:port`, or the path of a Unix socket. */
  readonly address: string;
  readonly code: string;
  readonly reason: string;
  /** Whether the server is there and says itself that it will not do it now; its connection was lost otherwise. */
  readonly refused: boolean;
  /** The try that is to come: 1 for the first since the last progress. */
  readonly attempt: number;
  /** How many there may be: `retries`. */
  readonly retries: number;
  /** Milliseconds. */
  readonly pause: number;
}

export interface ReconnectOptions {
  readonly retry: RetryOptions;
  readonly onReconnect: (event: Reconnect) => void;
}

/** Whom it is about. */
export interface Party {
  readonly side: Reconnect['side'];
  readonly peer: Peer;
  readonly signal: AbortSignal | undefined;
}

/** @throws `error` itself where it will not pass, or there were enough tries; the reason of the signal */
export async function pauseAfter(
  error: unknown,
  backoff: Backoff,
  { side, peer, signal }: Party,
  { retry: { retries }, onReconnect }: ReconnectOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const pause = error instanceof RespError && error.retryable ? backoff.next() : undefined;
  if (pause === undefined) throw error;
  const { code, message } = error as RespError;
  const refusal = replyBehind(error);
  const why = { code, reason: refusal?.message ?? message, refused: refusal !== undefined };
  onReconnect({ side, address: nameOf(peer), ...why, attempt: backoff.tries, retries, pause });
  await pauseFor(pause, signal);
}
