// The result of a dry run: what was found on both sides, and a table of what a copy would bring, type by type.

import { countOf, formatBytes, formatCount } from '../../../resp/figures.ts';
import type { DryRunEvent, NodeReport, SideReport, StartEvent, TypeFigures } from '../../sync/options.ts';

/** A cluster may have hundreds; a screen has not. */
const MOST_NODES = 12;
const MOST_DATABASES = 8;
const INDENT = '  ';
const GAP = '  ';
const TYPE_HEAD = ['type', 'keys', 'memory (estimated)'];

/** Lines without a newline. */
export function preflightText(event: StartEvent): string[] {
  return [
    ...sideText('source', event.source),
    ...sideText('target', event.target),
    `databases: ${databasesText(event.databases)}`,
    `expiries: ${EXPIRIES[event.expiry]}${clocksText(event.clockSkew)}`,
  ];
}

const EXPIRIES = {
  exact: 'to the millisecond',
  relative: 'as the time that is left',
  dropped: 'dropped',
} as const;

function sideText(role: string, { endpoint, kind, nodes, keys }: SideReport): string[] {
  const what = nodes.length > 1 ? `${kind} of ${formatCount(nodes.length)} nodes` : kind;
  const shown = nodes.slice(0, MOST_NODES);
  return [
    // The keys of a file are not counted before it is read.
    `${role} ${endpoint}: ${what}${kind === 'file' ? '' : `, ${countOf(keys, 'key')}`}`,
    ...alignColumns(shown.map(nodeText), [3]).map((line) => INDENT + line),
    ...(nodes.length > 1 ? [INDENT + totalText(nodes, nodes.length - shown.length)] : []),
  ];
}

function nodeText({ address, server, role, usedMemory, maxMemory }: NodeReport): string[] {
  return [address, server, role, formatBytes(usedMemory), `of ${limitText(maxMemory)}`];
}

function totalText(nodes: readonly NodeReport[], untold: number): string {
  const used = nodes.reduce((sum, { usedMemory }) => sum + usedMemory, 0);
  const isLimited = nodes.every(({ maxMemory }) => maxMemory > 0);
  const most = isLimited ? nodes.reduce((sum, { maxMemory }) => sum + maxMemory, 0) : 0;
  const rest = untold > 0 ? `… and ${formatCount(untold)} more; ` : '';
  return `${rest}in all ${formatBytes(used)} of ${limitText(most)}`;
}

function limitText(maxMemory: number): string {
  return maxMemory === 0 ? 'no limit' : formatBytes(maxMemory);
}

function databasesText(databases: StartEvent['databases']): string {
  if (databases.length === 0) return 'those of the file';
  const shown = databases.slice(0, MOST_DATABASES).map(([source, target]) => `${source} to ${target}`);
  const untold = databases.length - shown.length;
  return [...shown, ...(untold > 0 ? [`… and ${untold} more`] : [])].join(', ');
}

function clocksText(skew: number | null): string {
  return skew === null ? '' : `; the clocks are ${formatCount(Math.abs(Math.round(skew)))} ms apart`;
}

/** Lines without a newline. */
export function typeTable({ types }: DryRunEvent): string[] {
  const rows = types.map(({ type, keys, bytes }) => [type, formatCount(keys), memoryText(bytes)]);
  return alignColumns([TYPE_HEAD, ...rows, totalOf(types)], [1, 2]);
}

function totalOf(types: readonly TypeFigures[]): string[] {
  const keys = types.reduce((sum, { keys }) => sum + keys, 0);
  const known = types.map(({ bytes }) => bytes).filter((bytes) => bytes !== null);
  const bytes = known.reduce((sum, bytes) => sum + bytes, 0);
  const isWhole = known.length === types.length;
  return ['total', formatCount(keys), isWhole ? memoryText(bytes) : `at least ${memoryText(bytes)}`];
}

function memoryText(bytes: number | null): string {
  return bytes === null ? 'unknown' : formatBytes(bytes);
}

/**
 * Texts in columns.
 * @param right the columns that are aligned to the right
 */
export function alignColumns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, text] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, text.length);
  }
  return rows.map((row) => {
    const texts = row.map((text, column) =>
      right.includes(column) ? text.padStart(widths[column]!) : text.padEnd(widths[column]!),
    );
    return texts.join(GAP).trimEnd();
  });
}
