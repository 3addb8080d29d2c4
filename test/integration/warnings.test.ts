// What an operator should know before a copy goes on: it is said once, on stderr, and the copy does go on.
import assert from 'node:assert/strict';
import { join } from 'node:path';
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
  assert.match(result.stderr, /^rump: warning: .*10\.0 MiB \(maxmemory\)/m);
  assert.equal(await to.send('DBSIZE'), 1);
});

test('rump warns when nothing is in scope, and of what the source has besides', async (t) => {
  const { source, target, from } = await startPair(t);
  await from.send('SET', 'key', 'value');
  await (await source.client(3)).send('SET', 'other', 'value');
  await from.send('FUNCTION', 'LOAD', "#!lua name=mylib\nredis.register_function('f', function() return 1 end)");
  const ends = ['--from', source.url, '--to', target.url];
  for (const args of [
    ['--match', 'kez*'],
    ['--type', 'zset'],
    ['--match', 'kez*', '--dry-run'],
  ]) {
    const result = await runRump([...ends, ...args]);
    assert.equal(result.code, 0);
    assert.match(result.stderr, /^rump: warning: nothing is in scope: none of the 1 keys /m);
  }
  const copied = await runRump(ends);
  assertDone(copied);
  assert.doesNotMatch(copied.stderr, /nothing is in scope/);
  assert.match(copied.stderr, /^rump: warning: the source has keys in database 3 as well \(1\)/m);
  assert.match(copied.stderr, /^rump: warning: the source has functions \(mylib\), which a copy leaves out/m);
  assert.doesNotMatch((await runRump([...ends, '--db', 'all'])).stderr, /as well/);
  const checked = await runRump(['check', ...ends, '--match', 'kez*']);
  assert.match(checked.stderr, /^rump: warning: nothing is in scope/m);
  assert.match(checked.stderr, /database 3 as well/);
  assert.match((await runRump([...ends, '--db', '5'])).stderr, /^rump: warning: the source has no keys where /m);
});

test('rump names the databases of a file that hold keys and are left out', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.send('SET', 'key', 'value');
  await (await source.client(3)).send('SET', 'other', 'value');
  const file = join(source.dir, 'both.resp');
  assertDone(await runRump(['--from', source.url, '--db', 'all', '--to', file]));
  const result = await runRump(['--from', file, '--db', '3', '--to', target.url, '--db-map', '3:0']);
  assertDone(result);
  assert.match(result.stderr, /^rump: warning: the file has keys in other databases as well \(0\)/m);
  assert.equal(await to.send('GET', 'other').then(String), 'value');
});
