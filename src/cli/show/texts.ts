// Texts for the operator: errors, in which what a terminal would obey becomes an escape; figures in words; and what a dry run
// has found, in tables.

import { RespError } from '../../../resp/errors.ts';
import { escapeControls } from '../../../resp/escapes.ts';
import { countOf, formatBytes, formatCount, formatDuration, perSecond } from '../../../resp/figures.ts';
import type { DryRunEvent, Figures, NodeReport, SideReport, StartEvent, TypeFigures } from '../../sync/options.ts';
import type { CheckFigures } from '../../verify/options.ts';

/** Bytes of a key in a line for programs: it has to be a string, and a log is not to take gigabytes. */
export const LONGEST_NAME = 1024 * 1024;

/** An error as the operator sees it: one line, and with `debug` its stack. Ends with a newline. */
export function errorText(error: unknown, debug: boolean): string {
  return `rump: ${describe(error)}\n${debug ? trace(error) : ''}`;
}

function describe(error: unknown): string {
  if (!(error instanceof RespError)) return `internal error: ${escapeControls(messageOf(error))}`;
  return escapeControls(error.hint === undefined ? error.message : `${error.message} (${error.hint})`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stacks of the error and of its causes, but no properties: these may hold payloads. */
function trace(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { message, stack = message } = error;
  // The message becomes one line, whatever a server put into it; the lines after it are ours.
  const behind = Math.max(stack.indexOf(message), 0) + message.length;
  const lines = [stack.slice(0, behind), ...stack.slice(behind).split('\n').slice(1)];
  return `${lines.map((line) => `  ${escapeControls(line)}\n`).join('')}${trace(error.cause)}`;
}

/** Keys a second, to three digits. */
export function formatRate(keys: number, ms: number): string {
  const rate = perSecond(keys, ms);
  return `${rate > 0 && rate < 10 ? rate.toFixed(1) : formatCount(Number(rate.toPrecision(3)))} keys/s`;
}

export function formatSummary(figures: Figures): string {
  const {
    keys,
    bytes,
    converted,
    removed = 0,
    skipped,
    expired,
    failed,
    reconnects,
    elapsed,
    resumed = false,
  } = figures;
  const copied = `${countOf(keys, 'key')}, ${formatBytes(bytes)} in ${formatDuration(elapsed)} (${formatRate(keys, elapsed)})`;
  const others = `${formatCount(skipped)} skipped, ${formatCount(expired)} expired on the way, ${formatCount(failed)} failed`;
  const converting = converted > 0 ? `, ${formatCount(converted)} converted` : '';
  const removing = removed > 0 ? `, ${formatCount(removed)} removed` : '';
  return `${copied}${converting}${removing}, ${others}${reconnects > 0 ? `, ${countOf(reconnects, 'reconnect')}` : ''}${resumed ? ', resumed' : ''}`;
}

/** Keys that are not the same on both sides. */
export function differencesOf({ differ, sourceOnly, targetOnly }: CheckFigures): number {
  return differ + sourceOnly + targetOnly;
}

/** Whether keys were found, but all were gone from both sides before they could be compared. */
export function isInVain(figures: CheckFigures): boolean {
  return figures.gone > 0 && figures.match + differencesOf(figures) + figures.notComparable + figures.failed === 0;
}

export function formatCheckSummary(figures: CheckFigures): string {
  const { match, differ, sourceOnly, targetOnly, notComparable, expired, gone, failed, reconnects, elapsed } = figures;
  const counts = [
    `${formatCount(match)} equal`,
    `${formatCount(differ)} differ`,
    `${formatCount(sourceOnly)} only at the source`,
    `${formatCount(targetOnly)} only at the target`,
    ...(notComparable > 0 ? [`${formatCount(notComparable)} not comparable`] : []),
    `${formatCount(expired)} expired meanwhile`,
    ...(gone > 0 ? [`${formatCount(gone)} gone meanwhile`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} not compared`] : []),
    ...(reconnects > 0 ? [countOf(reconnects, 'reconnect')] : []),
  ];
  const rate = formatRate(match + differencesOf(figures) + notComparable, elapsed);
  return `${counts.join(', ')}, in ${formatDuration(elapsed)} (${rate})`;
}

/** Why a check has not ended well; `undefined` if it has. */
export function describeDifferences(figures: CheckFigures): string | undefined {
  const different = differencesOf(figures);
  const parts = [
    ...(different > 0
      ? [`${countOf(different, 'key')} ${different === 1 ? 'is' : 'are'} not the same on both sides`]
      : []),
    ...(figures.notComparable > 0
      ? [`${countOf(figures.notComparable, 'key')} ${figures.notComparable === 1 ? 'is' : 'are'} not comparable`]
      : []),
    ...(figures.failed > 0 ? [`${countOf(figures.failed, 'key')} could not be compared`] : []),
    ...(isInVain(figures)
      ? [`nothing was compared: ${countOf(figures.gone, 'key')} went from both sides meanwhile`]
      : []),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}

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
