// Scales and marks of a chart.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chartOf, formatTime, niceStep, timeTicks, type Point } from '../../../src/report/chart.ts';

test('niceStep() is 1, 2 or 5 of a power of ten, and of sizes in their unit', () => {
  for (const [atLeast, step] of [
    [1, 1],
    [1.1, 2],
    [0.03, 0.05],
    [41_000, 50_000],
    [50_001, 100_000],
  ] as const)
    assert.ok(Math.abs(niceStep(atLeast, 10) - step) < step / 1e6, `${atLeast}: ${niceStep(atLeast, 10)}`);
  assert.equal(niceStep(3 * 1024, 2), 5 * 1024);
  assert.equal(niceStep(150 * 1024 ** 2, 2), 200 * 1024 ** 2);
});

test('timeTicks() has round times from 0 to the end, and not too many', () => {
  assert.deepEqual(timeTicks(9000), [0, 2000, 4000, 6000, 8000]);
  assert.deepEqual(timeTicks(4 * 3_600_000).map(formatTime), ['0 s', '1 h', '2 h', '3 h', '4 h']);
  for (const span of [1, 77, 12_345, 3_599_999, 90_000_000, 40 * 86_400_000]) {
    const ticks = timeTicks(span);
    assert.ok(ticks.length >= 1 && ticks.length <= 6, `${span}: ${ticks.length}`);
    assert.ok(ticks.at(-1)! <= span);
  }
});

test('formatTime() has two units at most', () => {
  assert.deepEqual([0, 250, 61_000, 3_600_000, 90_061_000].map(formatTime), [
    '0 s',
    '0.3 s',
    '1 m 1 s',
    '1 h',
    '1 d 1 h',
  ]);
});

function drawn(points: readonly Point[]): string {
  const chart = { title: 'Lag', note: '', points, bands: [], span: 1000, format: (value: number) => `${value} ms` };
  return chartOf(chart).text;
}

test('chartOf() has a gap where nothing was measured, and says in words what it shows', () => {
  const text = drawn([10, 20, null, 30, 25].map((value, i) => ({ at: i * 250, value })));
  assert.equal(text.match(/class="line"/g)?.length, 2);
  assert.match(text, /role="img"[^>]*>\s*<title>Lag over 1 s: median 25 ms, highest 30 ms<\/title>/);
  assert.doesNotMatch(drawn([{ at: 0, value: 0 }]), /NaN|Infinity/);
  assert.doesNotMatch(drawn([]), /NaN|Infinity/);
});
