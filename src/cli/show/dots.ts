// A dot on stdout for each batch that the target acknowledged, then the closing words, as Rump 1.0 had it.

import { isComplete, type Outcome, type StopSignal } from './outcome.ts';
import type { Output, OutputOptions, RunEvent, Streams } from './output.ts';
import { Report, sayDone } from './report.ts';

export class DotsOutput implements Output {
  readonly #streams: Streams;
  readonly #options: OutputOptions;
  readonly #report: Report;
  /** The cursor of the terminal is behind a dot. */
  #midLine = false;
  /** The last thing on stdout is a dot. */
  #hasDots = false;

  constructor(streams: Streams, options: OutputOptions) {
    this.#streams = streams;
    this.#options = options;
    this.#report = new Report(
      { toStderr: (text) => this.#write(text), toStdout: (text) => this.#print(text) },
      options,
    );
  }

  onEvent(event: RunEvent): void {
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
    this.#hasDots = true;
    this.#midLine = this.#streams.stdout.isTTY === true;
  }

  /** A line on stdout, not behind dots. */
  #print(text: string): void {
    const { stdout } = this.#streams;
    if (this.#hasDots) stdout.write('\n');
    this.#hasDots = false;
    this.#midLine = false;
    stdout.write(text);
  }

  /** Where both streams are one terminal, a line does not go behind dots; stdout gets no newline for that. */
  #write(text: string): void {
    const { stderr } = this.#streams;
    if (this.#midLine && stderr.isTTY) stderr.write('\n');
    this.#midLine = false;
    stderr.write(text);
  }
}
