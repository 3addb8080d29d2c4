// Large values that are interrupted, or whose connections are lost: they arrive, or nothing is left of them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { startControlled } from '../support/controlled.ts';
import { assertNothingLeft, BIG_KEY, fillLarge, temporaryKey } from '../support/large-keyspace.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { runRump, startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { assertSameData } from '../support/snapshot.ts';
import { serversWith } from '../support/server-versions.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';

test('rump leaves nothing behind when it is interrupted in the middle of a large value', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillLarge(from, ['hash']);
  const running = startRump([...endpoints, ...BIG_KEY, '--bwlimit', '50k']);
  await temporaryKey(running, to);
  running.child.kill('SIGINT');
  const result = await running.done;
  assertFailed(result, { code: 130, error: /^rump: Stopped by Ctrl-C/ });
  assert.equal(await to.send('DBSIZE'), 0);
});

longTest(
  'rump ends soon when it is interrupted while the target takes neither large values nor small ones',
  async (t) => {
    const { from, to, endpoints } = await startPair(t);
    await fillLarge(from, ['hash']);
    await from.pipeline(Array.from({ length: 10_000 }, (_, i) => ['SET', `key:${i}`, i]));
    const running = startRump([...endpoints, ...BIG_KEY, '--bwlimit', '50k']);
    await temporaryKey(running, to);
    await to.send('CLIENT', 'PAUSE', 30_000);
    await sleep(500);
    const interrupted = performance.now();
    running.child.kill('SIGINT');
    const result = await running.done;
    assertFailed(result, { code: 130, error: /^rump: Stopped by Ctrl-C/ });
    // Five seconds for replies, and two to clean up; without an end of its patience it would take all of the pause.
    assert.ok(performance.now() - interrupted < 25_000, `It took ${performance.now() - interrupted} ms`);
  },
);

for (const [right, expires] of [
  ['pexpireat', true],
  ['persist', false],
] as const) {
  test(`A large value fails by name where ${right.toUpperCase()} is refused, and nothing stays that expires later`, async (t) => {
    const { source, target, from, to } = await startPair(t);
    await fillLarge(from, ['hash', 'set']);
    if (!expires) await from.send('PERSIST', 'large:hash');
    await to.send('ACL', 'SETUSER', 'writer', 'reset', 'on', '>pw', '~*', '&*', '+@all', `-${right}`);
    const url = target.url.replace('//', '//writer:pw@');
    const result = await runRump(['--from', source.url, '--to', url, ...BIG_KEY]);
    assertFailed(result, { error: new RegExp(`^rump: key "large:hash" in db 0: NOPERM .*'${right}'`) });
    // The set has no expiry: it arrives as long as it may be rid of that of its temporary name.
    assert.deepEqual(await to.send('EXISTS', 'large:hash', 'large:set'), expires ? 1 : 0);
    await assertNothingLeft(to);
  });
}

for (const { name, binary } of serversWith('redis-8.0')) {
  test(`What the source will not say of a value fails it by name: no field loses its expiry, no entry its owner (${name})`, async (t) => {
    const { source, target, from, to } = await startPair(t, { source: { binary } });
    await fillLarge(from, ['hash', 'stream']);
    const rights = ['+@all', '-hpexpiretime', '-xpending'];
    await from.send('ACL', 'SETUSER', 'reader', 'reset', 'on', '>pw', '~*', '&*', ...rights);
    const url = source.url.replace('//', '//reader:pw@');
    const result = await runRump(['--from', url, '--to', target.url, ...BIG_KEY]);
    assertFailed(result, { error: /^rump: key "large:hash" in db 0: NOPERM .*'hpexpiretime'/ });
    assert.match(result.stderr, /^rump: key "large:stream" in db 0: NOPERM .*'xpending'/m);
    assert.equal(await to.send('DBSIZE'), 0);
  });
}

