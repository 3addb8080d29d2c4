// The figures about decoding for people: a block of aligned lines, as those of the copies are.
import type { DecodeFigures, DecodeResult } from './decode-result.ts';
import { goalWords, grouped, lines } from './table.ts';

/** Of all payloads together. */
const LEAST_MEGABYTES = 200;

const NAME_WIDTH = 24;
const COLUMNS: readonly [title: string, width: number, digits: number, of: (row: DecodeFigures) => number][] = [
  ['MB/s', 8, 0, (row) => row.megabytesPerSecond],
  ['± %', 8, 1, (row) => row.error],
  ['payloads/s', 14, 0, (row) => (row.megabytesPerSecond * 1e6 * row.payloads) / row.bytes],
  ['bytes each', 14, 0, (row) => row.bytes / row.payloads],
];

export function decodeBlock({ server, node, processor, rows }: DecodeResult): string {
  const [all] = rows;
  if (all === undefined) return '';
  return lines(
    `decode: ${grouped(all.payloads, 0)} payloads of ${server}, ${grouped(all.bytes / 1e6, 1)} MB`,
    `  Node ${node}, one core (${processor}); medians, by processor time`,
    ' '.repeat(NAME_WIDTH) + COLUMNS.map(([title, width]) => title.padStart(width)).join(''),
    ...rows.map((row) => rowOf(row)),
    goalWords(`MB/s ≥ ${LEAST_MEGABYTES}`, all.megabytesPerSecond >= LEAST_MEGABYTES),
  );
}

function rowOf(row: DecodeFigures): string {
  const cells = COLUMNS.map(([, width, digits, of]) => grouped(of(row), digits).padStart(width));
  return `  ${row.name.padEnd(NAME_WIDTH - 2)}${cells.join('')}`;
}
