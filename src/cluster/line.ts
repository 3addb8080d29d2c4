// The way to one node, found again when it is lost: pauses, a look at what has changed meanwhile, and a new connection.

import { nameOf, RespError } from '../../resp/errors.ts';
import { Backoff, type RetryOptions } from '../redis/backoff.ts';
import { pauseFor } from '../redis/pause.ts';
import type { Server } from '../redis/server.ts';
import type { Deployment } from './deployment.ts';
import type { Node } from './topology.ts';

export interface Reconnect {
  readonly side: 'source' | 'target';
  /** `host:port`, or the path of a Unix socket. */
  readonly address: string;
  readonly code: string;
  readonly reason: string;
  /** The try that is to come: 1 for the first since the last progress. */
  readonly attempt: number;
  /** How many there may be: `retries`. */
  readonly retries: number;
  /** Milliseconds. */
  readonly pause: number;
}

export interface LineOptions {
  readonly retry: RetryOptions;
  readonly onReconnect: (event: Reconnect) => void;
}

export class Line {
  readonly #deployment: Deployment;
  readonly #options: LineOptions;
  readonly #backoff: Backoff;
  #node: Node;

  constructor(deployment: Deployment, node: Node, options: LineOptions) {
    this.#deployment = deployment;
    this.#node = node;
    this.#options = options;
    this.#backoff = new Backoff(options.retry);
  }

  /** What was sent has done something: the next failure is the first one again. */
  progress(): void {
    this.#backoff.reset();
  }

  /**
   * Connects; after a failure with a pause, as often as is allowed.
   * @param failure why the last connection is of no more use, if there was one
   * @returns `undefined` where the node is no primary any more
   * @throws the last failure, where it will not pass or there were enough
   */
  async open(failure?: unknown): Promise<Server | undefined> {
    for (let error = failure; ;) {
      try {
        if (error !== undefined) {
          await this.#pause(error);
          await this.#deployment.refresh();
          const found = this.#deployment.topology.find(this.#node.id);
          if (found === undefined) return undefined;
          this.#node = found;
        }
        return await this.#deployment.connect(this.#node);
      } catch (next) {
        if (next === error) throw next;
        error = next;
      }
    }
  }

  /** @throws `error` itself where it is final */
  async #pause(error: unknown): Promise<void> {
    const { signal, role: side } = this.#deployment;
    signal?.throwIfAborted();
    const pause = error instanceof RespError && error.retryable ? this.#backoff.next() : undefined;
    if (pause === undefined) throw error;
    const { code, message: reason } = error as RespError;
    const address = nameOf(this.#node.peer);
    const { retries } = this.#options.retry;
    this.#options.onReconnect({ side, address, code, reason, attempt: this.#backoff.tries, retries, pause });
    await pauseFor(pause, signal);
  }
}
