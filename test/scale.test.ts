// The arithmetic of .github/SCALE.md, computed again from what it says was measured, and that held against the README.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { read, rowsOf } from './support/pages.ts';

const PAGE = '.github/SCALE.md';
/** As its examples have it: 10 TB in four hours, over so many primaries on each side. */
const [BYTES, SECONDS, PRIMARIES] = [10e12, 4 * 3600, 64] as const;

interface Dataset {
  readonly name: string;
  readonly megabytes: number;
  readonly keys: number;
  readonly sourceCpu: number;
  readonly targetCpu: number;
}

const measured = rowsOf('Measured', PAGE);
const datasets = measured.map(([name, , megabytes, keys, , sourceCpu, targetCpu]): Dataset => {
  const [bytes, count, source, target] = [megabytes, keys, sourceCpu, targetCpu].map(numberOf) as [
    number,
    number,
    number,
    number,
  ];
  return { name: name!, megabytes: bytes, keys: count, sourceCpu: source, targetCpu: target };
});

test('What SCALE.md says was measured is what the README says', () => {
  const figures = new Map(rowsOf('Figures').map(([name, ...cells]) => [name, cells]));
  for (const [name, what, megabytes, keys, cpu, , , rss] of measured) {
    const [described, , keysPerSecond, megabytesPerSecond, cpuPerKey, peakRss] = figures.get(name) ?? [];
    assert.deepEqual(
      [what, megabytes, keys, cpu, rss],
      [described, megabytesPerSecond, keysPerSecond, cpuPerKey, peakRss],
    );
  }
  assert.ok(datasets.length === 3 && datasets.every(({ sourceCpu, targetCpu }) => sourceCpu > 0 && targetCpu > 0));
});

test('The numbers of workers in SCALE.md are those that its formula gives', () => {
  assert.match(read(PAGE), new RegExp(`10 TB in four hours is ${Math.round(BYTES / SECONDS / 1e6)} MB/s in all`));
  assert.deepEqual(
    rowsOf('How many workers', PAGE),
    datasets.map((dataset) => {
      return [dataset.name, String(dataset.megabytes), workers(dataset), workers(dataset, (SECONDS * 2) / 3)].map(
        String,
      );
    }),
  );
});

test('What SCALE.md says that servers bear is what its formulas give', () => {
  const rows = datasets.map((dataset) => {
    const { name, megabytes, keys, sourceCpu, targetCpu } = dataset;
    const all = BYTES / ((megabytes * 1e6) / keys);
    const each = all / SECONDS / PRIMARIES;
    const busy = (cpu: number): string => ((each * cpu * 100) / 1e6).toPrecision(2);
    const gigabits = (share: number): string => ((8 * BYTES) / SECONDS / share / 1e9).toPrecision(2);
    const counts = [rounded(all / 1e6), rounded(each)];
    return [name, ...counts, busy(sourceCpu), busy(targetCpu), gigabits(workers(dataset)), gigabits(PRIMARIES)];
  });
  assert.deepEqual(rowsOf('What the servers bear', PAGE), rows);
});

test('What SCALE.md takes from the README stands there', () => {
  const readme = read('README.md').replaceAll(/\s+/g, ' ');
  for (const words of [
    'waits 16 ms at most in `small` (p99 5 ms)',
    'While 20,000 commands a second are written to the source, the target is 15 ms behind (50 ms at most)',
    'takes twice the processor time',
    '`small` takes 0.51, the fork included',
  ])
    assert.ok(readme.includes(words), words);
});

function workers({ megabytes }: Dataset, seconds = SECONDS): number {
  return Math.ceil(BYTES / (megabytes * 1e6 * seconds));
}

/** To three digits. */
function rounded(count: number): string {
  return Number(count.toPrecision(3)).toLocaleString('en');
}

function numberOf(text = ''): number {
  const number = Number(text.replaceAll(',', ''));
  assert.ok(Number.isFinite(number), text);
  return number;
}
