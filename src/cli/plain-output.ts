// Words only: the closing ones, and the report on stderr.

import { sayDone } from './closing-words.ts';
import type { StopSignal } from './interrupted.ts';
import type { Outcome } from './outcome.ts';
import type { Output, OutputOptions, RunEvent, Streams } from './output.ts';
import { Report } from './report.ts';

export class PlainOutput implements Output {
  readonly #streams: Streams;
  readonly #options: OutputOptions;
  readonly #report: Report;

  constructor(streams: Streams, options: OutputOptions) {
    this.#streams = streams;
    this.#options = options;
    this.#report = new Report(
      (text) => streams.stderr.write(text),
      { ...options, silent: false },
      (text) => streams.stdout.write(text),
    );
  }

  onEvent(event: RunEvent): void {
    this.#report.onEvent(event);
  }

  onInterrupt(signal: StopSignal): void {
    this.#report.onInterrupt(signal);
  }

  finish(outcome: Outcome): void {
    sayDone(this.#streams, this.#options, outcome);
    this.#report.finish(outcome);
  }
}
