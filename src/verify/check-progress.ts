// The figures of a check, and the events that tell of them. It decides only what counts as what.

import type { RespError } from '../../resp/errors.ts';
import type { SourceNotice, SourceSink } from '../source/source.ts';
import { RunProgress } from '../sync/run-progress.ts';
import { noticeText } from '../sync/warnings.ts';
import type { CheckEvent, CheckFigures, VerdictEvent } from './options.ts';

export class CheckProgress extends RunProgress implements SourceSink {
  readonly #onEvent: (event: CheckEvent) => void;
  #match = 0;
  #differ = 0;
  #sourceOnly = 0;
  #targetOnly = 0;
  #notComparable = 0;
  #expired = 0;
  #gone = 0;
  #failed = 0;
  #bytes = 0;

  constructor(onEvent: (event: CheckEvent) => void) {
    super(onEvent);
    this.#onEvent = onEvent;
  }

  /** Some key was compared, whatever came out of it. */
  onCompared(bytes: number): void {
    this.#bytes += bytes;
    this.countKeys(1);
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
    this.tellFailed(db, key, error);
  }

  /** Of what a file has, only databases may hold keys that could be compared. */
  override onNotice(notice: SourceNotice): void {
    if (notice.code !== 'LEFT_OUT') super.onNotice(notice);
    else if (notice.kind === 'databases') this.warn('DATABASES_LEFT_OUT', noticeText(notice));
  }

  onRecheck(keys: number, round: number, rounds: number, pause: number): void {
    this.#onEvent({ type: 'recheck', keys, round, rounds, pause });
  }

  /** Everything was compared. @throws RespError, where the source lost keys meanwhile */
  finish(): CheckFigures {
    this.demandWhole();
    const { match, differ, sourceOnly, targetOnly, notComparable, expired, gone, failed } = this.#figures();
    this.end(match + differ + sourceOnly + targetOnly + notComparable + expired + gone + failed === 0);
    const figures = this.#figures();
    this.#onEvent({ type: 'checked', ...figures });
    return figures;
  }

  protected override tell(fraction: number): void {
    this.#onEvent({ type: 'check-progress', fraction, ...this.#figures() });
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
      ...this.common,
    };
  }
}
