// Figures as people read them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatKeys,
  formatRate,
  formatSummary,
} from '../../src/cli/figures.ts';

test('formatCount() and formatKeys() set thousands apart', () => {
  assert.deepEqual([0, 999, 1_234_567].map(formatCount), ['0', '999', '1,234,567']);
  assert.deepEqual([0, 1, 2000].map(formatKeys), ['0 keys', '1 key', '2,000 keys']);
});

test('formatBytes() takes the unit in which the figure stays below 1024', () => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [1023, '1,023 B'],
    [1024, '1.0 KiB'],
    [85_143_322, '81.2 MiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [1024 ** 4 * 3, '3.0 TiB'],
  ] as const) {
    assert.equal(formatBytes(bytes), text);
  }
});

test('formatDuration() rounds before it chooses the unit', () => {
  for (const [ms, text] of [
    [0, '0.0 s'],
    [5432, '5.4 s'],
    [59_940, '59.9 s'],
    [59_960, '1 m 00 s'],
    [125_000, '2 m 05 s'],
    [3_599_700, '1 h 00 m'],
    [3_725_000, '1 h 02 m'],
  ] as const) {
    assert.equal(formatDuration(ms), text);
  }
});

test('formatRate() gives three digits, and is a number for no time at all', () => {
  assert.equal(formatRate(1_000_000, 5400), '185,000 keys/s');
  assert.equal(formatRate(5, 2000), '2.5 keys/s');
  assert.equal(formatRate(0, 0), '0 keys/s');
  assert.equal(formatRate(3, 0), '3,000 keys/s');
});

test('formatSummary() says everything in one line', () => {
  const figures = {
    keys: 1_000_000,
    bytes: 85_143_322,
    converted: 0,
    skipped: 0,
    expired: 3,
    failed: 0,
    reconnects: 0,
    elapsed: 5400,
  };
  assert.equal(
    formatSummary(figures),
    '1,000,000 keys, 81.2 MiB in 5.4 s (185,000 keys/s), 0 skipped, 3 expired on the way, 0 failed',
  );
  assert.match(formatSummary({ ...figures, reconnects: 1 }), / 0 failed, 1 reconnect$/);
  assert.match(formatSummary({ ...figures, reconnects: 1200 }), / 0 failed, 1,200 reconnects$/);
});
