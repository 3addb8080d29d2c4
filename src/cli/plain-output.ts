// Words only: the closing ones on stdout, the report on stderr.

import type { MigrateEvent } from '../sync/options.ts';
import type { StopSignal } from './interrupted.ts';
import { isComplete, type Outcome } from './outcome.ts';
import { CLOSING_WORDS, type Output, type Streams } from './output.ts';
import { Report } from './report.ts';

export class PlainOutput implements Output {
  readonly #streams: Streams;
  readonly #report: Report;

  constructor(streams: Streams, debug: boolean) {
    this.#streams = streams;
    this.#report = new Report((text) => streams.stderr.write(text), { silent: false, debug });
  }

  onEvent(event: MigrateEvent): void {
    this.#report.onEvent(event);
  }

  onInterrupt(signal: StopSignal): void {
    this.#report.onInterrupt(signal);
  }

  finish(outcome: Outcome): void {
    if (isComplete(outcome)) this.#streams.stdout.write(CLOSING_WORDS);
    this.#report.finish(outcome);
  }
}
