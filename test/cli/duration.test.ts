// Durations as operators write them, and what is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration } from '../../src/cli/duration.ts';

test('duration takes milliseconds, seconds, minutes and hours', () => {
  for (const [text, ms] of [
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1H', 3_600_000],
    ['500h', 1_800_000_000],
  ] as const) {
    assert.equal(duration.parse(text), ms, text);
  }
});

test('duration refuses a number without a unit, no time at all, and more than a timer can wait', () => {
  for (const text of ['', '30', '0s', '0.1ms', '-1s', '1d', 's', '1 s', '501h', '99999999h']) {
    assert.equal(duration.parse(text), undefined, text);
  }
});