for (const side of variants<'source' | 'target'>('source', 'target')) {
  test(`A large value arrives although the connection to the ${side} is cut`, async (t) => {
    const pair = await startPair(t);
    const proxy = await startProxy({ port: pair[side].port });
    t.after(() => proxy.close());
    await fillLarge(pair.from, ['zset', 'stream']);
    const endpoints = pair.endpoints.map((word) => (word === pair[side].url ? proxy.url : word));
    const pace = ['--bwlimit', '50k', '--retry-max', '50ms'];
    const { running, tell } = await startControlled(t, [...endpoints, ...BIG_KEY, ...pace]);
    for (let cut = 0; cut < 2; cut += 1) {
      await temporaryKey(running, pair.to);
      proxy.cut();
      await sleep(300);
    }
    await tell('bwlimit', '0');
    const result = await running.done;
    assertDone(result);
    assert.match(result.stderr, /reconnects?$/m);
    await assertSameData(pair.from, pair.to, { byCommands: true });
    await assertNothingLeft(pair.to);
  });
}

/** Bytes: what is longer has elements in it. */
const A_PIECE = 500;

test('A large value is made anew where its connection breaks, and what was made of it goes, however often it breaks then', async (t) => {
  const pair = await startPair(t);
  const proxy = await startProxy({ port: pair.target.port });
  t.after(() => proxy.close());
  await fillLarge(pair.from, ['zset']);
  const running = startRump([
    '--from',
    pair.source.url,
    '--to',
    proxy.url,
    ...BIG_KEY,
    '--bwlimit',
    '600k',
    '--retry-max',
    '50ms',
  ]);
  await temporaryKey(running, pair.to);
  // Where nothing is on its way, the value only goes on over another connection.
  proxy.delayUp(60_000);
  await underWay(running, () => proxy.waiting > A_PIECE);
  proxy.delayUp(0);
  proxy.forbid('UNLINK', 'up');
  proxy.cut();
  await underWay(running, () => proxy.met >= 2);
  proxy.letPass();
  assertDone(await running.done);
  await assertSameData(pair.from, pair.to, { byCommands: true });
  await assertNothingLeft(pair.to);
});

test('What comes late of a large value, through a tunnel, goes by itself where nobody may end the connection that had sent it', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await to.send('ACL', 'SETUSER', 'writer', 'reset', 'on', '>pw', '~*', '&*', '+@all', '-client|kill');
  const proxy = await startProxy({ port: target.port });
  t.after(() => proxy.close());
  await fillLarge(from, ['zset']);
  const url = proxy.url.replace('//', '//writer:pw@');
  const running = startRump([
    '--from',
    source.url,
    '--to',
    url,
    ...BIG_KEY,
    '--bwlimit',
    '600k',
    '--retry-max',
    '50ms',
  ]);
  const name = await temporaryKey(running, to);
  proxy.delayUp(60_000);
  await underWay(running, () => proxy.waiting > 0);
  const deliver = proxy.abandon();
  proxy.delayUp(0);
  assertDone(await running.done);
  assert.equal(await to.send('EXISTS', name), 0);
  assert.ok((await deliver()) > 0);
  // What was on its way may have been the end of it, which makes nothing anew.
  assert.notEqual(await to.send('PTTL', name), -1, 'It is there for ever');
});

test('A large value that the target refuses leaves no connection to the source behind', async (t) => {
  const { source, target, from } = await startPair(t);
  const lists = 20;
  const items = Array.from({ length: 300 }, () => randomBytes(1200));
  for (let i = 0; i < lists; i++)
    await from.pipeline(Array.from({ length: 9 }, () => ['RPUSH', `list:${i}`, ...items]));
  const taken = (await from.send('MEMORY', 'USAGE', 'list:1')) as number;
  // Half of it would fit into one payload, and the whole does not.
  const buffer = Math.ceil(taken * 0.6);

  await (await target.client()).send('ACL', 'SETUSER', 'writer', 'on', '>pw', '~*', '&*', '+@all', '-rpush');
  const before = await connectionsTo(from);
  const url = target.url.replace('//', '//writer:pw@');
  const result = await runRump(['--from', source.url, '--to', url, '--buffer', String(buffer)]);
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, new RegExp(`${lists} keys were not copied`));
  const connections = (await connectionsTo(from)) - before;
  assert.ok(connections < lists / 2, `${connections} connections`);
});

async function connectionsTo(client: TestClient): Promise<number> {
  const stats = String(await client.send('INFO', 'stats'));
  return Number(/total_connections_received:(\d+)/.exec(stats)![1]);
}
