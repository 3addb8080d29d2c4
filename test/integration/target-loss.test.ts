// A target that acknowledged keys and has them no more is noticed before the closing words, whatever has happened to it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdMidRun } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

test('rump fails when the target was flushed in the middle of the copy', async (t) => {
  const run = await holdMidRun(t, { held: 'source' });
  await run.to.send('FLUSHALL');
  run.proxy.unstall();
  assertFailed(await run.running.done, {
    error: new RegExp(`^rump: Cannot vouch for the copy: .*the target ${run.where.target} lacks \\d+`),
  });
});

test('rump fails when the databases of the target were swapped in the middle of the copy', async (t) => {
  const run = await holdMidRun(t, { held: 'source' });
  await run.to.send('SWAPDB', 0, 1);
  run.proxy.unstall();
  assertFailed(await run.running.done, { error: /^rump: Cannot vouch for the copy: .* lacks \d+/ });
});

test('rump takes what has expired at the target, or may have, for no loss', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const names = Array.from({ length: 500 }, (_, i) => `key:${i}`);
  await from.pipeline(names.map((name) => ['SET', name, 'value', 'PX', 60_000]));
  assertDone(await runRump(['--from', source.url, '--to', target.url]));
  assert.equal(await to.send('DBSIZE'), names.length);
});

test('rump fails when the target evicts keys, and says what helps', async (t) => {
  const args = ['--maxmemory', '6mb', '--maxmemory-policy', 'allkeys-lru'];
  const { from, to, endpoints } = await startPair(t, { target: { args } });
  const value = Buffer.alloc(2000, 'x');
  await from.send('CONFIG', 'SET', 'rdbcompression', 'no');
  await from.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `key:${i}`, value]));
  assertFailed(await runRump(endpoints), { error: /^rump: Cannot vouch for the copy: .* has evicted .*maxmemory/ });
  assert.ok(((await to.send('DBSIZE')) as number) < 5000);
});

test('rump copies to a user who may not ask for what was written', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.send('SET', 'key', 'value');
  await to.send('ACL', 'SETUSER', 'writer', 'on', '>pw', '~*', '+@all', '-exists');
  assertDone(await runRump(['--from', source.url, '--to', target.url.replace('//', '//writer:pw@')]));
});
