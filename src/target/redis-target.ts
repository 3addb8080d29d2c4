// Writes entries into one server, on one pipelined connection.

import type { Connection } from '../../resp/connection.ts';
import type { Channel } from '../channel.ts';
import type { Entry } from '../entry.ts';
import { depthFor } from '../redis/depth.ts';
import { expiryClock, NEVER, type ExpiryMode } from '../redis/expiry.ts';
import { RestoreWriter, type RestoreSink } from '../redis/restore.ts';
import type { Server } from '../redis/server.ts';
import { Wakeup } from '../wakeup.ts';
import type { Target } from './target.ts';

export interface RedisTargetOptions {
  readonly mode: ExpiryMode;
  /** Whether keys that are there already are replaced. */
  readonly replace: boolean;
  /** How many keys are expected. */
  readonly keys: number;
  /** Milliseconds that the source's clock shows above `Date.now()`. */
  readonly sourceSkew: number;
}

export interface RedisTargetSink extends RestoreSink {
  /** Expired while it was under way. */
  onExpired(): void;
}

/** How long replies are still waited for once the copy has failed or was interrupted. */
const GRACE_MS = 5000;

export class RedisTarget implements Target {
  readonly #connection: Connection;
  readonly #sink: RedisTargetSink;
  readonly #clock: () => number;
  readonly #restores: RestoreWriter;
  readonly #wakeup = new Wakeup();
  /** The one that is being sent: each is moved here out of the channel. */
  readonly #entry: Entry = { db: 0, key: Buffer.alloc(0), payload: null, expireAt: NEVER };

  constructor(server: Server, options: RedisTargetOptions, sink: RedisTargetSink) {
    this.#connection = server.connection;
    this.#sink = sink;
    this.#clock = expiryClock(options.mode, options.sourceSkew);
    this.#restores = new RestoreWriter(server.connection, { ...options, depth: depthFor(server.roundTrip) }, sink);
  }

  async write(channel: Channel): Promise<void> {
    this.#connection.onProgress = () => {
      // Nobody may wait for entries that can go nowhere.
      if (this.#connection.error !== undefined) channel.abort(this.#connection.error);
      this.#wakeup.wake();
    };
    try {
      while (await channel.readable()) {
        this.#send(channel);
        if (!this.#restores.hasRoom) await this.#progress();
      }
    } catch (error) {
      const timer = setTimeout(() => this.#connection.fail(error as Error), GRACE_MS);
      await this.#settled().catch(() => {});
      clearTimeout(timer);
      throw error;
    }
    await this.#settled();
  }

  #send(channel: Channel): void {
    const now = this.#clock();
    while (this.#restores.hasRoom && channel.take(this.#entry)) {
      const { payload, expireAt } = this.#entry;
      if (expireAt !== NEVER && expireAt <= now) this.#sink.onExpired();
      else if (payload !== null) this.#restores.send(this.#entry, payload, now);
    }
  }

  /** Returns once every reply is there. */
  async #settled(): Promise<void> {
    while (this.#restores.inFlight > 0) await this.#progress();
  }

  async #progress(): Promise<void> {
    if (this.#connection.error === undefined) await this.#wakeup.sleep();
    if (this.#connection.error !== undefined) throw this.#connection.error;
  }
}
