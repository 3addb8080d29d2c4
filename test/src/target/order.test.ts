// Whatever ways the readings of one key go to a real server, the last one is written last.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LargeValue } from '../../../src/flow/entry.ts';
import { TransferLimits } from '../../../src/server/transfer-limits.ts';
import type { TestClient } from '../../support/client.ts';
import { entryOf } from '../../support/entries.ts';
import { handFeed } from '../../support/hand-fed-target.ts';
import { createCluster, type TestCluster } from '../../support/redis-cluster.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

/** What is longer goes by commands. */
const LIMIT = 100;
const LATE_MS = 200;

let server: TestServer;
let client: TestClient;
let cluster: TestCluster;

before(async () => {
  server = await startServer();
  client = await server.client();
  cluster = await createCluster({ primaries: 1 });
  for (const each of [client, cluster.clients[0]!]) await each.send('CONFIG', 'SET', 'rdbcompression', 'no');
});
after(() => Promise.all([server.stop(), cluster.stop()]));

/** With a length at which it goes by RESTORE, or by commands. */
async function payloadOf(value: string, length = value.length): Promise<Buffer> {
  await client.send('SET', 'made', value.padEnd(length, '.'));
  return (await client.send('DUMP', 'made')) as Buffer;
}

function largeOf(value: string, onRead: () => void = () => {}): LargeValue {
  return {
    type: 'string',
    reading: 'same',
    length: value.length,
    async *pieces() {
      onRead();
      yield { type: 'string', value: Buffer.from(value) };
    },
  };
}

async function valueAt(from: TestClient): Promise<string> {
  return String(await from.send('GET', 'key')).replace(/\.+$/, '');
}

test('RedisTarget leaves out a reading that RESTORE cannot carry where a newer one waits behind it at the node', async (t) => {
  const [node] = cluster.nodes;
  const [first, second] = [await payloadOf('first', 2 * LIMIT), await payloadOf('second')];
  const { channel, told } = await handFeed(t, node!.port, { renames: false, limits: new TransferLimits(LIMIT) });
  // The node has no connection yet.
  channel.push(entryOf('key', first));
  channel.push(entryOf('key', second));
  await channel.settled();
  assert.equal(await valueAt(cluster.clients[0]!), 'second');
  assert.equal(told.length, 1, told.join(', '));
});

test('SlowPath leaves out what waits where a newer reading of the key comes, and writes that last', async (t) => {
  const { channel, told } = await handFeed(t, server.port, { limits: new TransferLimits(LIMIT) });
  const [first, second] = [await payloadOf('first', 2 * LIMIT), await payloadOf('second')];
  channel.push(entryOf('key', first));
  channel.push(entryOf('key', second));
  channel.push(entryOf('key', null, { kind: 'large', large: largeOf('third') }));
  await channel.settled();
  assert.equal(await valueAt(client), 'third');
  assert.equal(told.filter((words) => words.startsWith('written')).length, 2, told.join(', '));
});

test('SlowPath keeps what waits of another key that has the same name at the target', async (t) => {
  const { channel, told } = await handFeed(t, server.port, { limits: new TransferLimits(LIMIT) });
  const long = [await payloadOf('of 0', 2 * LIMIT), await payloadOf('of 1', 2 * LIMIT)];
  const last = await payloadOf('last');
  for (const db of [0, 1, 0]) channel.push(entryOf('key', long[db]!, { db }));
  channel.push(entryOf('key', last));
  await channel.settled();
  assert.equal(await valueAt(client), 'last');
  const other = await server.client(1);
  assert.equal(await valueAt(other), 'of 1');
  assert.equal(told.filter((words) => words.startsWith('written')).length, 3, told.join(', '));
});

test('SlowPath begins nothing while an older reading of the key is on its way to the node', async (t) => {
  const proxy = await startProxy({ port: server.port });
  t.after(() => proxy.close());
  const { channel, write } = await handFeed(t, proxy.port, { limits: new TransferLimits(LIMIT) });
  // Both ways have their connections.
  for (const name of ['small', 'long']) await write(entryOf(name, await payloadOf(name, name.length ** 4)));
  const [old, large] = [await payloadOf('old'), largeOf('new')];
  proxy.delayUp(LATE_MS);
  channel.push(entryOf('key', old));
  while (proxy.waiting === 0) await sleep(1);
  proxy.delayUp(0);
  channel.push(entryOf('key', null, { kind: 'large', large }));
  await channel.settled();
  assert.equal(await valueAt(client), 'new');
});

test('SlowPath removes nothing that a newer reading has written: what is gone waits for its turn', async (t) => {
  const live = { ownNames: undefined, keeps: false };
  const { channel } = await handFeed(t, server.port, { live, limits: new TransferLimits(LIMIT) });
  const [first, second] = [await payloadOf('first', 2 * LIMIT), await payloadOf('second', 2 * LIMIT)];
  const third = await payloadOf('third');
  channel.push(entryOf('key', first));
  channel.push(entryOf('key', null, { kind: 'gone' }));
  await channel.settled();
  assert.equal(await client.send('EXISTS', 'key'), 0);
  channel.push(entryOf('key', second));
  channel.push(entryOf('key', null, { kind: 'gone' }));
  channel.push(entryOf('key', third));
  await channel.settled();
  assert.equal(await valueAt(client), 'third');
});
