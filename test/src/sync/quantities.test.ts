// Sizes and times as an operator writes them: which texts are accepted, and which are refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, size } from '../../../src/sync/quantities.ts';

test('size takes bytes and the units of 1024', () => {
  for (const [text, bytes] of [
    ['1', 1],
    ['512', 512],
    ['512B', undefined],
    ['64k', 65_536],
    ['64K', 65_536],
    ['64KiB', 65_536],
    ['10M', 10_485_760],
    ['10mb', 10_485_760],
    ['1.5G', 1_610_612_736],
    ['0.3k', 307],
  ] as const) {
    assert.equal(size.parse(text), bytes, text);
  }
});

test('size refuses what is no size, nothing at all, and what no number can hold', () => {
  for (const text of ['', '0', '0.5', 'k', '-1', '1e3', '10T', '10 M', '9007199254740993', '99999999999G']) {
    assert.equal(size.parse(text), undefined, text);
  }
});

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
