// What becomes of the samples of several runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRatios, copyFigures, ratios, spread } from './figures.ts';

const timing = (wall: number) => ({ wall, sourceCpu: 0, targetCpu: 0 });

test('spread() takes the middle one of an odd number and the mean of the middle two of an even one', () => {
  assert.deepEqual(spread([30, 4, 100]), { min: 4, median: 30, max: 100 });
  assert.deepEqual(spread([30, 4, 100, 10]), { min: 4, median: 20, max: 100 });
});

test('ratios() divides each run by the floor that ran next to it', () => {
  assert.deepEqual(ratios([timing(3), timing(30), timing(6)], [timing(2), timing(20), timing(1)]), {
    min: 1.5,
    median: 1.5,
    max: 6,
  });
});

test('buildRatios() divides what one build used by what the other used next to it', () => {
  const [ours, theirs] = [
    { ...timing(3), cpu: 1, peakRss: 50 },
    { ...timing(2), cpu: 4, peakRss: 100 },
  ];
  const { wall, cpu, peakRss } = buildRatios([ours, ours], [theirs, ours]);
  assert.deepEqual([wall.max, cpu.min, peakRss.median], [1.5, 0.25, 0.75]);
});

test('copyFigures() gives CPU in microseconds a key, memory in MiB and volume in millions of bytes', () => {
  const sample = { ...timing(2), cpu: 0.5, peakRss: 3 * 1024 * 1024 };
  const figures = copyFigures([sample], { keys: 1000, bytes: 8_000_000 });
  assert.equal(figures.cpuPerKey.median, 500);
  assert.equal(figures.peakRss.median, 3);
  assert.equal(figures.keysPerSecond.median, 500);
  assert.equal(figures.megabytesPerSecond.median, 4);
});
