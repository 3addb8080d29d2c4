// Two databases are the same only if every key is: each way to differ must be seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestClient } from './client.ts';
import { assertSameData, fillAllTypes, snapshot, type Snapshot } from './keyspace.ts';
import { startServer } from './redis-server.ts';

test('assertSameData() takes a filling for the same as its own DUMPs restored', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const [source, target] = [await server.client(0), await server.client(1)];
  const keys = await fillAllTypes(source);
  const found = await snapshot(source);
  assert.equal(found.size, keys);

  await copy(found, source, target);
  await assertSameData(source, target);
});

test('assertSameData() names the keys that are missing, added, or differ in type, value, group or expiry', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const [source, target] = [await server.client(0), await server.client(1)];
  const changes = [
    { change: ['DEL', 'string:int'], seen: /"string:int" is missing/ },
    { change: ['SET', 'other', 1], seen: /"other" is on the target only/ },
    { change: ['SET', 'list:quicklist', 1], seen: /"list:quicklist" is a list here and a string there/ },
    { change: ['LSET', 'list:big-nodes', 3, 'x'], seen: /"list:big-nodes" has another value/ },
    { change: ['RPUSH', 'list:listpack', 'more'], seen: /"list:listpack" has another value/ },
    { change: ['ZADD', 'zset:skiplist', 2, 'tenth'], seen: /"zset:skiplist" has another value/ },
    { change: ['XACK', 'stream:groups', 'readers', '10-0'], seen: /"stream:groups" has another value/ },
    { change: ['PERSIST', 'set:intset16:expiring'], seen: /"set:intset16:expiring" expires at \d+ here and at null/ },
    { change: ['PEXPIRE', 'hash:listpack', 100_000], seen: /"hash:listpack" expires at null here/ },
  ];
  await fillAllTypes(source);
  const found = await snapshot(source);
  for (const { change, seen } of changes) {
    await target.send('FLUSHDB');
    await copy(found, source, target);
    await target.send(...change);
    await assert.rejects(assertSameData(source, target), seen);
  }
});

async function copy(entries: ReadonlyMap<string, Snapshot>, source: TestClient, target: TestClient): Promise<void> {
  const keys = [...entries].map(([name, { expireAt }]) => ({ key: Buffer.from(name, 'latin1'), expireAt }));
  const payloads = (await source.pipeline(keys.map(({ key }) => ['DUMP', key]))) as Buffer[];
  const replies = await target.pipeline(
    keys.map(({ key, expireAt }, index) => ['RESTORE', key, expireAt ?? 0, payloads[index]!, 'ABSTTL']),
  );
  assert.ok(replies.every((reply) => String(reply) === 'OK'));
}
