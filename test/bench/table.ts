// The figures for people: a block of aligned lines a dataset, at most 100 columns, medians only.
import { datasets } from './dataset.ts';
import type { CopyFigures, FloorFigures, FloorRatios, Spread } from './figures.ts';
import { floors, type FloorName } from './floors.ts';
import { meets, type Goal, type GoalFigure } from './goal.ts';
import type { Result } from './result.ts';

interface Column {
  readonly title: string;
  readonly unit: string;
  readonly width: number;
  readonly digits: number;
  readonly of: (row: Row) => Spread | undefined;
  /** Whether the most of all runs is told in place of the median. */
  readonly isMost?: boolean;
}

type Row = FloorFigures & Partial<CopyFigures & FloorRatios>;

const COLUMNS: readonly Column[] = [
  { title: 'wall', unit: 's', width: 8, digits: 2, of: (row) => row.wall },
  { title: 'keys', unit: '/s', width: 10, digits: 0, of: (row) => row.keysPerSecond },
  { title: 'MB', unit: '/s', width: 8, digits: 1, of: (row) => row.megabytesPerSecond },
  { title: 'CPU', unit: 'µs/key', width: 11, digits: 2, of: (row) => row.cpuPerKey },
  { title: 'RSS', unit: 'MiB', width: 6, digits: 0, of: (row) => row.peakRss },
  { title: 'source', unit: 'CPU s', width: 7, digits: 1, of: (row) => row.sourceCpu },
  { title: 'target', unit: 'CPU s', width: 7, digits: 1, of: (row) => row.targetCpu },
  { title: 'cores', unit: 'used', width: 6, digits: 2, of: (row) => row.coresUsed },
  { title: 'p99', unit: 'ms', width: 6, digits: 0, of: (row) => row.waitP99 },
  { title: 'max', unit: 'ms', width: 6, digits: 0, of: (row) => row.waitMax, isMost: true },
  { title: 'rump', unit: '÷ floor', width: 8, digits: 2, of: (row) => row.ratio },
];

const WORDS: Readonly<Record<GoalFigure, readonly [name: string, unit: string]>> = {
  a: ['wall', `× ${floors.a.title}`],
  b: ['wall', `× ${floors.b.title}`],
  c: ['wall', `× ${floors.c.title}`],
  d: ['wall', `× ${floors.d.title}`],
  cpuPerKey: ['CPU', 'µs/key'],
  peakRss: ['peak RSS', 'MiB'],
  keysPerSecond: ['keys', '/s'],
  megabytesPerSecond: ['MB', '/s'],
  waitMax: ['the longest wait at the source', 'ms'],
  waitBesideFork: ['the longest wait at the source beside its fork', 'ms'],
  cpuRatio: ['CPU', `× ${floors.c.title}`],
  sourceCpuRatio: ["the source's CPU", `× ${floors.c.title}`],
};

const NAME_WIDTH = 17;

export function heading({ server, node, cores, processor, runs, scale }: Result): string {
  const shrunk = scale === 1 ? '' : `; scale ${scale}`;
  return lines(
    `${server}, Node ${node}, ${cores} cores (${processor})`,
    `medians of ${runs} runs${shrunk}; p99 and max (of all runs): what a client of the source waited,`,
    'which does GET every 2 ms over a connection of its own',
    '',
    ' '.repeat(NAME_WIDTH) + COLUMNS.map(({ title, width }) => title.padStart(width)).join(''),
    ' '.repeat(NAME_WIDTH) + COLUMNS.map(({ unit, width }) => unit.padStart(width)).join(''),
  );
}

export function block(result: Result): string {
  const { delay, goals } = datasets[result.dataset];
  const line = delay === 0 ? '' : `, ${2 * delay} ms of round trip to both servers`;
  return lines(
    `${result.dataset}: ${grouped(result.keys, 0)} keys, ${grouped(result.bytes / 1e6, 1)} MB${line}`,
    rowOf('rump', result.rump),
    ...againstLines(result),
    ...floorsOf(result).map(([name, figures]) => rowOf(floors[name].title, figures)),
    ...plainLines(result),
    ...goals.map((goal) => goalLine(goal, result)),
  );
}

/** What a plain copy by the same build says of the CPU times, and what others waited. */
function plainLines({ rump: { fork, waitBesideFork }, floors: { c } }: Result): string[] {
  const cpus = [
    ['CPU', c?.cpuRatio],
    ["the source's CPU", c?.sourceCpuRatio],
  ] as const;
  const told = cpus.flatMap(([name, ratio]) => (ratio === undefined ? [] : `${name} ${grouped(ratio.median, 2)}`));
  const waited = waitBesideFork === undefined ? [] : [forkLine(fork!, waitBesideFork)];
  return [...(told.length === 0 ? [] : [`  rump ÷ ${floors.c.title}: ${told.join(', ')}`]), ...waited];
}

function forkLine(fork: Spread, beside: Spread): string {
  return `  the source forks for ${grouped(fork.median, 1)} ms; the longest wait beside that: ${grouped(beside.max, 1)} ms`;
}

function floorsOf({ floors }: Result): [FloorName, Row][] {
  return Object.entries(floors) as [FloorName, Row][];
}

function againstLines({ against }: Result): string[] {
  if (against === undefined) return [];
  const { wall, cpu, peakRss } = against.ratios;
  const [walls, cpus, peaks] = [wall, cpu, peakRss].map(({ median }) => grouped(median, 2));
  return [rowOf('the other build', against), `  rump ÷ the other build: wall ${walls}, CPU ${cpus}, peak RSS ${peaks}`];
}

function rowOf(name: string, row: Row): string {
  const cells = COLUMNS.map(({ of, width, digits, isMost }) => {
    const figure = of(row);
    const value = isMost === true ? figure?.max : figure?.median;
    return (value === undefined ? '' : grouped(value, digits)).padStart(width);
  });
  return `  ${name.padEnd(NAME_WIDTH - 2)}${cells.join('')}`.trimEnd();
}

function goalLine(goal: Goal, result: Result): string {
  const value = valueOf(goal, result);
  return goalWords(wording(goal), value === undefined ? undefined : meets(goal, value));
}

/** @param isMet undefined when it was not measured */
export function goalWords(wording: string, isMet: boolean | undefined): string {
  return `  asked ${wording}: ${isMet === undefined ? 'not measured' : isMet ? 'met' : 'missed'}`;
}

function valueOf({ figure }: Goal, { rump, floors }: Result): number | undefined {
  if (figure === 'waitMax' || figure === 'waitBesideFork') return rump[figure]?.max;
  if (figure === 'cpuRatio' || figure === 'sourceCpuRatio') return floors.c?.[figure]?.median;
  return figure === 'cpuPerKey' || figure === 'peakRss' || figure === 'keysPerSecond' || figure === 'megabytesPerSecond'
    ? rump[figure].median
    : floors[figure]?.ratio.median;
}

function wording({ figure, atMost, atLeast = 0 }: Goal): string {
  const [name, unit] = WORDS[figure];
  return `${name} ${atMost === undefined ? `≥ ${grouped(atLeast, 0)}` : `≤ ${atMost}`} ${unit}`;
}

export function grouped(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function lines(...all: string[]): string {
  return `${all.join('\n')}\n`;
}
