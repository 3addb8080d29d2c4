// What a run had to do with and how it was asked: both sides, what went wrong on the way, its phases, and its options.

import { countOf, formatBytes, formatCount, formatDuration } from '../../resp/figures.ts';
import { html, type Markup } from './html.ts';
import { moreOf, section, table, type Column } from './page-tables.ts';
import type { NodeReport, SideReport } from '../sync/options.ts';
import type { Fault, RunPhase, RunState } from './run-state.ts';
import { PHASE_NAMES } from './verdict.ts';

/** Nodes of a side that are listed. */
const MOST_NODES = 50;
const EXPIRIES = {
  exact: 'to the millisecond',
  relative: 'as the time that is left',
  dropped: 'dropped',
} as const;

export function momentOf(at: number): Markup {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

/** As found, or else as asked for. */
export function endpointOf({ options, ...state }: RunState, side: 'source' | 'target'): string {
  const flag = side === 'source' ? '--from' : '--to';
  return state[side]?.endpoint ?? options.find(([name]) => name === flag)?.[1] ?? 'not reached';
}

export function sidesSection(state: RunState): Markup | false {
  const { source, target, databases, expiry, clockSkew, feed } = state;
  if (source === undefined || target === undefined) return false;
  const pairs = databases.map(([from, to]) => `${from} to ${to}`).join(', ');
  const facts = [
    ['Databases', databases.length === 0 ? 'those of the file' : pairs],
    ['Expiries', expiry && EXPIRIES[expiry]],
    ['Clocks', clockSkew !== null && `${formatCount(Math.abs(clockSkew))} ms apart`],
    ['Followed by', feed && `${feed.kind}: ${feed.why}`],
  ] as const;
  return section(
    'sides',
    'Both sides',
    html`<div class="sides">${sideOf('Source', source)}${sideOf('Target', target)}</div>`,
    html`<dl class="facts above">
      ${facts.map(
        ([name, fact]) =>
          fact !== undefined &&
          fact !== false &&
          html`<dt>${name}</dt>
            <dd>${fact}</dd>`,
      )}
    </dl>`,
  );
}

function sideOf(role: string, { endpoint, kind, nodes, keys }: SideReport): Markup {
  const what = nodes.length > 1 ? `${kind} of ${formatCount(nodes.length)} nodes` : kind;
  const columns: Column<NodeReport>[] = [
    { head: 'node', kind: 'key', cell: ({ address }) => address },
    {
      head: 'server',
      kind: 'nowrap',
      cell: ({ server, role }) => (role === 'primary' ? server : `${server}, ${role}`),
    },
    { head: 'memory', kind: 'number', cell: memoryOf },
  ];
  // The keys of a file are not counted before it is read.
  const count = kind === 'file' ? '' : `, ${countOf(keys, 'key')} at the beginning`;
  return html`<div class="side">
    <h3>${role}: ${what}${count}</h3>
    <p class="name">${endpoint}</p>
    ${nodes.length > 0 && table(`Nodes of the ${role.toLowerCase()}`, columns, nodes.slice(0, MOST_NODES))}
    ${moreOf(nodes.length - MOST_NODES, 'node')}
  </div>`;
}

function memoryOf({ usedMemory, maxMemory }: NodeReport): string {
  return `${formatBytes(usedMemory)}${maxMemory === 0 ? '' : ` of ${formatBytes(maxMemory)}`}`;
}

export function faultsSection({ faults, moreFaults, startedAt }: RunState): Markup | false {
  if (faults.length === 0) return false;
  const columns: Column<Fault>[] = [
    { head: 'after', kind: 'number', cell: ({ at }) => formatDuration(Math.max(0, at - startedAt)) },
    { head: 'what', kind: 'nowrap', cell: ({ kind, code }) => (kind === 'reconnect' ? 'reconnect' : code) },
    { head: '', kind: 'words', cell: ({ text }) => text },
  ];
  return section(
    'faults',
    'Warnings and faults',
    table('Warnings and faults', columns, faults),
    moreOf(moreFaults, 'of these'),
  );
}

interface PhaseRow {
  readonly phase: RunPhase;
  readonly at: number;
  readonly times: number;
  readonly lasted: number;
}

/** A line for each, however often it was entered. */
export function phasesSection({ phases, startedAt, updatedAt }: RunState): Markup | false {
  const rows = new Map<RunPhase, PhaseRow>();
  for (const [i, { phase, at }] of phases.entries()) {
    const before = rows.get(phase) ?? { phase, at, times: 0, lasted: 0 };
    const lasted = Math.max(0, (phases[i + 1]?.at ?? updatedAt) - at);
    rows.set(phase, { ...before, times: before.times + 1, lasted: before.lasted + lasted });
  }
  for (const end of ['done', 'failed'] as const) rows.delete(end);
  if (rows.size < 2) return false;
  const columns: Column<PhaseRow>[] = [
    { head: 'phase', kind: 'nowrap', cell: ({ phase }) => PHASE_NAMES[phase] },
    { head: 'first began', kind: 'nowrap', cell: ({ at }) => momentOf(at) },
    { head: 'after', kind: 'number', cell: ({ at }) => formatDuration(Math.max(0, at - startedAt)) },
    { head: 'times', kind: 'number', cell: ({ times }) => formatCount(times) },
    { head: 'lasted, in all', kind: 'number', cell: ({ lasted }) => formatDuration(lasted) },
  ];
  return section('phases', 'Phases', table('Phases', columns, [...rows.values()]));
}

export function optionsSection({ options }: RunState): Markup | false {
  if (options.length === 0) return false;
  const pairs = options.map(
    ([flag, value]) =>
      html`<dt><code>${flag}</code></dt>
        <dd><code>${value}</code></dd>`,
  );
  return section('options', 'Options', html`<dl class="facts">${pairs}</dl>`);
}
