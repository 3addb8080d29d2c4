// Scores as text, both ways; and milliseconds beyond what numbers hold, added and compared without a loss.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ceiling, distance, LAST, milliseconds, minus, plus, sooner } from '../../../src/rdb/milliseconds.ts';
import { formatScore } from '../../../src/rdb/commands.ts';
import { parseScore } from '../../../src/rdb/decode.ts';

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

const MOST = 2n ** 63n - 1n;
const time = fc.oneof(fc.bigInt({ min: 0n, max: MOST }), fc.bigInt({ min: 2n ** 53n - 9n, max: 2n ** 53n + 9n }));

test('plus(), minus() and distance() count like integers of any length, and end where servers do', () => {
  fc.assert(
    fc.property(time, time, (left, right) => {
      const [a, b] = [milliseconds(left), milliseconds(right)];
      assert.equal(BigInt(plus(a, b)), left + right > MOST ? MOST : left + right);
      assert.equal(BigInt(minus(a, b)), left - right);
      assert.equal(BigInt(distance(a, b)), left > right ? left - right : right - left);
      assert.equal(BigInt(sooner(a, b)), left < right ? left : right);
    }),
  );
});

test('milliseconds() are numbers as far as they are exact, so that the same time is the same value', () => {
  assert.equal(milliseconds(2n ** 53n - 1n), 2 ** 53 - 1);
  assert.equal(milliseconds(2n ** 53n), 2n ** 53n);
  assert.equal(plus(2 ** 53 - 1, 1), 2n ** 53n);
  assert.equal(minus(2n ** 53n, 1), 2 ** 53 - 1);
});

test('Milliseconds keep their fraction where there is room for one, and are rounded elsewhere', () => {
  assert.equal(plus(1000, 0.25), 1000.25);
  assert.equal(ceiling(1000.25), 1001);
  assert.equal(ceiling(LAST), LAST);
  assert.equal(minus(LAST, 1000.25), MOST - 1000n);
  assert.equal(distance(1000.25, 1001.5), 1);
});
