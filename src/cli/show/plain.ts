// No progress: the closing words on stdout, and the report on stderr. A silent run prints errors only.

import type { Outcome, StopSignal } from './outcome.ts';
import type { Output, OutputOptions, RunEvent, Streams } from './output.ts';
import { Report, sayDone } from './report.ts';

export class PlainOutput implements Output {
  readonly #streams: Streams;
  readonly #options: OutputOptions;
  readonly #isSilent: boolean;
  readonly #report: Report;

  constructor(streams: Streams, options: OutputOptions, isSilent = false) {
    const { stdout, stderr } = streams;
    this.#streams = streams;
    this.#options = options;
    this.#isSilent = isSilent;
    const sink = { toStderr: (text: string) => stderr.write(text), toStdout: (text: string) => stdout.write(text) };
    this.#report = new Report(sink, options, isSilent);
  }

  onEvent(event: RunEvent): void {
    this.#report.onEvent(event);
  }

  onInterrupt(signal: StopSignal): void {
    this.#report.onInterrupt(signal);
  }

  finish(outcome: Outcome): void {
    if (!this.#isSilent) sayDone(this.#streams, this.#options, outcome);
    this.#report.finish(outcome);
  }
}
