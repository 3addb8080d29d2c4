// What becomes of the samples of several runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRatios, copyFigures, floorFigures, floorRatios, spread } from './figures.ts';

const timing = (wall: number) => ({ wall, sourceCpu: 0, targetCpu: 0 });

const waited = (max: number, fork: number) => ({ ...timing(1), waits: { p99: 1, max, fork } });

test('spread() takes the middle one of an odd number and the mean of the middle two of an even one', () => {
  assert.deepEqual(spread([30, 4, 100]), { min: 4, median: 30, max: 100 });
  assert.deepEqual(spread([30, 4, 100, 10]), { min: 4, median: 20, max: 100 });
});

test('floorRatios() divides each run by the floor that ran next to it', () => {
  const copies = [timing(3), timing(30), timing(6)].map((copy) => ({ ...copy, cpu: 1, peakRss: 1 }));
  const floor = [timing(2), timing(20), timing(1)];
  assert.deepEqual(floorRatios(copies, floor), { ratio: { min: 1.5, median: 1.5, max: 6 } });
});

test('floorRatios() compares CPU times where the floor has them', () => {
  const [copy, floor] = [
    { ...timing(1), sourceCpu: 2, cpu: 3, peakRss: 1 },
    { ...timing(1), sourceCpu: 4, cpu: 2 },
  ];
  const { sourceCpuRatio, cpuRatio } = floorRatios([copy], [floor]);
  assert.deepEqual([sourceCpuRatio?.median, cpuRatio?.median], [0.5, 1.5]);
});

test('floorFigures() tells the longest wait without the fork of the source, where it forked', () => {
  const volume = { keys: 1, bytes: 1 };
  const { fork, waitMax, waitBesideFork } = floorFigures([waited(30, 12), waited(10, 11)], volume);
  assert.deepEqual([fork?.max, waitMax?.max, waitBesideFork], [12, 30, { min: 0, median: 9, max: 18 }]);
  assert.equal(floorFigures([waited(30, 0)], volume).waitBesideFork, undefined);
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
