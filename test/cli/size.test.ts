// Sizes as operators write them, and what is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { size } from '../../src/cli/size.ts';

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
