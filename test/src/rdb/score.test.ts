// Scores as text, both ways.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatScore, parseScore } from '../../../src/rdb/score.ts';

const written: readonly (readonly [text: string, score: number])[] = [
  ['0', 0],
  ['-0', -0],
  ['3.5', 3.5],
  ['0.10000000000000001', 0.1],
  ['9007199254740994', 9_007_199_254_740_994],
  ['4.9406564584124654e-324', 5e-324],
  ['-1.7976931348623157e+308', -Number.MAX_VALUE],
  ['1E5', 100_000],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['-inf', -Infinity],
  ['Infinity', Infinity],
  ['nan', NaN],
  ['-nan', NaN],
];

test('parseScore() reads what servers write', () => {
  for (const [text, score] of written) assert.ok(Object.is(parseScore(text), score), text);
});

test('parseScore() refuses what no server writes', () => {
  for (const text of ['', ' ', '1 ', '0x10', '1e', '--1', 'infin', '1_000', '1n', '.', '1.2.3']) {
    assert.equal(parseScore(text), undefined, text);
  }
});

test('formatScore() writes what gives the same score again', () => {
  for (const score of [0, -0, 0.1, 1 / 3, 5e-324, Number.MAX_VALUE, 1e21, 1e-7, Infinity, -Infinity]) {
    assert.ok(Object.is(parseScore(formatScore(score)), score), String(score));
  }
  assert.deepEqual([Infinity, -Infinity, -0].map(formatScore), ['inf', '-inf', '-0']);
});
