// The clocks that expiries are told by.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LAST, minus, NEVER } from '../../../src/rdb/milliseconds.ts';
import { expiryClock, isForever, ttlOf } from '../../../src/flow/expiry.ts';

test('expiryClock() shows the time of the source where expiries are exact', () => {
  for (const skew of [0, 250.5, -400]) {
    const before = Date.now() + skew;
    const shown = expiryClock('exact', skew)();
    assert.ok(shown > before - 1 && shown < Date.now() + skew + 1);
  }
});

test('expiryClock() never jumps with the clock of the machine', (context) => {
  const clocks = [expiryClock('relative', 5000), expiryClock('exact', 5000)];
  const shown = (): number[] => clocks.map((clock) => clock());
  context.mock.method(Date, 'now', () => 0);
  const before = shown();
  context.mock.method(Date, 'now', () => 10 ** 13);
  for (const [index, now] of shown().entries()) assert.ok(now >= before[index]! && now - before[index]! < 1000);
});

test('NEVER is what PTTL and PEXPIRETIME answer for a key without expiry', () => {
  assert.equal(NEVER, -1);
});

test('ttlOf() is rounded up and never 0, which would be none', () => {
  assert.equal(ttlOf(1000, 999.5), 1);
  assert.equal(ttlOf(1000, 1000), 1);
  assert.equal(ttlOf(2000.25, 1000), 1001);
});

test('ttlOf() leaves room for the clock that a server adds to it', () => {
  const year2248 = 2n ** 43n;
  for (const now of [0.5, Date.now()]) {
    const left = BigInt(ttlOf(LAST, now));
    assert.ok(left + year2248 <= 2n ** 63n - 1n);
    assert.ok(isForever(left), 'It is there for ever on the other side as well');
  }
  assert.ok(!isForever(minus(LAST, 2 ** 45)));
});
