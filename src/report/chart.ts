// One quantity over the time of a run, as a line: an SVG that is as wide as there is room, with its labels beside it as text, which
// stays legible on a phone. It knows no run.

import { html, type Markup } from './html.ts';

export interface Point {
  /** Milliseconds since the beginning. */
  readonly at: number;
  /** `null` where nothing was measured: the line has a gap. */
  readonly value: number | null;
}

/** What went on meanwhile. */
export interface Band {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

export interface Chart {
  readonly title: string;
  /** What it is, exactly. */
  readonly note: string;
  readonly points: readonly Point[];
  readonly bands: readonly Band[];
  /** Milliseconds from the left edge to the right one. */
  readonly span: number;
  readonly format: (value: number) => string;
  /** Of the scale: 2 for sizes, whose units are powers of it. */
  readonly base?: 2 | 10;
}

/** Of the drawing, which is stretched to the room that there is. */
const [WIDTH, HEIGHT] = [1000, 100];
/** Share of the width that a character of a label takes, where there is least room. */
const CHARACTER_SHARE = 0.017;
/** Share of the height that is left free above the highest point. */
const HEADROOM = 1.08;
const MOST_Y_TICKS = 4;
const MOST_X_TICKS = 5;
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
const TIME_STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30].map((s) => s * SECOND),
  ...[1, 2, 5, 10, 20, 30].map((m) => m * MINUTE),
  ...[1, 2, 3, 6, 12].map((h) => h * HOUR),
];

export function chartOf(chart: Chart): Markup {
  const { title, note, points, bands, span, format, base = 10 } = chart;
  const values = points.map(({ value }) => value).filter((value) => value !== null);
  const highest = Math.max(0, ...values);
  const step = niceStep(highest / MOST_Y_TICKS || 1, base);
  const top = Math.max(highest * HEADROOM, step);
  const place: Place = (at, value) => [(at / span) * WIDTH, HEIGHT - (value / top) * HEIGHT];
  const said = `median ${format(medianOf(values))}, highest ${format(highest)}`;
  const ticks = Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
  return html`<figure class="chart">
    <figcaption><b>${title}</b> <span>${said}</span></figcaption>
    <div class="plot">
      <div class="bands" aria-hidden="true">${bands.map((band) => bandLabel(band, span))}</div>
      <div class="y" aria-hidden="true">
        ${ticks.map((tick) => html`<span style="bottom:${percent(tick / top)}">${format(tick)}</span>`)}
      </div>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img">
        <title>${title} over ${formatTime(span)}: ${said}</title>
        ${bands.map((band, i) => bandArea(band, i, place))} ${ticks.map((tick) => gridLine(place(0, tick)[1]))}
        ${runsOf(points).map((run) => lineOf(run, place))}
      </svg>
      <div class="x" aria-hidden="true">
        ${timeTicks(span).map((at) => html`<span style="left:${percent(at / span)}">${formatTime(at)}</span>`)}
      </div>
    </div>
    <p class="note">${note}</p>
  </figure>`;
}

type Place = (at: number, value: number) => [x: number, y: number];

function bandLabel({ from, to, label }: Band, span: number): Markup | false {
  const share = (to - from) / span;
  if (share < label.length * CHARACTER_SHARE) return false;
  return html`<span style="left:${percent(from / span)};width:${percent(share)}">${label}</span>`;
}

function bandArea({ from, to, label }: Band, i: number, place: Place): Markup {
  const [x] = place(from, 0);
  const [end] = place(to, 0);
  const shade = i % 2 === 0 ? 'even' : 'odd';
  return html`<rect
    class="band ${shade}"
    x="${x.toFixed(1)}"
    y="0"
    width="${Math.max(0, end - x).toFixed(1)}"
    height="${HEIGHT}"
    ><title>${label}</title></rect
  >`;
}

function gridLine(y: number): Markup {
  return html`<line class="grid" x1="0" x2="${WIDTH}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" />`;
}

/** What was measured without a gap. */
function runsOf(points: readonly Point[]): { at: number; value: number }[][] {
  const runs: { at: number; value: number }[][] = [[]];
  for (const { at, value } of points) {
    if (value !== null) runs.at(-1)!.push({ at, value });
    else if (runs.at(-1)!.length > 0) runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}

/** A single point is a short line. */
function lineOf(run: readonly { at: number; value: number }[], place: Place): Markup {
  const places = run.map(({ at, value }) => place(at, value));
  const [[first] = [0, 0], [last] = [0, 0]] = [places[0], places.at(-1)];
  const path = places.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L');
  const line = run.length === 1 ? `M${path}h4` : `M${path}`;
  const area = html`<path class="area" d="${line}L${last.toFixed(1)} ${HEIGHT}L${first.toFixed(1)} ${HEIGHT}Z" />`;
  return html`${run.length > 1 && area}<path class="line" d="${line}" />`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

/** 1, 2 or 5 of a power of ten; of sizes in the unit that suits. */
export function niceStep(atLeast: number, base: 2 | 10): number {
  const unit = base === 10 ? 1 : 1024 ** Math.max(0, Math.floor(Math.log2(atLeast) / 10));
  const power = 10 ** Math.floor(Math.log10(atLeast / unit));
  const factor = [1, 2, 5, 10].find((factor) => factor * power * unit >= atLeast) ?? 10;
  return factor * power * unit;
}

/** From 0 to the end, at round times. */
export function timeTicks(span: number): number[] {
  const step = TIME_STEPS.find((step) => span / step <= MOST_X_TICKS) ?? Math.ceil(span / DAY / MOST_X_TICKS) * DAY;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
}

/** A time since the beginning, in the units that it needs. */
export function formatTime(ms: number): string {
  if (ms < MINUTE) return `${Number((ms / SECOND).toFixed(1))} s`;
  const parts = [
    [Math.floor(ms / DAY), 'd'],
    [Math.floor((ms % DAY) / HOUR), 'h'],
    [Math.floor((ms % HOUR) / MINUTE), 'm'],
    [Math.floor((ms % MINUTE) / SECOND), 's'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).slice(0, 2);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
