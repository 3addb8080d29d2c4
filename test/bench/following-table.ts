// The figures about following a source for people: a block of aligned lines, as those of the copies are.
import type { RateFigures } from './following-figures.ts';
import type { FollowingResult } from './following.ts';
import { goalWords, grouped, lines } from './table.ts';

const LONGEST_LAG_MS = 1000;
const MOST_DIRTY_MIB = 200;

const NAME_WIDTH = 26;
const COLUMNS: readonly [title: string, width: number, digits: number, of: (row: RateFigures) => number][] = [
  ['writes/s', 10, 0, (row) => row.rate.median],
  ['lag ms', 8, 0, (row) => row.lag.median],
  ['longest', 9, 0, (row) => row.longestLag.max],
  ['µs/write', 10, 1, (row) => row.cpuPerWrite.median],
  ['source', 8, 1, (row) => row.sourceCpuPerWrite.median],
  ['RSS MiB', 9, 0, (row) => row.peakRss.median],
];

export function followingBlock({ feed, server, node, cores, processor, runs, figures }: FollowingResult): string {
  const { full, half, aloneCpuPerWrite, dirty } = figures;
  const times = half.sourceCpuPerWrite.median / aloneCpuPerWrite.median;
  return lines(
    `following by ${feed}: ${server}, Node ${node}`,
    `  ${cores} cores (${processor})`,
    `  medians of ${runs} runs, the longest lag of all; µs/write and source: CPU time of rump and of the source`,
    ' '.repeat(NAME_WIDTH) + COLUMNS.map(([title, width]) => title.padStart(width)).join(''),
    rowOf('20,000 writes/s asked', full),
    rowOf('10,000 writes/s asked', half),
    `  a source that nobody follows takes ${grouped(aloneCpuPerWrite.median, 1)} µs a write, ${grouped(times, 2)} × that where it is followed`,
    `  ${grouped(dirty.keys, 0)} keys changed while the target stood still, ${grouped(dirty.behind.median, 0)} seen behind:`,
    `    peak RSS ${grouped(dirty.peakRss.max, 0)} MiB, done ${grouped(dirty.seconds.median, 1)} s after the target went on`,
    goalWords(`lag ≤ ${grouped(LONGEST_LAG_MS, 0)} ms`, full.longestLag.max <= LONGEST_LAG_MS),
    goalWords(`peak RSS ≤ ${MOST_DIRTY_MIB} MiB`, dirty.peakRss.max <= MOST_DIRTY_MIB),
  );
}

function rowOf(name: string, row: RateFigures): string {
  const cells = COLUMNS.map(([, width, digits, of]) => grouped(of(row), digits).padStart(width));
  return `  ${name.padEnd(NAME_WIDTH - 2)}${cells.join('')}`;
}
