// What becomes of what was seen of copies that follow their source, and the table as it is read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followingFigures, type Following } from './following-figures.ts';
import { followingBlock } from './following-table.ts';

const following = (lags: number[]): Following => ({
  writes: 1000,
  rate: 19_990,
  lags,
  cpu: 0.02,
  sourceCpu: 0.01,
  peakRss: 100 * 2 ** 20,
});

const dirty = { keys: 1_000_000, behind: 999_000, peakRss: 199 * 2 ** 20, seconds: 6.5 };

const figuresOf = (lags: number[][]) =>
  followingFigures({ full: lags.map(following), half: [following([1])], alone: [0.005], dirty: [dirty] });

const blockOf = (lags: number[][]): string =>
  followingBlock({
    date: '2026-01-01T00:00:00.000Z',
    bench: 'following',
    feed: 'psync',
    scale: 1,
    runs: lags.length,
    server: 'Redis 7.0.15',
    cores: 2,
    processor: 'Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz',
    node: '20.20.2',
    figures: figuresOf(lags),
  });

test('followingFigures() takes the median lag and the longest one of each run, and CPU time by write', () => {
  const { full, aloneCpuPerWrite } = figuresOf([
    [1, 5, 90],
    [7, 8, 9],
  ]);
  assert.deepEqual([full.lag.min, full.lag.max, full.longestLag.min, full.longestLag.max], [5, 8, 9, 90]);
  assert.deepEqual([full.cpuPerWrite.median, full.sourceCpuPerWrite.median, aloneCpuPerWrite.median], [20, 10, 5]);
  assert.equal(full.peakRss.median, 100);
});

test('followingFigures() takes a copy that told of no lag for a fault', () => {
  assert.throws(() => figuresOf([[]]), /did not tell how far behind/);
});

test('followingBlock() says whether the longest lag and the peak memory are what was asked, in 100 columns', () => {
  const met = blockOf([[40, 1000]]);
  assert.match(met, /^ {2}20,000 writes\/s asked +19,990 +520 +1,000 +20\.0 +10\.0 +100$/m);
  assert.match(met, /takes 5\.0 µs a write, 2\.00 × that where it is followed$/m);
  assert.match(met, /asked lag ≤ 1,000 ms: met\n {2}asked peak RSS ≤ 200 MiB: met\n$/);
  assert.match(blockOf([[1], [1001]]), /asked lag ≤ 1,000 ms: missed/);
  assert.ok(met.split('\n').every((line) => line.length <= 100));
});
