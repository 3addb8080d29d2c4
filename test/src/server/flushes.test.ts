// What is read out of the counts of commands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flushesIn } from '../../../src/server/flushes.ts';

test('flushesIn() counts what empties databases or swaps them, and knows when nothing is told', () => {
  const text = 'cmdstat_get:calls=5\r\ncmdstat_flushall:calls=1,usec=3\r\ncmdstat_swapdb:calls=2\r\n';
  assert.deepEqual(flushesIn(`# Commandstats\r\n${text}cmdstat_flushdb:calls=4\r\n`), {
    ofOne: 4,
    ofMore: 3,
    calls: 12,
    resets: 0,
  });
  assert.equal(flushesIn('# Commandstats\r\n'), undefined);
  assert.equal(flushesIn('null'), undefined);
});
