// What rump inspect has counted, as tables for people, with the names last as they may be long, and as JSON.

import { escapeControls, escapeJson, escapeKey, shortKey } from '../../../resp/escapes.ts';
import { countOf, formatBytes, formatCount, formatDuration } from '../../../resp/figures.ts';
import type { KeyspaceFigures } from '../../inspect/inspect-keyspace.ts';
import type { RankedKey } from '../../inspect/largest.ts';

/** Bytes of a name that are shown. */
const LONGEST = 256;
/** Slots that are shown to people. */
const MOST_SLOTS = 10;

type Row = readonly string[];

/** @param columns of the terminal: what is longer is cut, so that no line of a table breaks */
export function keyspaceText(figures: KeyspaceFigures, columns = Infinity): string {
  const table = (head: Row, rows: readonly Row[]): string => tableText(head, rows, columns);
  const { types, databases, prefixes, uncertain, largest, hottest, hottestUntold, nodes, slots, bytes } = figures;
  const share = (part: number): string => `${bytes === 0 ? 0 : Math.round((100 * part) / bytes)} %`;
  const parts = [
    headText(figures),
    table(
      ['keys', 'bytes', 'share', 'expiring', 'type'],
      types.map((one) => {
        const [keys, expiring] = [one.keys, one.expiring].map(formatCount) as [string, string];
        return [keys, formatBytes(one.bytes), share(one.bytes), expiring, escapeControls(one.type)];
      }),
    ),
    databases.length < 2
      ? ''
      : table(
          ['keys', 'bytes', 'share', 'expiring', 'database'],
          databases.map((one) => {
            const [keys, expiring] = [one.keys, one.expiring].map(formatCount) as [string, string];
            return [keys, formatBytes(one.bytes), share(one.bytes), expiring, String(one.db)];
          }),
        ),
    table(
      ['keys', 'bytes', 'share', 'prefix'],
      prefixes.map(({ prefix, keys, bytes: size }) => {
        const shown = prefix === '' ? '(none)' : escapeKey(Buffer.from(prefix, 'latin1'));
        return [formatCount(keys), formatBytes(size), share(size), shown];
      }),
    ),
    uncertain === 0 ? '' : `There are very many prefixes: up to ${formatBytes(uncertain)} may be missing in each.\n`,
    table(
      ['keys', 'bytes', 'slots', 'node'],
      nodes.map((one) => [
        formatCount(one.keys),
        formatBytes(one.bytes),
        formatCount(one.slots),
        escapeControls(one.node),
      ]),
    ),
    table(
      ['keys', 'bytes', 'slot'],
      slots.slice(0, MOST_SLOTS).map((one) => [formatCount(one.keys), formatBytes(one.bytes), String(one.slot)]),
    ),
    slots.length <= MOST_SLOTS ? '' : `${formatCount(slots.length)} slots have keys: --json tells of each.\n`,
    table(
      ['bytes', 'type', 'largest'],
      largest.map((key) => [formatBytes(key.size), ...named(key)]),
    ),
    table(
      ['counter', 'type', 'hottest'],
      hottest.map((key) => [String(key.size), ...named(key)]),
    ),
    hottestUntold ? 'Which keys are the hottest the server does not tell this user: that takes +object.\n' : '',
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function headText({ complete, keys, bytes, expiring, large, failed, recounted, elapsed }: KeyspaceFigures): string {
  const lines = [
    `${countOf(keys, 'key')}, ${formatBytes(bytes)} of payloads`,
    `${formatCount(expiring)} with an expiry; in ${formatDuration(elapsed)}`,
  ];
  if (!complete) lines.unshift('This is a part: not everything was read.');
  if (large > 0) {
    const what = large === 1 ? 'One large value was' : `${formatCount(large)} large values were`;
    lines.push(`${what} not dumped: what counts is the memory that the server tells, or else an estimate.`);
  }
  if (recounted > 0)
    lines.push(`Slots have moved meanwhile: ${countOf(recounted, 'key')} of theirs may be counted more than once.`);
  if (failed > 0)
    lines.push(`${countOf(failed, 'key')} could not be read, and ${failed === 1 ? 'is' : 'are'} not counted.`);
  return `${lines.join('\n')}\n`;
}

function named({ db, key, keyBytes, type }: RankedKey): Row {
  return [escapeControls(type), `${shortKey(key, LONGEST, '"', keyBytes)} in db ${db}`];
}

/** Figures to the right, the last column as it is; nothing where there are no rows. */
function tableText(head: Row, rows: readonly Row[], columns: number): string {
  if (rows.length === 0) return '';
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: Row): string =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padStart(widths[i]!))).join('  ');
  const cut = (text: string): string => (text.length > columns ? `${text.slice(0, columns - 1)}…` : text);
  return `${[head, ...rows].map((row) => cut(line(row))).join('\n')}\n`;
}

/** One object. Byte strings as in the rest of what rump prints as JSON. */
export function keyspaceJson({ prefixes, largest, hottest, elapsed, ...figures }: KeyspaceFigures): string {
  const object = {
    ...figures,
    elapsed: Math.round(elapsed),
    prefixes: prefixes.map(({ prefix, ...count }) => ({ prefix: jsonOf(Buffer.from(prefix, 'latin1')), ...count })),
    largest: largest.map((key) => ({ ...keyOf(key), bytes: key.size })),
    hottest: hottest.map((key) => ({ ...keyOf(key), counter: key.size })),
  };
  return `${escapeJson(JSON.stringify(object))}\n`;
}

/** Of a long name the beginning. */
function keyOf({ db, key, keyBytes, type }: RankedKey): object {
  return { db, key: jsonOf(key), ...(keyBytes > key.length && { keyBytes }), type };
}

/** As lines of NDJSON have it: a text, or what is none as base64. */
function jsonOf(bytes: Buffer): unknown {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : { base64: bytes.toString('base64') };
}
