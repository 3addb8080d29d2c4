// The table as it is read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CopyFigures } from './figures.ts';
import type { Result } from './result.ts';
import { block, heading } from './table.ts';

const one = (median: number) => ({ min: 0, median, max: 0 });

const figures: CopyFigures = {
  wall: one(123.45),
  keysPerSecond: one(1_234_567),
  megabytesPerSecond: one(1234.5),
  cpuPerKey: one(12_345.6),
  peakRss: one(1234),
  sourceCpu: one(123.4),
  targetCpu: one(123.4),
  coresUsed: one(0.98),
  waitP99: one(12.3),
  waitMax: { min: 0, median: 20, max: 3812 },
};

const result: Result = {
  date: '2026-01-01T00:00:00.000Z',
  dataset: 'small',
  keys: 1_000_000,
  bytes: 96_000_000,
  scale: 1,
  runs: 5,
  server: 'Redis 7.0.15',
  cores: 2,
  processor: 'Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz',
  node: '20.20.2',
  rump: { ...figures, peakRss: one(89) },
  floors: { b: { ...figures, ratio: one(12.34) } },
};

test('The table fits 100 columns and keeps its cells apart, also with large figures', () => {
  const lines = `${heading(result)}${block(result)}`.split('\n');
  assert.deepEqual(
    lines.filter((line) => line.length > 100),
    [],
  );
  assert.match(block(result), /rump +123\.45 +1,234,567 +1,234\.5 +12,345\.60 +89 +123\.4 +123\.4 +0\.98 +12 +3,812\n/);
});

test('block() says of each goal whether it is met, missed or was not measured', () => {
  const verdicts = block(result).match(/asked .*/g);
  assert.deepEqual(verdicts, [
    'asked wall ≤ 1.55 × redis-cli --pipe: not measured',
    'asked CPU ≤ 2 µs/key: missed',
    'asked peak RSS ≤ 90 MiB: met',
  ]);
});

test('block() holds rump against another build that took its turns', () => {
  const ratios = { wall: one(0.9), cpu: one(0.487), peakRss: one(1.1) };
  const lines = block({ ...result, against: { ...figures, wall: one(137), ratios } });
  assert.match(lines, /the other build +137\.00 /);
  assert.match(lines, /rump ÷ the other build: wall 0\.90, CPU 0\.49, peak RSS 1\.10\n/);
});

test('block() takes a rate for a goal that is at least reached', () => {
  assert.match(farAt(80_000), /asked keys ≥ 80,000 \/s: met/);
  assert.match(farAt(79_999), /asked keys ≥ 80,000 \/s: missed/);
});

test('block() tells what a plain copy says of CPU times, and the longest wait beside the fork', () => {
  const c = { ...figures, ratio: one(0.8), cpuRatio: one(1.06), sourceCpuRatio: one(0.5) };
  const waits = { fork: one(11.2), waitBesideFork: { min: 0, median: 3, max: 20.1 } };
  const lines = block({ ...result, dataset: 'small-snapshot', rump: { ...figures, ...waits }, floors: { c } });
  assert.match(lines, /^ {2}rump ÷ a plain copy: CPU 1\.06, the source's CPU 0\.50$/m);
  assert.match(lines, /^ {2}the source forks for 11\.2 ms; the longest wait beside that: 20\.1 ms$/m);
  assert.match(lines, /asked wall ≤ 0\.85 × a plain copy: met/);
  assert.match(lines, /asked the source's CPU ≤ 0\.55 × a plain copy: met/);
  assert.match(lines, /asked the longest wait at the source beside its fork ≤ 20 ms: missed/);
});

function farAt(rate: number): string {
  return block({ ...result, dataset: 'far', rump: { ...figures, keysPerSecond: one(rate) } });
}
