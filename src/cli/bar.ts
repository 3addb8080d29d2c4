// The text of the progress line for a given width: what does not fit is left out, the least important first.

import type { Figures } from '../sync/options.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatKeys,
  formatRate,
  formatReconnects,
  perSecond,
} from './figures.ts';

export type BarFigures = Figures & { readonly fraction: number };

/** Rates are those of the last so many milliseconds. */
const WINDOW_MS = 5000;
/** A younger copy says nothing about its end. */
const LEAST_ELAPSED_MS = 1000;
const SHORTEST_BAR = 6;
const LONGEST_BAR = 30;
const GAP = '  ';

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
    // Figures that are 0 at the start are honest for the time before the first event.
    const [since, keysThen, bytesThen] = [first?.elapsed ?? 0, first?.keys ?? 0, first?.bytes ?? 0];
    const span = elapsed - since;
    const rate = formatRate(keys - keysThen, span);
    const byteRate = `${formatBytes(Math.round(perSecond(bytes - bytesThen, span)))}/s`;
    return [
      // 100 % is for what is done, not for what rounds to it.
      { text: `${Math.floor(this.#fraction * 100)}%`.padStart(4), rank: 0 },
      { text: formatKeys(keys), rank: 2 },
      { text: formatBytes(bytes), rank: 7 },
      { text: rate, rank: 5 },
      { text: byteRate, rank: 8 },
      ...this.#remaining(elapsed),
      ...(failed > 0 ? [{ text: `${formatCount(failed)} failed`, rank: 1 }] : []),
      ...(reconnects > 0 ? [{ text: formatReconnects(reconnects), rank: 6 }] : []),
    ];
  }

  #remaining(elapsed: number): Part[] {
    const fraction = this.#fraction;
    if (elapsed < LEAST_ELAPSED_MS || fraction <= 0) return [];
    return [{ text: `ETA ${formatDuration((elapsed * (1 - fraction)) / fraction)}`, rank: 3 }];
  }
}

interface Part {
  readonly text: string;
  readonly rank: number;
}

function drawBar(fraction: number, width: number): string {
  const done = Math.floor(fraction * width);
  return `[${'#'.repeat(done)}${'-'.repeat(width - done)}]`;
}
