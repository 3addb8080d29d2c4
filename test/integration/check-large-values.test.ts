// A check of values that are read in pieces comes to what a check of whole ones does, and bears with as much as a copy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AT_ONCE, assertEqual, runCheck } from '../support/check.ts';
import { array, bulk } from '../support/frames.ts';
import { assertDone } from '../support/outcome.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const IN_PIECES = ['--big-key', '1k'];

test('rump check takes the times of delivery of a stream that was copied in pieces for the same, whole or in pieces', async (t) => {
  const { source, target, from, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: 50 }, (_, i) => ['XADD', 'stream', `${i + 1}-1`, 'f', 'x'.repeat(100)]));
  await from.send('XGROUP', 'CREATE', 'stream', 'g', '0');
  await from.send('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 20, 'STREAMS', 'stream', '>');
  let asked = 0;
  // A server that takes its time between two commands of a row.
  const slow = await replyProxy(t, source.port, ([name], reply) => {
    if (name !== 'TIME' || !Array.isArray(reply)) return undefined;
    asked++;
    const micros = Number(reply[0]) * 1e6 + Number(reply[1]) - 300_000;
    return array(bulk(String(Math.floor(micros / 1e6))), bulk(String(micros % 1e6)));
  });
  assertDone(await runRump(['--from', slow.url, '--to', target.url, ...IN_PIECES]));
  assert.ok(asked > 1, 'It was not read in pieces');
  assertEqual(await runCheck([...endpoints, ...AT_ONCE]), 1);
  assertEqual(await runCheck([...endpoints, ...AT_ONCE, ...IN_PIECES]), 1);
});
