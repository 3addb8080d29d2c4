// The last look at a real server that has changed since it acknowledged a key.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import type { TestClient } from '../../support/client.ts';
import { isLoss } from '../../../src/target/sample-look.ts';
import { handFeed } from '../../support/hand-fed-target.ts';
import { lend } from '../../support/lent-servers.ts';
import type { TestServer } from '../../support/redis-server.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

async function start(t: TestContext): Promise<{ server: TestServer; client: TestClient; payload: Buffer }> {
  const server = await lend(t);
  const client = await server.client();
  await client.send('SET', 'other', 'value');
  return { server, client, payload: (await client.send('DUMP', 'other')) as Buffer };
}

test('RedisTarget has nothing against a server that kept what it acknowledged', async (t) => {
  const { server, payload } = await start(t);
  const { write, finish } = await handFeed(t, server.port);
  await write({ key: Buffer.from('key'), payload });
  await write({ key: Buffer.from('soon'), payload, expireAt: Date.now() + 50 });
  await finish();
});

test('RedisTarget sees that a key is gone which was acknowledged', async (t) => {
  const { server, client, payload } = await start(t);
  const { write, finish } = await handFeed(t, server.port);
  await write({ key: Buffer.from('key'), payload });
  await client.send('DEL', 'key');
  await assert.rejects(finish(), { code: 'TARGET_LOST', message: /of 1 acknowledged keys .* lacks 1:/ });
});

test('RedisTarget sees that a database was flushed of which it remembers no key', async (t) => {
  const { server, client, payload } = await start(t);
  const { write, finish } = await handFeed(t, server.port);
  await write({ key: Buffer.alloc(5000, 'n'), payload });
  await client.send('FLUSHALL');
  await assert.rejects(finish(), { code: 'TARGET_LOST', message: /has lost most of a database that was written/ });
});

test('RedisTarget has nothing against a flush of another database', async (t) => {
  const { server, payload } = await start(t);
  const { write, finish } = await handFeed(t, server.port);
  await write({ key: Buffer.alloc(5000, 'n'), payload });
  await (await server.client(3)).send('FLUSHDB');
  await finish();
});

test('RedisTarget sees that the server has become a replica', async (t) => {
  const { server, client, payload } = await start(t);
  const { write, finish } = await handFeed(t, server.port);
  await write({ key: Buffer.from('key'), payload });
  await client.send('REPLICAOF', '127.0.0.1', 1);
  await assert.rejects(finish(), { code: 'REPLICA', retryable: true });
});

test('RedisTarget sees that the server was a replica of another one meanwhile', async (t) => {
  const { server, client, payload } = await start(t);
  const { write, finish } = await handFeed(t, server.port);
  await write({ key: Buffer.from('key'), payload });
  await client.pipeline([
    ['REPLICAOF', '127.0.0.1', 1],
    ['REPLICAOF', 'NO', 'ONE'],
  ]);
  await assert.rejects(finish(), { code: 'TARGET_REPLACED', message: /was a replica for a while/, retryable: true });
});

test('RedisTarget has nothing against a primary that is told to be one', async (t) => {
  const { server, client, payload } = await start(t);
  const { write, finish } = await handFeed(t, server.port);
  await write({ key: Buffer.from('key'), payload });
  await client.send('REPLICAOF', 'NO', 'ONE');
  await finish();
});

test('RedisTarget sees it of a replica too that takes writes', async (t) => {
  const { server, client, payload } = await start(t);
  const { write, finish } = await handFeed(t, server.port);
  await write({ key: Buffer.from('key'), payload });
  await client.send('CONFIG', 'SET', 'replica-read-only', 'no');
  await client.send('REPLICAOF', '127.0.0.1', 1);
  await assert.rejects(finish(), { code: 'REPLICA', retryable: true });
});

test('RedisTarget sees that another process answers at the address', async (t) => {
  const [first, second] = [await start(t), await start(t)];
  const proxy = await startProxy({ port: first.server.port });
  t.after(() => proxy.close());
  const { write, finish } = await handFeed(t, proxy.port);
  await write({ key: Buffer.from('key'), payload: first.payload });
  proxy.leadTo(second.server.port);
  proxy.cut();
  await assert.rejects(finish(), { code: 'TARGET_REPLACED', retryable: true });
});

const KEYS = Array.from({ length: 100 }, (_, i) => ({ db: 0, name: Buffer.from(`key:${i}`), expireAt: NEVER }));

for (const [what, missing, isFlushed, expected] of [
  ['nothing is missing', [], true, false],
  ['one key is missing and nothing was flushed', [5], false, false],
  ['a few are', [0, 5, 17], false, false],
  ['some of few are', [0, 1, 2, 3, 4, 5, 6, 7, 8], false, false],
  ['every one is', KEYS.map((_, i) => i), false, true],
  ['every tenth is', KEYS.map((_, i) => i).filter((i) => i % 10 === 0), false, true],
  ['one is, and something was flushed', [5], true, true],
  ['one is, and whether something was flushed is not told', [5], undefined, false],
  ['the first one is, and whether something was flushed is not told', [0], undefined, true],
] as const) {
  test(`isLoss() finds ${expected ? 'a' : 'no'} loss where ${what}`, () => {
    const gone = missing.map((i) => KEYS[i]!);
    assert.equal(isLoss(KEYS, gone, isFlushed), expected);
  });
}
