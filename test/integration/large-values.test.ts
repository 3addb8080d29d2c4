// Values too large for one payload: read and written in pieces, whole or not at all, with nothing left behind.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callsOf, dumpsOf } from '../support/command-stats.ts';
import {
  assertNothingLeft,
  BIG_KEY,
  fillLarge,
  FOUR_TIMES,
  LARGE_TYPES,
  temporaryKey,
} from '../support/large-keyspace.ts';
import { startControlled } from '../support/controlled.ts';
import { assertDone, assertFailed, linesOf } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump, startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { servers } from '../support/server-versions.ts';
import { assertSame, assertSameData } from '../support/snapshot.ts';
import { longTest } from '../support/tier.ts';

/** No server takes more than this to be told what it may take. */
const LEAST_BULK = ['--proto-max-bulk-len', '1mb'];
const SMALL = 10_000;

test('rump --big-key reads and writes every type in pieces, and the source never dumps them', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillLarge(from);
  await from.send('SET', 'small', 'value');
  await from.send('CONFIG', 'RESETSTAT');
  const result = await runRump([...endpoints, ...BIG_KEY]);
  assertDone(result);
  assert.match(result.stderr, new RegExp(`, ${LARGE_TYPES.length} converted, `));
  await assertSameData(from, to, { byCommands: true });
  assert.equal(await dumpsOf(from), 1);
  await assertNothingLeft(to);
});

test('rump --big-key cuts pieces that are no larger than what makes a value large, of strings as well', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillLarge(from, ['string', 'list']);
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump([...endpoints, '--big-key', '30k']));
  await assertSameData(from, to);
  // 450,000 bytes are 14.6 times 30 KiB.
  const calls = await callsOf(from);
  assert.equal(calls.get('getrange'), 15);
  assert.equal((await callsOf(to)).get('append'), 14);
});

for (const { name, binary } of servers('redis-6.0', 'redis-8.0', 'valkey-9.1')) {
  test(`rump writes a hash whose fields expire in pieces, from and to ${name}, or says that it cannot`, async (t) => {
    const { from, to, endpoints } = await startPair(t, { source: { binary }, target: { binary } });
    await fillLarge(from, ['hash']);
    const [known] = (await from.send('COMMAND', 'INFO', 'HPEXPIREAT')) as unknown[];
    const expiring = Array.isArray(known);
    if (expiring) await from.send('HPEXPIREAT', 'large:hash', 4_102_444_800_000, 'FIELDS', 2, 'field:7', 'field:4999');
    assertDone(await runRump([...endpoints, ...BIG_KEY]));
    await assertSameData(from, to);
    if (!expiring) return;
    const command = ['HPEXPIRETIME', 'large:hash', 'FIELDS', 3, 'field:7', 'field:8', 'field:4999'];
    assert.deepEqual(await to.send(...command), [4_102_444_800_000, -1, 4_102_444_800_000]);
  });
}

longTest('rump finds a value too large by its elements where the source tells no memory', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await fillLarge(from);
  const rights = ['+@all', '-memory'];
  await from.send('ACL', 'SETUSER', 'reader', 'reset', 'on', '>pw', '~*', ...rights);
  await from.send('CONFIG', 'RESETSTAT');
  const url = source.url.replace('//', '//reader:pw@');
  assertDone(await runRump(['--from', url, '--to', target.url, ...BIG_KEY]));
  await assertSameData(from, to, { byCommands: true });
  assert.equal(await dumpsOf(from), 0);
});

test('rump stops measuring keys once it is clear that none is large', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: SMALL }, (_, i) => ['SET', `key:${i}`, 'x'.repeat(100)]));
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump([...endpoints, '--big-key', '1M']));
  const measured = (await callsOf(from)).get('memory|usage') ?? 0;
  assert.ok(measured > 0 && measured < SMALL / 2, `${measured} keys were measured`);
});

