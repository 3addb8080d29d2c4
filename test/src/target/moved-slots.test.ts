// A RedisTarget before a cluster whose slots move: each database of a key for itself, and what it removed is not missed.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { slotOfKey } from '../../support/cluster-slot.ts';
import { entryOf } from '../../support/entries.ts';
import { handFeed, type HandFedTarget } from '../../support/hand-fed-target.ts';
import { startCluster, type ClusterOptions, type TestCluster } from '../../support/redis-cluster.ts';
import { serversWith } from '../../support/server-versions.ts';

const KEY = 'key';
const SLOT = slotOfKey(KEY);
const live = { ownNames: undefined, keeps: false };

interface Site {
  readonly cluster: TestCluster;
  readonly from: number;
  readonly to: number;
  readonly payload: Buffer;
  readonly target: HandFedTarget;
}

async function start(t: TestContext, options: ClusterOptions = {}): Promise<Site> {
  const cluster = await startCluster(t, { primaries: 2, ...options });
  const from = cluster.homeOf(SLOT);
  const client = cluster.clients[from]!;
  await client.send('SET', KEY, 'new');
  const payload = (await client.send('DUMP', KEY)) as Buffer;
  await client.send('DEL', KEY);
  const target = await handFeed(t, cluster.nodes[0]!.port, { renames: false, live });
  return { cluster, from, to: 1 - from, payload, target };
}

async function feed({ channel }: HandFedTarget, entry: ReturnType<typeof entryOf>): Promise<void> {
  channel.push(entry);
  await channel.settled();
}

test('RedisTarget does not miss a key that it has removed where its slot had moved to', async (t) => {
  const { cluster, from, to, payload, target } = await start(t);
  await feed(target, entryOf(KEY, payload));
  await cluster.moveSlot(SLOT, from, to);
  const gone = entryOf(KEY, null, { kind: 'gone' });
  await feed(target, gone);
  assert.equal(target.told.at(-1), `again ${KEY}`);
  await feed(target, gone);
  assert.equal(target.told.at(-1), 'removed 1');
  await target.finish();
  assert.deepEqual(
    target.told.filter((words) => /missing|unsaid/.test(words)),
    [],
  );
});

test('RedisTarget does not miss a key that was given another expiry there', async (t) => {
  const { cluster, from, to, payload, target } = await start(t);
  await feed(target, entryOf(KEY, payload));
  await cluster.moveSlot(SLOT, from, to);
  const soon = entryOf(KEY, payload, { expireAt: Date.now() + 1000 });
  await feed(target, soon);
  await feed(target, soon);
  await cluster.until('it has expired', async () => (await cluster.clients[to]!.send('EXISTS', KEY)) === 0);
  await target.finish();
  assert.deepEqual(
    target.told.filter((words) => /missing|unsaid/.test(words)),
    [],
  );
});

for (const { name, binary } of serversWith('valkey-9.1')) {
  test(`RedisTarget asks a node that takes a slot over to take the key of one database alone (${name})`, async (t) => {
    const { cluster, from, to, payload, target } = await start(t, { binary, args: ['--cluster-databases', '2'] });
    const [owner, taker] = await Promise.all([from, to].map((index) => cluster.nodes[index]!.client(1)));
    await owner!.send('SET', KEY, 'old');
    await cluster.markSlot(SLOT, to, 'IMPORTING', from);
    await cluster.markSlot(SLOT, from, 'MIGRATING', to);
    await feed(target, entryOf(KEY, payload, { db: 0 }));
    assert.deepEqual(target.told, [`again ${KEY}`]);
    await feed(target, entryOf(KEY, payload, { db: 1 }));
    assert.equal(String(await owner!.send('GET', KEY)), 'new');
    await feed(target, entryOf(KEY, payload, { db: 0 }));
    const [, ofTaker] = await cluster.clients[to]!.pipeline([['ASKING'], ['GET', KEY]]);
    assert.equal(String(ofTaker), 'new');
    assert.equal(await taker!.pipeline([['ASKING'], ['EXISTS', KEY]]).then(([, there]) => there), 0);
  });
}
