// A source that is flushed during a copy, by servers that count a flush only when they have freed what it took.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { servers } from '../support/server-versions.ts';

const KEYS = 200_000;
const FILL = `for i = 1, ${KEYS} do redis.call('SET', 'key:' .. i, i) end`;
const SLOWLY = ['--tpslimit', '20000'];
const POLL_MS = 5;

for (const { name, binary } of servers('redis-8.0', 'valkey-9.1')) {
  for (const [what, change, isLoss] of [
    ['fails where its source is flushed', ['FLUSHALL'], true],
    [
      'goes on where most keys of its source are deleted',
      ['EVAL', FILL.replaceAll('SET', 'UNLINK').replace(', i)', ')'), 0],
      false,
    ],
  ] as const) {
    test(`rump ${what} in mid-copy (${name})`, async (t) => {
      const { from, to, endpoints } = await startPair(t, { source: { binary } });
      await from.send('EVAL', FILL, 0);
      const running = startRump([...endpoints, ...SLOWLY]);
      while (((await to.send('DBSIZE')) as number) < KEYS / 100) await sleep(POLL_MS);
      void from.send(...change).catch(() => {});
      const result = await running.done;
      assert.ok(((await to.send('DBSIZE')) as number) < KEYS, 'The copy was over too soon');
      if (isLoss) assertFailed(result, { error: /it was flushed or swapped meanwhile/ });
      else assertDone(result);
    });
  }
}
