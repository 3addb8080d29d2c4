// What an operator should know before a copy goes on: it is said once, on stderr, and the copy does go on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snapshot } from '../support/keyspace.ts';
import { assertDone, CLOSING_WORDS } from '../support/outcome.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

test('rump warns of a target that is not empty, and goes on', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.send('SET', 'key', 'value');
  await to.pipeline(['a', 'b', 'c'].map((key) => ['SET', key, 'stays']));
  const result = await runRump(['--from', source.url, '--to', target.url]);
  assertDone(result);
  assert.match(result.stderr, /^rump: warning: .*not empty.* 3 keys/m);
  assert.equal((await snapshot(to)).size, 4);
  const empty = await runRump(['--from', source.url, '--to', `${target.url}/1`]);
  assertDone(empty);
  assert.doesNotMatch(empty.stderr, /warning/);
  const silent = await runRump(['--from', source.url, '--to', target.url, '--silent']);
  assert.deepEqual([silent.code, silent.stdout, silent.stderr], [0, '', '']);
});

test('rump warns of a target that may use less memory than the source does', async (t) => {
  const { source, from, to, endpoints } = await startPair(t, { target: { args: ['--maxmemory', '10mb'] } });
  await from.send('SET', 'key', 'value');
  await (await source.client(1)).send('SET', 'large', Buffer.alloc(20_000_000, 'x'));
  const result = await runRump(endpoints);
  assertDone(result);
  assert.equal(result.stdout, `.${CLOSING_WORDS}`);
  assert.match(result.stderr, /^rump: warning: .*10485760 bytes \(maxmemory\)/m);
  assert.equal(await to.send('DBSIZE'), 1);
});
