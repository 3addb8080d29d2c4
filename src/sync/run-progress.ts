// What a copy and a check have in common to tell: how they begin, how far they are, what happens to the source, how they end. It
// knows nothing of what else is counted.

import type { RespError } from '../../resp/errors.ts';
import type { Observation } from '../flow/observation.ts';
import type { Reconnect } from '../server/retry.ts';
import type { SourceNotice, SourceSink } from '../source/source.ts';
import type { CommonEvent, Figures, StartEvent } from './options.ts';
import { nothingOf, noticeText, type Warning } from './warnings.ts';

/** Keys of one `batch` event. */
const BATCH_KEYS = 1000;
/** Milliseconds between two events of progress. */
const INTERVAL_MS = 100;

type CommonFigures = Pick<Figures, 'expired' | 'failed' | 'reconnects' | 'elapsed'>;

export abstract class RunProgress implements Pick<SourceSink, 'onExpired' | 'onReadRefused' | 'onShrunk' | 'onNotice'> {
  readonly #onEvent: (event: CommonEvent) => void;
  readonly #observation: Observation | undefined;
  #start = performance.now();
  /** It has begun before, and begins anew: nothing of its beginning is told twice. */
  #isAnew = false;
  #fraction: () => number = () => 0;
  #timer: NodeJS.Timeout | undefined;
  /** Why the run fails, though it came to its end. */
  #shrunk: RespError | undefined;
  #expired = 0;
  #failed = 0;
  #reconnects = 0;
  /** Keys that no `batch` event has told of yet. */
  #untold = 0;
  /** Keys of the source at the start. */
  #expected = 0;

  /** @param observation what stands out of what is read, where somebody wants to know */
  constructor(onEvent: (event: CommonEvent) => void, observation?: Observation) {
    this.#onEvent = onEvent;
    this.#observation = observation;
  }

  /** @param fraction how much was walked, 0 to 1 */
  start(event: StartEvent, warnings: readonly Warning[], fraction: () => number): void {
    if (!this.#isAnew) this.#onEvent(event);
    for (const { code, message } of warnings) this.warn(code, message);
    this.#fraction = fraction;
    this.#expected = event.source.keys;
    this.#timer = setInterval(() => this.#tellAll(this.done), INTERVAL_MS);
  }

  onReconnect(reconnect: Reconnect): void {
    this.#reconnects++;
    this.#onEvent({ type: 'reconnect', ...reconnect });
  }

  onExpired(): void {
    this.#expired++;
  }

  onReadRefused(db: number, key: Buffer, { code, message: reason }: RespError): void {
    this.#failed++;
    this.#onEvent({ type: 'key-failed', db, key, code, reason });
  }

  onShrunk(error: RespError): void {
    this.#shrunk ??= error;
  }

  onNotice(notice: SourceNotice): void {
    this.warn(notice.code, noticeText(notice));
  }

  warn(code: string, message: string): void {
    this.#onEvent({ type: 'warning', code, message });
  }

  /** The run ended before its time: the last figures are told once more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#tellAll(this.done);
  }

  /** The last keys make a batch of their own. */
  flush(): void {
    if (this.#untold > 0) this.#tellBatch(this.#untold);
  }

  /** The figures as they are. */
  protected abstract tell(fraction: number): void;

  /** 0 to 1. */
  protected get done(): number {
    return this.#fraction();
  }

  protected get expected(): number {
    return this.#expected;
  }

  protected get common(): CommonFigures {
    const elapsed = performance.now() - this.#start;
    return { expired: this.#expired, failed: this.failed, reconnects: this.#reconnects, elapsed };
  }

  /** Keys that have failed, and have not fared better since. */
  protected get failed(): number {
    return this.#failed;
  }

  /** What was read counts for nothing, and all of it is read again: behind the next `start`. */
  protected forget(): void {
    clearInterval(this.#timer);
    this.#isAnew = true;
    this.#shrunk = undefined;
    this.#expired = 0;
    this.#failed = 0;
  }

  /** An earlier part counts as well. */
  protected goOnFrom({ expired, reconnects, elapsed }: Omit<CommonFigures, 'failed'>): void {
    this.#start -= elapsed;
    this.#expired += expired;
    this.#reconnects += reconnects;
  }

  protected countKeys(keys: number): void {
    this.#untold += keys;
    while (this.#untold >= BATCH_KEYS) this.#tellBatch(BATCH_KEYS);
  }

  /** @throws RespError, where the source lost keys meanwhile */
  protected demandWhole(): void {
    if (this.#shrunk === undefined) return;
    this.stop();
    throw this.#shrunk;
  }

  /** Everything was read. @param isEmpty whether no key was met at all */
  protected end(isEmpty: boolean): void {
    clearInterval(this.#timer);
    this.#tellAll(1);
    if (isEmpty) this.warn('NOTHING_IN_SCOPE', nothingOf(this.#expected));
  }

  #tellAll(fraction: number): void {
    if (this.#observation !== undefined) this.#onEvent({ type: 'observed', ...this.#observation.take() });
    this.tell(fraction);
  }

  #tellBatch(keys: number): void {
    this.#untold -= keys;
    this.#onEvent({ type: 'batch', keys });
  }
}
