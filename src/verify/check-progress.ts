// The figures of a check, and the events that tell of them. It decides only what counts as what.

import { formatCount } from '../../resp/figures.ts';
import type { Peer, RespError } from '../../resp/errors.ts';
import type { Reconnect } from '../server/retry.ts';
import type { SourceSink } from '../source/source.ts';
import type { StartEvent } from '../sync/options.ts';
import {
  leftOutOfFile,
  manyServersText,
  nothingOf,
  silenceText,
  slotsUnwatched,
  unmarkedText,
  walkedAnewText,
} from '../sync/progress.ts';
import type { ReadingSink } from '../sync/ends.ts';
import type { Warning } from '../sync/preflight.ts';
import type { CheckEvent, CheckFigures, VerdictEvent } from './options.ts';

/** Keys of one `batch` event. */
const BATCH_KEYS = 1000;
/** Milliseconds between two `check-progress` events. */
const INTERVAL_MS = 100;

/** What a file tells that is read once more: all of it was told before, and is counted. */
export const TOLD_BEFORE: ReadingSink = {
  onGone() {},
  onExpired() {},
  onSlotsMoved() {},
  onSlotsUnwatched() {},
  onWalkedAnew() {},
  onManyServers() {},
  onShrunk() {},
  onLeftOut() {},
  onUnchecked() {},
  onUnmarked() {},
  onSilence() {},
  onReadRefused() {},
  onReconnect() {},
};

export class CheckProgress implements SourceSink {
  readonly #onEvent: (event: CheckEvent) => void;
  readonly #start = performance.now();
  #fraction: () => number = () => 0;
  /** Why the run fails, though it came to its end. */
  #shrunk: RespError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #match = 0;
  #differ = 0;
  #sourceOnly = 0;
  #targetOnly = 0;
  #notComparable = 0;
  #expired = 0;
  #gone = 0;
  #failed = 0;
  #bytes = 0;
  #reconnects = 0;
  /** Keys of the source at the start. */
  #expected = 0;
  /** Keys that were compared since the last `batch` event. */
  #untold = 0;
  readonly #unmarked = new Set<string>();

  constructor(onEvent: (event: CheckEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** @param fraction how much was walked, 0 to 1 */
  start(event: StartEvent, warnings: readonly Warning[], fraction: () => number): void {
    this.#onEvent(event);
    for (const warning of warnings) this.#onEvent({ type: 'warning', ...warning });
    this.#fraction = fraction;
    this.#expected = event.source.keys;
    this.#timer = setInterval(() => this.#tell(this.#fraction()), INTERVAL_MS);
  }

  /** Some key was compared, whatever came out of it. */
  onCompared(bytes: number): void {
    this.#bytes += bytes;
    if (++this.#untold === BATCH_KEYS) this.#tellBatch();
  }

  onMatch(): void {
    this.#match++;
  }

  onVerdict(event: VerdictEvent): void {
    if (event.verdict === 'differ') this.#differ++;
    else if (event.verdict === 'sourceOnly') this.#sourceOnly++;
    else if (event.verdict === 'targetOnly') this.#targetOnly++;
    else if (event.verdict === 'notComparable') this.#notComparable++;
    this.#onEvent(event);
  }

  onExpired(): void {
    this.#expired++;
  }

  onGone(): void {
    this.#gone++;
  }

  onReadRefused(db: number, key: Buffer, error: RespError): void {
    this.#failed++;
    this.#onEvent({ type: 'key-failed', db, key, code: error.code, reason: error.message });
  }

  onReconnect(reconnect: Reconnect): void {
    this.#reconnects++;
    this.#onEvent({ type: 'reconnect', ...reconnect });
  }

  onSlotsMoved(slots: number): void {
    this.warn('SLOTS_MOVED', `slots have moved (${formatCount(slots)}); they are walked once more where they are now`);
  }

  onSlotsUnwatched(peer: Peer): void {
    this.warn('SLOTS_UNWATCHED', slotsUnwatched(peer));
  }

  onWalkedAnew(peer: Peer): void {
    this.warn('SCANNED_ANEW', walkedAnewText(peer));
  }

  onShrunk(error: RespError): void {
    this.#shrunk ??= error;
  }

  onManyServers(peer: Peer): void {
    this.warn('MANY_SERVERS', manyServersText(peer));
  }

  /** What is no key is not compared. */
  onLeftOut(what: Parameters<SourceSink['onLeftOut']>[0], names: readonly string[]): void {
    if (what === 'databases') this.warn('DATABASES_LEFT_OUT', leftOutOfFile(names.join(', ')));
  }

  onUnchecked(): void {
    this.warn('UNCHECKED', 'the snapshot has no checksum (rdbchecksum no): whether it is damaged cannot be told');
  }

  onSilence(ms: number): void {
    this.warn('SILENCE', silenceText(ms));
  }

  /** Once for each file, however often it is walked. */
  onUnmarked(name: string): void {
    if (!this.#unmarked.has(name)) this.warn('UNMARKED', unmarkedText(name));
    this.#unmarked.add(name);
  }

  onRecheck(keys: number, round: number, rounds: number, pause: number): void {
    this.#onEvent({ type: 'recheck', keys, round, rounds, pause });
  }

  warn(code: string, message: string): void {
    this.#onEvent({ type: 'warning', code, message });
  }

  /** The check ended before its time: the last figures are told once more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#tell(this.#fraction());
  }

  /** Everything was compared: the last keys make a batch of their own. */
  flush(): void {
    if (this.#untold > 0) this.#tellBatch();
  }

  finish(): CheckFigures {
    if (this.#shrunk !== undefined) {
      this.stop();
      throw this.#shrunk;
    }
    clearInterval(this.#timer);
    this.#tell(1);
    const figures = this.#figures();
    const { match, differ, sourceOnly, targetOnly, notComparable, expired, gone, failed } = figures;
    const isNothing = match + differ + sourceOnly + targetOnly + notComparable + expired + gone + failed === 0;
    if (isNothing) this.warn('NOTHING_IN_SCOPE', nothingOf(this.#expected));
    this.#onEvent({ type: 'checked', ...figures });
    return figures;
  }

  #figures(): CheckFigures {
    return {
      match: this.#match,
      differ: this.#differ,
      sourceOnly: this.#sourceOnly,
      targetOnly: this.#targetOnly,
      notComparable: this.#notComparable,
      expired: this.#expired,
      gone: this.#gone,
      failed: this.#failed,
      bytes: this.#bytes,
      reconnects: this.#reconnects,
      elapsed: performance.now() - this.#start,
    };
  }

  #tell(fraction: number): void {
    this.#onEvent({ type: 'check-progress', fraction, ...this.#figures() });
  }

  #tellBatch(): void {
    this.#onEvent({ type: 'batch', keys: this.#untold });
    this.#untold = 0;
  }
}
