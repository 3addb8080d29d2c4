// The clocks that expiries are told by.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiryClock, NEVER } from '../../../src/redis/expiry.ts';

test('expiryClock() shows the time of the source where expiries are exact', () => {
  for (const skew of [0, 250.5, -400]) {
    const before = Date.now() + skew;
    const shown = expiryClock('exact', skew)();
    assert.ok(shown >= before && shown <= Date.now() + skew);
  }
});

test('expiryClock() never jumps with the clock of the machine where expiries are relative', (context) => {
  const clock = expiryClock('relative', 5000);
  context.mock.method(Date, 'now', () => 0);
  const first = clock();
  context.mock.method(Date, 'now', () => 10 ** 13);
  const second = clock();
  assert.ok(second >= first && second - first < 1000);
});

test('NEVER is what PTTL and PEXPIRETIME answer for a key without expiry', () => {
  assert.equal(NEVER, -1);
});