test('rump measures nothing where the whole source is smaller than one large value', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: SMALL }, (_, i) => ['SET', `key:${i}`, i]));
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump(endpoints));
  assert.equal((await callsOf(from)).get('memory|usage'), undefined);
});

test('rump finds the one large value among many small ones, wherever it is', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: SMALL }, (_, i) => ['SET', `key:${i}`, 'x'.repeat(100)]));
  await fillLarge(from, ['set']);
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump([...endpoints, ...BIG_KEY]));
  assert.equal(await dumpsOf(from), SMALL);
  await assertSameData(from, to);
});

longTest('rump keeps to what the target takes in one command, whatever the type', async (t) => {
  const { from, to, endpoints } = await startPair(t, { target: { args: LEAST_BULK } });
  await fillLarge(from, LARGE_TYPES, FOUR_TIMES);
  await from.pipeline([
    ['RPUSH', 'long:element', 'short', randomBytes(1_200_000)],
    // It is short enough once the source has compressed it.
    ['SET', 'long:compressible', 'x'.repeat(1_500_000)],
  ]);
  const result = await runRump(endpoints);
  assert.equal(result.code, 1, result.stderr);
  const lines = linesOf(result.stderr).filter((line) => line.startsWith('rump: key '));
  assert.equal(lines.length, 2, result.stderr);
  assert.match(lines.toSorted()[0]!, /^rump: key "large:string" in db 0: ERR string exceeds maximum allowed size/);
  assert.match(
    lines.toSorted()[1]!,
    /^rump: key "long:element" in db 0: Cannot write it with RPUSH: an element has 1\.1 MiB, and the target takes 1\.0 MiB \(proto-max-bulk-len\)$/,
  );
  assert.doesNotMatch(result.stderr, /reconnect/);
  await from.send('DEL', 'large:string', 'long:element');
  await assertSameData(from, to, { byCommands: true });
  await assertNothingLeft(to);
});

test('rump reads a stream to the highest id that there is, and cuts a string into no pieces smaller than its name', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const last = '18446744073709551615-18446744073709551615';
  for (const id of ['1-1', last]) await from.send('XADD', 'stream', id, 'field', id);
  await from.send('XGROUP', 'CREATE', 'stream', 'readers', 0);
  await from.send('XREADGROUP', 'GROUP', 'readers', 'one', 'STREAMS', 'stream', '>');
  await from.send('SET', 'name'.repeat(500), 'value'.repeat(500));
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump([...endpoints, '--big-key', '1']));
  // Each of them carries the name.
  assert.equal((await callsOf(from)).get('getrange'), 2);
  await assertSameData(from, to, { byCommands: true });
  assert.equal(((await to.send('XRANGE', 'stream', last, last)) as unknown[]).length, 1);
});

test('rump reads a value again that changes while it is read', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillLarge(from, ['hash', 'list']);
  const { running, tell } = await startControlled(t, [...endpoints, ...BIG_KEY, '--bwlimit', '50k']);
  await temporaryKey(running, to);
  for (let i = 0; i < 10; i += 1) {
    await from.send('HSET', 'large:hash', `field:${i}`, `changed ${i}`, `new:${i}`, 'x');
    await from.send('LPUSH', 'large:list', `new ${i}`);
    await sleep(50);
  }
  await tell('bwlimit', '0');
  assertDone(await running.done);
  await assertSameData(from, to);
  await assertNothingLeft(to);
});

for (const [when, grows] of [
  ['behind its first piece', (start: string) => start === '0'],
  ['with each piece', () => true],
] as const) {
  longTest(`rump gives a value up that grows ${when} each time that it is read, and says so`, async (t) => {
    const { source, target, from, to } = await startPair(t);
    await fillLarge(from, ['list'], FOUR_TIMES);
    let count = 0;
    const { url } = await replyProxy(t, source.port, async ([name, , start]) => {
      if (name === 'LRANGE' && grows(start!)) await from.send('RPUSH', 'large:list', `new ${count++}`);
      return undefined;
    });
    const result = await runRump(['--from', url, '--to', target.url, ...BIG_KEY]);
    assertFailed(result, {
      error: /^rump: key "large:list" in db 0: It changed while it was read \([^()]+\), 5 times in a row$/,
    });
    assert.equal(await to.send('DBSIZE'), 0);
  });
}

