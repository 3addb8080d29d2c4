// One line at the foot of the terminal that is drawn again and again, and is gone in the end. It goes to stderr.

import { Bar } from './bar.ts';
import { comparedFigures } from './check-figures.ts';
import { sayDone } from './closing-words.ts';
import type { StopSignal } from './interrupted.ts';
import type { Outcome } from './outcome.ts';
import type { Output, OutputOptions, RunEvent, Streams } from './output.ts';
import { Report } from './report.ts';

const REDRAW_MS = 100;
const DEFAULT_COLUMNS = 80;
/** To the start of the line, and whatever stands there is gone. */
const CLEAR_LINE = '\r\u001B[K';

export class BarOutput implements Output {
  readonly #streams: Streams;
  readonly #options: OutputOptions;
  readonly #report: Report;
  readonly #now: () => number;
  readonly #bar = new Bar();
  #drawnAt = -Infinity;
  #isDrawn = false;
  #isOver = false;

  /** @param now milliseconds on a clock that never goes back */
  constructor(streams: Streams, options: OutputOptions, now: () => number = () => performance.now()) {
    this.#streams = streams;
    this.#options = options;
    this.#report = new Report(
      (text) => this.#write(text),
      { ...options, silent: false },
      (text) => this.#print(text),
    );
    this.#now = now;
  }

  onEvent(event: RunEvent): void {
    this.#report.onEvent(event);
    if (this.#isOver) return;
    if (event.type === 'progress') this.#bar.update(event);
    else if (event.type === 'check-progress') this.#bar.update(comparedFigures(event));
    else return;
    this.#draw();
  }

  /** No bar after this: a second signal leaves no time to clear it. */
  onInterrupt(signal: StopSignal): void {
    this.#isOver = true;
    this.#report.onInterrupt(signal);
  }

  finish(outcome: Outcome): void {
    this.#isOver = true;
    this.#clear();
    sayDone(this.#streams, this.#options, outcome);
    this.#report.finish(outcome);
  }

  #draw(): void {
    const now = this.#now();
    if (now - this.#drawnAt < REDRAW_MS) return;
    const { stderr } = this.#streams;
    stderr.write(CLEAR_LINE + this.#bar.render(stderr.columns || DEFAULT_COLUMNS));
    this.#drawnAt = now;
    this.#isDrawn = true;
  }

  #clear(): void {
    if (this.#isDrawn) this.#streams.stderr.write(CLEAR_LINE);
    this.#isDrawn = false;
  }

  #print(text: string): void {
    this.#clear();
    this.#streams.stdout.write(text);
  }

  #write(text: string): void {
    this.#clear();
    this.#streams.stderr.write(text);
  }
}
