// No case is lost between the tiers, and none is run twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longOnly, share, tierOf, variants } from './tier.ts';

const CASES = ['first', 'second', 'third'];

test('share() gives every case to exactly one of the two tiers, and all of them to both together', () => {
  for (let length = 0; length <= CASES.length; length++) {
    const cases = CASES.slice(0, length);
    assert.deepEqual([...share('quick', cases), ...share('rest', cases)], cases);
    assert.deepEqual(share('whole', cases), cases);
  }
});

test('longOnly() leaves out no variant of tests that have no part in the quick tier', () => {
  longOnly(() => assert.deepEqual(variants(...CASES), CASES));
});

test('tierOf() refuses a word that names no tier', () => {
  assert.deepEqual([undefined, '', '1', 'rest'].map(tierOf), ['quick', 'quick', 'whole', 'rest']);
  assert.throws(() => tierOf('yes'), /not yes/);
});
