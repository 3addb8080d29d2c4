// The table of decoding as it is read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecodeResult } from './decode-result.ts';
import { decodeBlock } from './decode-table.ts';

const resultOf = (megabytesPerSecond: number): DecodeResult => ({
  date: '2026-01-01T00:00:00.000Z',
  bench: 'decode',
  scale: 1,
  server: 'Redis 7.0.15',
  cores: 2,
  processor: 'Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz',
  node: '20.20.2',
  rows: [
    { name: 'all of mixed', payloads: 5000, bytes: 6_500_000, megabytesPerSecond, error: 0.8 },
    { name: 'stream, type byte 19', payloads: 100, bytes: 181_800, megabytesPerSecond: 1234.5, error: 12.3 },
  ],
});

test('The table of decoding has a row for all payloads and for each type, and fits 100 columns', () => {
  const table = decodeBlock(resultOf(249.6));
  assert.match(table, /^ {2}all of mixed +250 +0\.8 +192,000 +1,300$/m);
  assert.match(table, /^ {2}stream, type byte 19 +1,235 +12\.3 +679,043 +1,818$/m);
  assert.ok(table.split('\n').every((line) => line.length <= 100));
});

test('The table of decoding says whether all payloads together meet the goal', () => {
  assert.match(decodeBlock(resultOf(200)), /^ {2}asked MB\/s ≥ 200: met$/m);
  assert.match(decodeBlock(resultOf(199.9)), /^ {2}asked MB\/s ≥ 200: missed$/m);
});
