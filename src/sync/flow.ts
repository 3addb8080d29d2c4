// Reader and writer side by side, joined by the channel: when one fails or the operator stops them, the other ends too.

import type { Channel } from '../flow/channel.ts';
import type { Source } from '../source/source.ts';
import type { Target } from '../target/target.ts';

export class Flow {
  readonly #source: Source;
  readonly #channel: Channel;
  readonly #target: Target;
  /** Ends pauses and connects of both sides. */
  readonly #end: AbortController;

  constructor(source: Source, channel: Channel, target: Target, end: AbortController) {
    this.#source = source;
    this.#channel = channel;
    this.#target = target;
    this.#end = end;
  }

  /** Returns when everything is on the target; rejects with the first error, or with the reason of `stop`. */
  async run(signal: AbortSignal | undefined): Promise<void> {
    const onAbort = (): void => this.stop(signal?.reason as Error);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.all([this.#read(), this.#write()]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Nothing more is read or sent; replies to what was sent are still counted. */
  stop(reason: Error): void {
    this.#end.abort(reason);
    this.#channel.abort(reason);
    this.#source.stop(reason);
  }

  /** An error of the reader travels through the channel, behind the entries that were read before it. */
  async #read(): Promise<void> {
    try {
      await this.#source.read(this.#channel);
      this.#channel.close();
    } catch (error) {
      this.#channel.close(error);
    }
  }

  async #write(): Promise<void> {
    try {
      await this.#target.write(this.#channel);
    } catch (error) {
      this.stop(error as Error);
      throw error;
    }
  }
}
