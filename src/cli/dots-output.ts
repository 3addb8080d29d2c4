// A dot on stdout for each batch that the target acknowledged, then the closing words, as Rump 1.0 had it.

import type { MigrateEvent } from '../sync/options.ts';
import { sayDone } from './closing-words.ts';
import type { StopSignal } from './interrupted.ts';
import { isComplete, type Outcome } from './outcome.ts';
import type { Output, OutputOptions, Streams } from './output.ts';
import { Report } from './report.ts';

export class DotsOutput implements Output {
  readonly #streams: Streams;
  readonly #options: OutputOptions;
  readonly #report: Report;
  /** The cursor of a terminal stands behind a dot. */
  #midLine = false;

  constructor(streams: Streams, options: OutputOptions) {
    this.#streams = streams;
    this.#options = options;
    this.#report = new Report((text) => this.#write(text), { ...options, silent: false });
  }

  onEvent(event: MigrateEvent): void {
    if (event.type === 'batch') this.#dot();
    else this.#report.onEvent(event);
  }

  onInterrupt(signal: StopSignal): void {
    this.#report.onInterrupt(signal);
  }

  finish(outcome: Outcome): void {
    sayDone(this.#streams, this.#options, outcome);
    // The closing words end the line of the dots.
    if (isComplete(outcome)) this.#midLine = false;
    this.#report.finish(outcome);
  }

  #dot(): void {
    this.#streams.stdout.write('.');
    this.#midLine = this.#streams.stdout.isTTY === true;
  }

  /** The dots stay a line of their own where both streams are the same terminal; stdout itself gets nothing but dots. */
  #write(text: string): void {
    const { stderr } = this.#streams;
    if (this.#midLine && stderr.isTTY) stderr.write('\n');
    this.#midLine = false;
    stderr.write(text);
  }
}
