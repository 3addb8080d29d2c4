// The keys of a run in tables: how much there was of each type, which stood out, which failed, and which are not the same on both
// sides.

import { countOf, formatBytes, formatCount } from '../../resp/figures.ts';
import { html, type Markup } from './html.ts';
import { formatMs } from './page-charts.ts';
import type { Difference, RunState } from './run-state.ts';

export interface Column<T> {
  readonly head: string;
  readonly kind?: 'number' | 'key' | 'words' | 'nowrap' | 'share';
  readonly cell: (row: T) => Markup | string;
}

/** It scrolls by itself where it is wider than the page, by keys as well. @param name what it is, for those who do not see it */
export function table<T>(name: string, columns: readonly Column<T>[], rows: readonly T[]): Markup {
  return html`<div class="table" role="region" tabindex="0" aria-label="${name}">
    <table>
      <thead>
        <tr>
          ${columns.map(({ head, kind }) => html`<th scope="col" class="${kind === 'number' ? kind : ''}">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${columns.map(({ kind = '', cell }) => html`<td class="${kind}">${cell(row)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

export function section(id: string, title: string, ...parts: readonly (Markup | false)[]): Markup {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${parts}
  </section>`;
}

/** How many there were beside those that are listed. */
export function moreOf(count: number, noun: string): Markup | false {
  return count > 0 && html`<p class="more">… and ${countOf(count, `more ${noun}`)}</p>`;
}

/** Databases are shown where there is more than one. */
function keyColumns<T extends { readonly db: number; readonly key: string }>({ databases }: RunState): Column<T>[] {
  const db: Column<T> = { head: 'db', kind: 'number', cell: ({ db }) => String(db) };
  return [...(databases.length === 1 ? [] : [db]), { head: 'key', kind: 'key', cell: ({ key }) => key }];
}

export function typesSection(state: RunState): Markup | false {
  const { types, dryRun } = state;
  if (dryRun !== undefined) return dryRunSection(dryRun);
  if (types.length === 0) return false;
  const note =
    'As the keys were read, by their names and payloads. A key that was read again, as it had changed or a connection was lost, counts again.';
  return section('types', 'Sizes by type', sizeTable(types), html`<p class="note">${note}</p>`);
}

function dryRunSection(types: NonNullable<RunState['dryRun']>): Markup {
  const largestFirst = types.toSorted((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0));
  return section('types', 'What a copy would bring', sizeTable(largestFirst, 'memory (estimated)'));
}

interface TypeRow {
  readonly type: string;
  readonly keys: number;
  readonly bytes: number | null;
}

function sizeTable(types: readonly TypeRow[], what = 'bytes'): Markup {
  const all = types.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const columns: Column<TypeRow>[] = [
    { head: 'type', kind: 'nowrap', cell: ({ type }) => type },
    { head: 'keys', kind: 'number', cell: ({ keys }) => formatCount(keys) },
    { head: what, kind: 'number', cell: ({ bytes }) => (bytes === null ? 'unknown' : formatBytes(bytes)) },
    {
      head: 'a key',
      kind: 'number',
      cell: ({ bytes, keys }) => (bytes === null ? '' : formatBytes(Math.round(bytes / Math.max(1, keys)))),
    },
    {
      head: 'of all',
      kind: 'number',
      cell: ({ bytes }) => `${((100 * (bytes ?? 0)) / Math.max(1, all)).toFixed(1)} %`,
    },
    {
      head: '',
      kind: 'share',
      cell: ({ bytes }) => html`<span style="width:${((100 * (bytes ?? 0)) / Math.max(1, all)).toFixed(1)}%"></span>`,
    },
  ];
  return table('Sizes by type', columns, types);
}

export function standoutSections(state: RunState): Markup | false {
  const { largest, slowest, types } = state;
  if (types.length === 0) return false;
  const type = { head: 'type', kind: 'nowrap', cell: ({ type }: { readonly type: string }) => type } as const;
  const size = {
    head: 'size',
    kind: 'number',
    cell: ({ bytes }: { readonly bytes: number }) => formatBytes(bytes),
  } as const;
  const time: Column<RunState['slowest'][number]> = { head: 'time', kind: 'number', cell: ({ ms }) => formatMs(ms) };
  return html`${largest.length > 0 && section('largest', 'Largest keys', table('Largest keys', [...keyColumns<RunState['largest'][number]>(state), type, size], largest))}
  ${section(
    'slowest',
    'Slowest keys',
    slowest.length > 0 &&
      table('Slowest keys', [...keyColumns<RunState['slowest'][number]>(state), type, size, time], slowest),
    html`<p class="note">${slowest.length > 0 ? SLOW_NOTE : NO_SLOW_NOTE}</p>`,
  )}`;
}

const SLOW_NOTE =
  'From the question to the reply, of values that may keep the source busy for long, and so go alone or in pieces. Of one in pieces it is the sum of its replies, between which others were served.';
const NO_SLOW_NOTE =
  'No value was large enough to keep the source busy for long: those are timed that may take more than an eighth of --max-latency, and go alone or in pieces.';

export function failedSection(state: RunState): Markup | false {
  const { failedKeys, moreFailedKeys, command } = state;
  if (failedKeys.length + moreFailedKeys === 0) return false;
  const columns: Column<RunState['failedKeys'][number]>[] = [
    ...keyColumns<RunState['failedKeys'][number]>(state),
    { head: 'code', kind: 'nowrap', cell: ({ code }) => code },
    { head: 'why', kind: 'words', cell: ({ reason }) => reason },
  ];
  const title = command === 'check' ? 'Keys that could not be compared' : 'Keys that failed';
  return section('failed', title, table(title, columns, failedKeys), moreOf(moreFailedKeys, 'key'));
}

const VERDICTS: Readonly<Record<Difference['verdict'], string>> = {
  differ: 'differs',
  sourceOnly: 'only at the source',
  targetOnly: 'only at the target',
  notComparable: 'not comparable',
};

export function checkSection(state: RunState): Markup | false {
  const { check } = state;
  if (check === undefined) return false;
  const { figures, differences, moreDifferences } = check;
  const counts = [
    ['equal', figures.match],
    ['differ', figures.differ],
    ['only at the source', figures.sourceOnly],
    ['only at the target', figures.targetOnly],
    ['not comparable', figures.notComparable],
    ['could not be compared', figures.failed],
    ['expired meanwhile', figures.expired],
    ['gone meanwhile', figures.gone],
  ] as const;
  const facts = counts.map(
    ([name, count]) =>
      html`<dt>${name}</dt>
        <dd>${formatCount(count)}</dd>`,
  );
  const columns: Column<Difference>[] = [
    ...keyColumns<Difference>(state),
    { head: 'found', kind: 'nowrap', cell: ({ verdict }) => VERDICTS[verdict] },
    { head: 'what differs', kind: 'words', cell: ({ what = '' }) => what },
  ];
  return section(
    'check',
    'The check',
    html`<dl class="facts counts">${facts}</dl>`,
    differences.length > 0 &&
      html`<h3 class="above">Keys that are not the same</h3>
        ${table('Keys that are not the same', columns, differences)}`,
    moreOf(moreDifferences, 'key'),
  );
}
