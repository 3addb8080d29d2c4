// Progress in words: as dots on stdout, or as a line on stderr that is redrawn in place.

import { countOf, formatBytes, formatCount, formatDuration, perSecond } from '../../../resp/figures.ts';
import type { Figures, LiveProgress } from '../../sync/options.ts';
import type { CheckFigures } from '../../verify/options.ts';
import {
  isComplete,
  type Outcome,
  type OutputOptions,
  type RunEvent,
  type StopSignal,
  type Streams,
} from './output.ts';
import { PlainOutput } from './report.ts';
import { differencesOf, formatRate } from './texts.ts';

/** A dot on stdout for each batch that the target acknowledged, then the closing words, as Rump 1.0 had it. */
export class DotsOutput extends PlainOutput {
  /** The cursor of the terminal is behind a dot. */
  #midLine = false;
  /** The last thing on stdout is a dot. */
  #hasDots = false;

  override onEvent(event: RunEvent): void {
    if (event.type === 'batch') this.#dot();
    else super.onEvent(event);
  }

  override finish(outcome: Outcome): void {
    // The closing words end the line of the dots.
    if (isComplete(outcome)) this.#midLine = false;
    super.finish(outcome);
  }

  #dot(): void {
    const { stdout } = this.streams;
    stdout.write('.');
    this.#hasDots = true;
    this.#midLine = stdout.isTTY === true;
  }

  /** A line on stdout, not behind dots. */
  protected override toStdout(text: string): void {
    if (this.#hasDots) super.toStdout('\n');
    this.#hasDots = false;
    this.#midLine = false;
    super.toStdout(text);
  }

  /** Where both streams are one terminal, a line does not go behind dots; stdout gets no newline for that. */
  protected override toStderr(text: string): void {
    if (this.#midLine && this.streams.stderr.isTTY) super.toStderr('\n');
    this.#midLine = false;
    super.toStderr(text);
  }
}

const REDRAW_MS = 100;
const DEFAULT_COLUMNS = 80;
/** Back to the start of the line, and erase it. */
const CLEAR_LINE = '\r\u001B[K';

/** A line that is redrawn, and removed at the end. */
export class BarOutput extends PlainOutput {
  readonly #now: () => number;
  readonly #bar = new Bar();
  #drawnAt = -Infinity;
  #isDrawn = false;
  #isOver = false;

  /** @param now milliseconds on a clock that never goes back */
  constructor(streams: Streams, options: OutputOptions, now: () => number = () => performance.now()) {
    super(streams, options);
    this.#now = now;
  }

  override onEvent(event: RunEvent): void {
    super.onEvent(event);
    if (this.#isOver) return;
    if (event.type === 'progress') this.#bar.update(event);
    else if (event.type === 'check-progress') this.#bar.update(comparedFigures(event));
    else return;
    this.#draw();
  }

  /** No bar after this: a second signal leaves no time to clear it. */
  override onInterrupt(signal: StopSignal): void {
    this.#isOver = true;
    super.onInterrupt(signal);
  }

  override finish(outcome: Outcome): void {
    this.#isOver = true;
    this.#clear();
    super.finish(outcome);
  }

  #draw(): void {
    const now = this.#now();
    if (now - this.#drawnAt < REDRAW_MS) return;
    const { stderr } = this.streams;
    stderr.write(CLEAR_LINE + this.#bar.render(stderr.columns || DEFAULT_COLUMNS));
    this.#drawnAt = now;
    this.#isDrawn = true;
  }

  #clear(): void {
    if (this.#isDrawn) this.streams.stderr.write(CLEAR_LINE);
    this.#isDrawn = false;
  }

  protected override toStdout(text: string): void {
    this.#clear();
    super.toStdout(text);
  }

  protected override toStderr(text: string): void {
    this.#clear();
    super.toStderr(text);
  }
}

/** The figures of a check by the names of those of a copy. */
function comparedFigures(figures: CheckFigures & { readonly fraction: number }): BarFigures {
  const { fraction, match, bytes, expired, failed, reconnects, elapsed } = figures;
  const keys = match + differencesOf(figures) + figures.notComparable;
  return { fraction, keys, bytes, converted: 0, skipped: 0, expired, failed, reconnects, elapsed };
}

export type BarFigures = Figures & { readonly fraction: number; readonly live?: LiveProgress | undefined };

/** Rates are of the last so many milliseconds. */
const WINDOW_MS = 5000;
/** Before that the end is not estimated. */
const LEAST_ELAPSED_MS = 1000;
const SHORTEST_BAR = 6;
const LONGEST_BAR = 30;
const GAP = '  ';

/** What does not fit is left out, the least important first. */
export class Bar {
  readonly #window: BarFigures[] = [];

  update(figures: BarFigures): void {
    this.#window.push(figures);
    while (this.#window.length > 2 && figures.elapsed - this.#window[1]!.elapsed >= WINDOW_MS) this.#window.shift();
  }

  /** At most `columns - 3` characters: a terminal echoes `^C` behind them, and some wrap in the last column already. */
  render(columns: number): string {
    const room = columns - 3;
    const bar = { text: drawBar(this.#fraction, SHORTEST_BAR), rank: 4 };
    const parts = [bar, ...this.#parts()];
    const kept = new Set<Part>();
    let length = -GAP.length;
    for (const part of parts.toSorted((a, b) => a.rank - b.rank)) {
      const longer = length + GAP.length + part.text.length;
      if (longer > room) break;
      length = longer;
      kept.add(part);
    }
    bar.text = drawBar(this.#fraction, Math.min(LONGEST_BAR, SHORTEST_BAR + room - length));
    const texts = parts.filter((part) => kept.has(part)).map(({ text }) => text);
    return texts.join(GAP);
  }

  get #fraction(): number {
    return Math.min(Math.max(this.#window.at(-1)?.fraction ?? 0, 0), 1);
  }

  /** From left to right; the lowest rank stays longest. */
  #parts(): Part[] {
    const last = this.#window.at(-1);
    const first = this.#window.length > 1 ? this.#window[0] : undefined;
    if (last === undefined) return [];
    const { keys, bytes, failed, reconnects, elapsed } = last;
    // Before the first event all figures were 0.
    const [since, keysThen, bytesThen] = [first?.elapsed ?? 0, first?.keys ?? 0, first?.bytes ?? 0];
    const span = elapsed - since;
    const rate = formatRate(keys - keysThen, span);
    const byteRate = `${formatBytes(Math.round(perSecond(bytes - bytesThen, span)))}/s`;
    // Rounded down: 100 % means done.
    const done = `${Math.floor(this.#fraction * 100)}%`.padStart(4);
    const { live } = last;
    return [
      { text: live === undefined ? done : PHASES[live.phase](live, done.trimStart()), rank: 0 },
      { text: countOf(keys, 'key'), rank: 2 },
      { text: formatBytes(bytes), rank: 7 },
      { text: rate, rank: 5 },
      { text: byteRate, rank: 8 },
      ...(live === undefined || live.phase === 'copying' ? this.#remaining(elapsed) : []),
      ...(failed > 0 ? [{ text: `${formatCount(failed)} failed`, rank: 1 }] : []),
      ...(reconnects > 0 ? [{ text: countOf(reconnects, 'reconnect'), rank: 6 }] : []),
    ];
  }

  #remaining(elapsed: number): Part[] {
    const fraction = this.#fraction;
    if (elapsed < LEAST_ELAPSED_MS || fraction <= 0) return [];
    return [{ text: `ETA ${formatDuration((elapsed * (1 - fraction)) / fraction)}`, rank: 3 }];
  }
}

/** In words; `done` of what was there at the beginning. */
const PHASES: Readonly<Record<LiveProgress['phase'], (live: LiveProgress, done: string) => string>> = {
  attaching: () => 'waiting for the source',
  copying: (_, done) => `copying ${done}`,
  'in-sync': () => 'in sync',
  following: ({ behind, lag }) => {
    const seconds = lag === null ? '' : `, ${(lag / 1000).toFixed(1)} s`;
    return `following: ${countOf(behind, 'key')} behind${seconds}`;
  },
  cutover: ({ behind }) => `cutting over: ${countOf(behind, 'key')} left`,
  lingering: () => 'looking for writers',
};

interface Part {
  readonly text: string;
  readonly rank: number;
}

function drawBar(fraction: number, width: number): string {
  const done = Math.floor(fraction * width);
  return `[${'#'.repeat(done)}${'-'.repeat(width - done)}]`;
}
