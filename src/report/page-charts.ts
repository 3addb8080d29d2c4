// How a run went, over its time: what was copied in a second, how far the target was behind, and how long the source took to answer,
// with the phases behind them.

import { formatBytes, formatCount } from '../../resp/figures.ts';
import { chartOf, type Band, type Chart, type Point } from './chart.ts';
import { html, type Markup } from './html.ts';
import type { RunPhase, RunState, Sample } from './run-state.ts';
import { PHASE_NAMES } from './verdict.ts';

const LATENCY_NOTE =
  'The longest time in each interval from a DUMP to its reply, by replies that rump timed: one at a time on each connection, with the keys that were asked for before it, and the way there and back.';
const LAG_NOTE = 'How long ago the oldest change was made that the target did not have yet, as measured last.';

const ALTERNATING: ReadonlySet<RunPhase> = new Set<RunPhase>(['following', 'in-sync']);
const ALTERNATELY = 'following, in sync';
/** Of a run that is over sooner there is nothing to be seen. */
const LEAST_SPAN_MS = 1000;
/** Of the time of the run. */
const SHORT_SHARE = 0.1;

export function chartsOf(state: RunState): Markup | false {
  const { samples, startedAt, command } = state;
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || samples.length < 2) return false;
  const from = Math.min(startedAt, first.at);
  const span = last.at - from;
  if (span < LEAST_SPAN_MS) return false;
  const shared = { span, bands: bandsOf(state, from, last.at) };
  const isVerified = command === 'copy' && state.check !== undefined;
  const verb = command === 'check' ? 'compared' : isVerified ? 'copied, and then compared' : 'copied';
  const charts: Chart[] = [
    {
      ...shared,
      title: 'Keys a second',
      note: `Keys that were ${verb}, as acknowledged.`,
      points: ratesOf(samples, from, ({ keys }) => keys),
      format: formatCount,
    },
    {
      ...shared,
      title: 'Bytes a second',
      note: `Names and payloads of the keys that were ${verb}.`,
      points: ratesOf(samples, from, ({ bytes }) => bytes),
      format: formatBytes,
      base: 2,
    },
  ];
  const measured = [
    { title: 'Lag of the target', note: LAG_NOTE, of: ({ lag }: Sample) => lag },
    { title: "The source's latency", note: LATENCY_NOTE, of: ({ latency }: Sample) => latency },
  ];
  for (const { title, note, of } of measured) {
    const points = samples.map((sample) => ({ at: sample.at - from, value: of(sample) }));
    if (points.some(({ value }) => value !== null)) charts.push({ ...shared, title, note, points, format: formatMs });
  }
  return html`<section aria-labelledby="time">
    <h2 id="time">Over time</h2>
    <div class="charts">${charts.map(chartOf)}</div>
  </section>`;
}

/** What a count has grown by, in a second. */
function ratesOf(samples: readonly Sample[], from: number, countOf: (sample: Sample) => number): Point[] {
  return samples.slice(1).map((sample, i) => {
    const before = samples[i]!;
    const seconds = (sample.at - before.at) / 1000;
    const grown = Math.max(0, countOf(sample) - countOf(before));
    // In the middle of what it is measured over.
    return { at: (before.at + sample.at) / 2 - from, value: seconds > 0 ? grown / seconds : null };
  });
}

/** Those that alternate are one band where they are short: stripes would tell nothing. */
function bandsOf({ phases }: RunState, from: number, to: number): Band[] {
  const bands: (Band & { readonly passes: boolean })[] = [];
  for (const [i, { phase, at }] of phases.entries()) {
    const end = Math.min(to, phases[i + 1]?.at ?? to) - from;
    const band = { from: Math.max(0, at - from), to: end, label: PHASE_NAMES[phase], passes: ALTERNATING.has(phase) };
    const before = bands.at(-1);
    if (band.to <= band.from) continue;
    const isShort = band.to - band.from < (to - from) * SHORT_SHARE;
    if (band.passes && before?.passes === true && isShort)
      bands[bands.length - 1] = { ...before, to: end, label: ALTERNATELY };
    else bands.push(band);
  }
  return bands;
}

export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${formatCount(ms / 1000)} s`;
  if (ms >= 1000) return `${Number((ms / 1000).toFixed(1))} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${Number(ms.toFixed(ms < 1 ? 2 : 1))} ms`;
}
