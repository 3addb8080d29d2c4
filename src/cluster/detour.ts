// Keys that a node sent elsewhere wait here until the cluster was asked anew who serves them; then they go their way.

import { nameOf, RespError, type ReplyError } from '../../resp/errors.ts';
import { Backoff, type RetryOptions } from '../redis/backoff.ts';
import { pauseFor } from '../redis/pause.ts';
import type { Deployment } from './deployment.ts';

export interface DetourSink<T> {
  /** The topology is as new as can be: try again. */
  onReleased(items: readonly T[]): void;
  onFailed(error: unknown): void;
}

export class Detour<T> {
  readonly #deployment: Deployment;
  readonly #backoff: Backoff;
  readonly #sink: DetourSink<T>;
  #items: T[] = [];
  #isMending = false;

  constructor(deployment: Deployment, retry: RetryOptions, sink: DetourSink<T>) {
    this.#deployment = deployment;
    this.#backoff = new Backoff(retry);
    this.#sink = sink;
  }

  get length(): number {
    return this.#items.length;
  }

  /** Some key has found its way: the next trouble is the first one again. */
  progress(): void {
    this.#backoff.reset();
  }

  /** @param why what the node said */
  add(item: T, why: ReplyError): void {
    this.#items.push(item);
    if (this.#isMending) return;
    this.#isMending = true;
    void this.#mend(why);
  }

  async #mend(why: ReplyError): Promise<void> {
    try {
      await this.#pause(why);
      await this.#deployment.refreshIfPossible();
      const items = this.#items;
      this.#items = [];
      this.#isMending = false;
      this.#sink.onReleased(items);
    } catch (error) {
      this.#sink.onFailed(error);
    }
  }

  async #pause(why: ReplyError): Promise<void> {
    const { role, signal, topology } = this.#deployment;
    const pause = this.#backoff.next();
    if (pause === undefined) {
      const peers = topology.nodes.map(({ peer }) => nameOf(peer)).join(', ');
      const message = `Cannot find the way to a key in the ${role} cluster (${peers}): ${why.message}`;
      throw new RespError(why.code, message, { cause: why });
    }
    await pauseFor(pause, signal);
  }
}
