// Servers that one test has after the other: none is lent again that is not as it was started.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { TestClient } from './client.ts';
import { borrow, giveBack } from './lent-servers.ts';
import type { TestServer } from './redis-server.ts';

const lent: TestServer[] = [];

after(() => Promise.all(lent.map((server) => server.stop())));

/** A server that has been used so, and the one that is lent next. */
async function usedBy(use: (client: TestClient, server: TestServer) => unknown): Promise<[TestServer, TestServer]> {
  const first = await borrow(true);
  await use(await first.client(), first);
  await giveBack(first);
  const next = await borrow(true);
  lent.push(first, next);
  return [first, next];
}

test('borrow() lends a server again with nothing of whoever had it before', async () => {
  const [first, next] = await usedBy(async (client) => {
    await client.pipeline([
      ['SET', 'key', 1],
      ['SELECT', 3],
      ['SET', 'key', 1],
      ['EVAL', "return redis.call('GET', 'key')", 0],
    ]);
  });
  assert.equal(next, first);
  const client = await next.client();
  const info = String(await client.send('INFO'));
  assert.doesNotMatch(info, /^db\d|cmdstat_(?:set|get|eval):/m);
  assert.match(info, /^connected_clients:1\r$/m);
  assert.match(info, /^number_of_cached_scripts:0\r$/m);
});

for (const [what, use] of [
  ['its configuration', (client: TestClient) => client.send('CONFIG', 'SET', 'maxmemory', '10mb')],
  ['its password', (client: TestClient) => client.send('CONFIG', 'SET', 'requirepass', 'secret')],
  ['its users', (client: TestClient) => client.send('ACL', 'SETUSER', 'reader', 'on')],
  ['its role', (client: TestClient) => client.send('REPLICAOF', '127.0.0.1', 1)],
  ['what no command tells', (client: TestClient) => client.send('DEBUG', 'SET-ACTIVE-EXPIRE', 0).catch(() => {})],
  ['its folder', (_: TestClient, { dir }: TestServer) => writeFileSync(join(dir, 'file'), '')],
  ['its process', (_: TestClient, server: TestServer) => server.kill()],
] as const)
  test(`giveBack() ends a server that was changed in ${what}`, async () => {
    const [first, next] = await usedBy(use);
    assert.notEqual(next, first);
    assert.equal(await (await next.client()).send('DBSIZE'), 0);
  });
