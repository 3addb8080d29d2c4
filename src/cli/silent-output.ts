// Errors on stderr, and nothing else anywhere: the exit code says how it went.

import type { Outcome } from './outcome.ts';
import type { Output, OutputOptions, RunEvent, TextStream } from './output.ts';
import { Report } from './report.ts';

export class SilentOutput implements Output {
  readonly #report: Report;

  constructor(stderr: TextStream, options: OutputOptions) {
    this.#report = new Report((text) => stderr.write(text), { ...options, silent: true });
  }

  onEvent(event: RunEvent): void {
    this.#report.onEvent(event);
  }

  onInterrupt(): void {}

  finish(outcome: Outcome): void {
    this.#report.finish(outcome);
  }
}
