// The figures of a run, counted from replies, and the events that tell of them. It decides only what counts as what.

import { RespError, type ReplyError } from '../../resp/errors.ts';
import type { ExpiryMode } from '../redis/expiry.ts';
import type { Warning } from '../redis/preflight.ts';
import type { Server } from '../redis/server.ts';
import type { RedisSourceSink } from '../source/redis-source.ts';
import type { RedisTargetSink } from '../target/redis-target.ts';
import type { Figures } from './options.ts';
import type { Settings } from './settings.ts';

/** Keys of one `batch` event. */
const BATCH_KEYS = 1000;
/** Milliseconds between two `progress` events. */
const INTERVAL_MS = 100;

export class Progress implements RedisSourceSink, RedisTargetSink {
  readonly #settings: Settings;
  readonly #fraction: () => number;
  readonly #start = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #keys = 0;
  #bytes = 0;
  #skipped = 0;
  #expired = 0;
  #failed = 0;
  #repeated = 0;
  /** Keys of the source at the start. */
  #expected = 0;
  /** Keys that `batch` events have told of. */
  #told = 0;

  /** Called with the first key's error, where one is enough. */
  onFirstFailure: (error: RespError) => void = () => {};

  /** @param fraction how much of the source was walked, 0 to 1 */
  constructor(settings: Settings, fraction: () => number) {
    this.#settings = settings;
    this.#fraction = fraction;
  }

  start(source: Server, target: Server, expiry: ExpiryMode, warnings: readonly Warning[]): void {
    const { from, to, onEvent } = this.#settings;
    onEvent({
      type: 'start',
      from,
      to,
      source: `${source.info.name} ${source.info.version}`,
      target: `${target.info.name} ${target.info.version}`,
      sourceDb: source.db,
      targetDb: target.db,
      keys: source.keys,
      expiry,
    });
    for (const warning of warnings) onEvent({ type: 'warning', ...warning });
    this.#expected = source.keys;
    this.#timer = setInterval(() => this.#tell(this.#done()), INTERVAL_MS);
  }

  onRestored(keys: number, bytes: number): void {
    this.#keys += keys;
    this.#bytes += bytes;
    while (this.#keys - this.#told >= BATCH_KEYS) this.#tellBatch(BATCH_KEYS);
  }

  onGone(): void {
    this.#expired++;
  }

  onExpired(): void {
    this.#expired++;
  }

  onRepeated(): void {
    this.#repeated++;
  }

  onReadRefused(key: Buffer, error: ReplyError): void {
    this.#fail(key, error);
  }

  onWriteRefused(key: Buffer, error: ReplyError): void {
    if (error.code === 'BUSYKEY' && this.#settings.onConflict === 'skip') this.#skipped++;
    else this.#fail(key, error);
  }

  /** The copy ended before its time: the last figures are told once more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#tell(this.#done());
  }

  /** The whole source was read and every reply is there. */
  finish(): Figures {
    clearInterval(this.#timer);
    if (this.#keys > this.#told) this.#tellBatch(this.#keys - this.#told);
    if (this.#repeated > 0) this.#warnOfRepeated();
    this.#tell(1);
    const figures = this.#figures();
    this.#settings.onEvent({ type: 'done', ...figures });
    return figures;
  }

  /** SCAN runs ahead of the writes, and a keyspace grows: the lesser of both shares. */
  #done(): number {
    const settled = this.#keys + this.#skipped + this.#expired + this.#failed;
    return Math.min(this.#fraction(), this.#expected === 0 ? 1 : settled / this.#expected);
  }

  #figures(): Figures {
    return {
      keys: this.#keys,
      bytes: this.#bytes,
      skipped: this.#skipped,
      expired: this.#expired,
      failed: this.#failed,
      elapsed: performance.now() - this.#start,
    };
  }

  #tell(fraction: number): void {
    this.#settings.onEvent({ type: 'progress', fraction, ...this.#figures() });
  }

  /** The last keys make a batch of their own. */
  #tellBatch(keys: number): void {
    this.#told += keys;
    this.#settings.onEvent({ type: 'batch', keys });
  }

  #warnOfRepeated(): void {
    const message = `SCAN gave ${this.#repeated} keys twice, as the source changed; the target has them as first read`;
    this.#settings.onEvent({ type: 'warning', code: 'REPEATED', message });
  }

  #fail(key: Buffer, error: ReplyError): void {
    this.#failed++;
    const { onEvent, source } = this.#settings;
    onEvent({ type: 'key-failed', db: source.db, key, code: error.code, reason: error.message });
    const message = `Stopped at the first key that failed: ${error.message}`;
    if (this.#failed === 1) this.onFirstFailure(new RespError(error.code, message, { cause: error }));
  }
}
