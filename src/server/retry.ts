// The pauses between tries: how long each is, when there were enough, and what is told of a server that is tried again.

import { setTimeout as sleep } from 'node:timers/promises';
import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import { formatDuration } from '../../resp/figures.ts';
import { replyBehind } from './refusal.ts';

export interface RetryOptions {
  /** Tries in a row without progress in between; 0 is none. */
  readonly retries: number;
  /** Milliseconds: the longest pause. */
  readonly longest: number;
}

const FIRST_MS = 100;

export class Backoff {
  readonly #options: RetryOptions;
  #tries = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Tries since the last progress. */
  get tries(): number {
    return this.#tries;
  }

  /** Milliseconds to wait before the next try; `undefined` when there were enough. */
  next(): number | undefined {
    if (this.#tries >= this.#options.retries) return undefined;
    const ceiling = Math.min(this.#options.longest, FIRST_MS * 2 ** this.#tries++);
    // All who lost the same server must not come back at the same moment.
    return ceiling * (0.5 + Math.random() / 2);
  }

  /** There was progress. */
  reset(): void {
    this.#tries = 0;
  }
}

/** @throws the reason of the signal */
export async function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    signal?.throwIfAborted();
  }
}

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

/** In words, as people are told it. */
export function describeReconnect({ side, address, reason, refused, pause, attempt, retries }: Reconnect): string {
  const what = refused ? 'waiting for' : 'lost';
  const lost = `${what} the ${side} ${address}: ${reason}`;
  return `${lost}; trying again in ${formatDuration(pause)} (${attempt} of ${retries})`;
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