longTest('rump goes on where a value was deleted while it was read', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillLarge(from, ['hash']);
  const running = startRump([...endpoints, ...BIG_KEY, '--bwlimit', '50k']);
  await temporaryKey(running, to);
  await from.send('DEL', 'large:hash');
  const result = await running.done;
  assertDone(result);
  assert.match(result.stderr, /1 expired on the way/);
  assert.equal(await to.send('DBSIZE'), 0);
});

test('Nobody sees half a large value under its own name, and one that is there is replaced at once', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillLarge(from, ['hash']);
  await to.send('SET', 'large:hash', 'what was there');
  const { running, tell } = await startControlled(t, [...endpoints, ...BIG_KEY, '--bwlimit', '50k']);
  const name = await temporaryKey(running, to);
  assert.equal(String(await to.send('GET', 'large:hash')), 'what was there');
  // Should nobody come back to it, it goes by itself.
  const ttl = (await to.send('PTTL', name)) as number;
  assert.ok(ttl > 60_000 && ttl <= 15 * 60_000, `It expires in ${ttl} ms`);
  await tell('bwlimit', '0');
  assertDone(await running.done);
  await assertSameData(from, to);
  await assertNothingLeft(to);
});

for (const [policy, code, words] of [
  ['skip', 0, /1 skipped/],
  ['fail', 1, /key "large:set" in db 0: BUSYKEY/],
] as const) {
  test(`rump --on-conflict ${policy} leaves a key alone that is there already, however large the other is`, async (t) => {
    const { from, to, endpoints } = await startPair(t);
    await fillLarge(from, ['set']);
    await to.send('SET', 'large:set', 'what was there');
    const result = await runRump([...endpoints, ...BIG_KEY, '--on-conflict', policy]);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, words);
    assert.equal(String(await to.send('GET', 'large:set')), 'what was there');
    await assertNothingLeft(to);
  });
}

test('rump never gives two keys one name, however large their values are', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillLarge(from, ['set', 'list']);
  await from.pipeline([
    ['RENAME', 'large:set', 'a:key'],
    ['RENAME', 'large:list', 'key'],
    ['SET', 'a:small', 'value'],
    ['COPY', 'key', 'small'],
  ]);
  const result = await runRump([...endpoints, ...BIG_KEY, '--strip-prefix', 'a:']);
  assert.equal(result.code, 1, result.stderr);
  assert.equal(linesOf(result.stderr).filter((line) => line.startsWith('rump: key ')).length, 2, result.stderr);
  assert.equal(await to.send('DBSIZE'), 2);
});

longTest('rump carries large values between clusters, under other names as well', async (t) => {
  const [source, target] = await Promise.all([startCluster(t), startCluster(t)]);
  const names = ['plain', '{tag}', 'a{b', 'a}b{', '{}empty', 'two{x}{y}'];
  await source.pipeline(names.map((name) => ['RPUSH', name, ...items()]));
  const ends = ['--from', source.url, '--to', target.url];
  assertDone(await runRump([...ends, '--big-key', '64k']));
  assertSame(await target.contents(), await source.contents(), { ttl: 'relative' });
});

test('rump --bwlimit holds for large values', async (t) => {
  const { from, endpoints } = await startPair(t);
  await fillLarge(from, ['string']);
  const result = await runRump([...endpoints, ...BIG_KEY, '--bwlimit', '300k']);
  assertDone(result);
  // The second of its two pieces waits for the first one to be paid for.
  assert.ok(result.elapsed > 1000, `It took ${result.elapsed} ms`);
});

function items(): string[] {
  return Array.from({ length: 3000 }, (_, i) => `${i}:${randomBytes(20).toString('hex')}`);
}
