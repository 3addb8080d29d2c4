// Pauses that grow, with jitter, up to a limit, and so many in a row.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '../../../src/server/retry.ts';

function pauses(backoff: Backoff): number[] {
  const all: number[] = [];
  for (let pause = backoff.next(); pause !== undefined; pause = backoff.next()) all.push(pause);
  return all;
}

test('Backoff.next() at most doubles each time, is at least half of that, and never above the longest', () => {
  const all = pauses(new Backoff({ retries: 8, longest: 3000 }));
  const ceilings = [100, 200, 400, 800, 1600, 3000, 3000, 3000];
  assert.equal(all.length, 8);
  for (const [i, pause] of all.entries()) {
    assert.ok(pause >= ceilings[i]! / 2 && pause <= ceilings[i]!, `${pause} for ${ceilings[i]}`);
  }
});

test('Backoff.next() gives nothing when there were enough, until there was progress', () => {
  const backoff = new Backoff({ retries: 2, longest: 100 });
  assert.equal(pauses(backoff).length, 2);
  assert.equal(backoff.tries, 2);
  backoff.reset();
  assert.deepEqual([backoff.tries, pauses(backoff).length], [0, 2]);
  assert.equal(new Backoff({ retries: 0, longest: 100 }).next(), undefined);
});
