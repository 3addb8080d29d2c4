// Keys that the target already has: replaced, skipped or reported, as told, and the target is changed in no other way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { fillAllTypes } from '../support/keyspace.ts';
import { assertDone, assertFailed, assertPlainWords, CLOSING_WORDS, linesOf } from '../support/outcome.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { assertSame, assertSameData, snapshot, type Snapshots } from '../support/snapshot.ts';

test('rump replaces what the target has, whatever its type, and touches nothing else', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillAllTypes(from);
  const keys = [...(await snapshot(from)).keys()].map((key) => Buffer.from(key, 'latin1'));
  await to.pipeline(keys.map((key) => ['RPUSH', key, 'of the target']));
  await to.send('SET', 'target only', 'stays', 'PX', 100_000_000);
  const only = await snapshot(to);
  assertDone(await runRump(endpoints));
  assert.deepEqual((await snapshot(to)).get('target only'), only.get('target only'));
  await to.send('DEL', 'target only');
  await assertSameData(from, to);
});

test('rump --on-conflict skip keeps what the target has, and counts it', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillNumbered(from, 1500, 'source');
  await fillNumbered(to, 600, 'target');
  const before = await snapshot(to);
  const result = await runRump([...endpoints, '--on-conflict', 'skip']);
  assertDone(result);
  assert.match(result.stderr, /^rump: 900 keys, .* 600 skipped, /m);
  await assertSameDataBut(from, to, before);

  const again = await runRump([...endpoints, '--on-conflict=skip']);
  assertDone(again);
  assert.equal(again.stdout, CLOSING_WORDS);
  assert.match(again.stderr, /^rump: 0 keys, 0 B .* 1,500 skipped, /m);
});

test('rump --on-conflict fail copies the rest, lists the keys, escaped, and exits with 1', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const client = await target.client(5);
  const awkward = Buffer.from('a\0b"\\\r\n\xff', 'latin1');
  await fillNumbered(from, 1500, 'source');
  for (const key of ['key:7', awkward, '']) {
    await from.send('SET', key, 'source');
    await client.send('SET', key, 'target');
  }
  const before = await snapshot(client);
  const args = ['--from', source.url, '--to', `${target.url}/5`, '--on-conflict', 'fail'];
  const result = await runRump(args);
  assertFailed(result, { error: /^rump: 3 keys were not copied$/ });
  const reported = linesOf(result.stderr).filter((line) => line.startsWith('rump: key '));
  assert.deepEqual(
    reported.map((line) => line.replace(/BUSYKEY .*$/, 'BUSYKEY')).toSorted(),
    ['', 'a\\x00b\\"\\\\\\x0d\\x0a\\xff', 'key:7'].map((key) => `rump: key "${key}" in db 0: BUSYKEY`),
  );
  assert.match(result.stderr, /^rump: 1,499 keys, .* 0 skipped, .* 3 failed$/m);
  await assertSameDataBut(from, client, before);
  assert.equal(await to.send('DBSIZE'), 0);

  const again = await runRump(args);
  assertFailed(again, { error: /^rump: 1,502 keys were not copied$/ });
  assert.match(again.stderr, /^rump: 0 keys, .* 1,502 failed$/m);
  await assertSameDataBut(from, client, before);
});

test('rump lists twenty failed keys and says how many more there are', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillNumbered(from, 1100, 'source');
  await fillNumbered(to, 1000, 'target');
  const result = await runRump([...endpoints, '--on-conflict', 'fail']);
  assertFailed(result, { error: /^rump: 1,000 keys were not copied$/ });
  assertPlainWords(result);
  assert.equal(linesOf(result.stderr).filter((line) => /^rump: key "key:\d+" in db 0: BUSYKEY /.test(line)).length, 20);
  assert.match(result.stderr, /^rump: … and 980 more keys failed$/m);
});

test('rump --json tells every failed key', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillNumbered(from, 1100, 'source');
  await fillNumbered(to, 1000, 'target');
  const result = await runRump([...endpoints, '--on-conflict', 'fail', '--json']);
  assert.equal(result.code, 1);
  assert.equal(result.stderr, 'rump: 1,000 keys were not copied\n');
  const events = linesOf(result.stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const { time } of events) assert.equal(new Date(String(time)).toISOString(), time);
  const failed = events.filter(({ event }) => event === 'key-failed');
  for (const { code, db } of failed) assert.deepEqual([code, db], ['BUSYKEY', 0]);
  assert.deepEqual(
    failed.map(({ key }) => String(key)).toSorted(),
    Array.from({ length: 1000 }, (_, i) => `key:${i}`).toSorted(),
  );
  const { event, keys, failed: count } = events.at(-1)!;
  assert.deepEqual([event, keys, count], ['done', 100, 1000]);
});

test('rump --fail-fast stops at the first key that fails', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillNumbered(from, 200_000, 'source');
  await to.send('SET', 'key:0', 'target');
  // SCAN comes to it early or late: all of these fail, so one is among the first in any order.
  await to.pipeline(Array.from({ length: 2000 }, (_, i) => ['SET', `key:${i * 100}`, 'target']));
  const result = await runRump([...endpoints, '--on-conflict', 'fail', '--fail-fast']);
  assertFailed(result, { error: /^rump: (?!key ).*BUSYKEY/ });
  const copied = ((await to.send('DBSIZE')) as number) - 2000;
  assert.ok(copied < 100_000, `${copied} keys were copied after the first failure`);
});

test('rump copies what it may read and names the keys that it may not', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline([
    ['SET', 'app:1', 'source'],
    ['SET', 'secret:1', 'source'],
    ['ACL', 'SETUSER', 'app', 'on', '>pw', '~app:*', '+@all'],
  ]);
  const result = await runRump(['--from', source.url.replace('//', '//app:pw@'), '--to', target.url]);
  assertFailed(result, { error: /^rump: key "secret:1" in db 0: NOPERM / });
  assertFailed(result, { error: /^rump: 1 key was not copied$/ });
  assert.deepEqual([...(await snapshot(to)).keys()], ['app:1']);
});

async function fillNumbered(client: TestClient, keys: number, value: string): Promise<void> {
  await client.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, value]));
}

/** The target has everything of the source, except for what it had before. */
async function assertSameDataBut(from: TestClient, to: TestClient, before: Snapshots): Promise<void> {
  assertSame(await snapshot(to), new Map([...(await snapshot(from)), ...before]));
}
