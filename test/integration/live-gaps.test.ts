// What changes while nobody tells: deletes are found as well as writes, and what is the target's own stays.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { lend } from '../support/lent-servers.ts';
import { SMALL_BACKLOG } from '../support/live/faults.ts';
import { FEEDS, Following, PHASE, type FeedName } from '../support/live/model.ts';
import { clusterSide, serverSide } from '../support/live/sides.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startPair } from '../support/server-pair.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';

const KEYS = 600;
/** Far more than the backlog holds. */
const NOISE_BYTES = 100_000;

interface Gap {
  readonly from: TestClient;
  readonly to: TestClient;
  readonly run: Following;
  readonly door: TcpProxy;
}

for (const feed of variants(...FEEDS)) {
  test(`What is deleted and written while ${feed} is lost is so at the target, and its own key stays`, async (t) => {
    const { from, to, run, door } = await follow(t, feed);
    door.refuse();
    door.cut();
    await from.send('DEL', ...keys(0, KEYS / 3));
    await from.pipeline(keys(KEYS / 3, (2 * KEYS) / 3).map((key) => ['SET', key, 'new']));
    await from.send('SET', 'noise', 'x'.repeat(NOISE_BYTES));
    await door.accept();
    await arrives(to, run, 'noise');
    await over(run);
    assert.equal(await to.send('EXISTS', ...keys(0, KEYS / 3)), 0);
    const written = (await to.send('MGET', ...keys(KEYS / 3, (2 * KEYS) / 3))) as Buffer[];
    assert.ok(written.every((value) => String(value) === 'new'));
    assert.equal(await to.send('DBSIZE'), await from.send('DBSIZE').then((size) => (size as number) + 1));
    assert.equal(String(await to.send('GET', 'own')), 'mine');
  });
}

for (const feed of variants(...FEEDS)) {
  test(`FLUSHALL of a source that is followed by ${feed} leaves the target its own key`, async (t) => {
    const { from, to, run } = await follow(t, feed);
    await from.pipeline([['FLUSHALL'], ['SET', 'noise', 1]]);
    await arrives(to, run, 'noise');
    await over(run);
    assert.deepEqual(((await to.send('KEYS', '*')) as Buffer[]).map(String).toSorted(), ['noise', 'own']);
  });
}

for (const feed of variants(...FEEDS.toReversed())) {
  test(`Behind a gap nothing is read of a server that ${feed} has left, though it still answers`, async (t) => {
    const { from, run, door, to } = await follow(t, feed);
    const other = await lend(t);
    const there = await other.client();
    await there.pipeline(keys(0, KEYS).map((key) => ['SET', key, 'new']));
    door.leadTo(other.port);
    await from.send('CLIENT', 'KILL', 'TYPE', feed === 'psync' ? 'replica' : 'pubsub');
    await run.reaches(/warning: .* are read once more/);
    await over(run);
    const values = (await to.send('MGET', ...keys(0, KEYS))) as Buffer[];
    assert.equal(values.filter((value) => String(value) === 'new').length, KEYS);
  });
}

longTest('Keys for which there was no room are read, whenever that shows', async (t) => {
  const cluster = await startCluster(t, { primaries: 1 });
  const target = await lend(t);
  const endpoints = ['--from', cluster.url, '--to', target.url];
  const args = ['--names-limit', '100'];
  const run = new Following(t, { endpoints, feed: 'tracking', source: clusterSide(cluster), args }).start();
  await run.reaches(PHASE.inSync);
  target.pause();
  const write = (some: readonly string[]): Promise<unknown> =>
    cluster.clients[0]!.pipeline(some.map((key) => ['SET', key, 1]));
  await write(keys(0, KEYS));
  await run.reaches(/warning: more than 100 keys have changed and are not read yet/);
  await write(keys(KEYS, 3 * KEYS));
  target.resume();
  await over(run);
  assert.equal(await (await target.client()).send('EXISTS', ...keys(0, 3 * KEYS)), 3 * KEYS);
});

test('Streams that are read once more leave room for what changes', async (t) => {
  const { from, to, source, endpoints } = await startPair(t);
  const streams = keys(0, 20);
  await from.pipeline(streams.map((key) => ['XADD', key, '1-1', 'field', 1]));
  const args = ['--names-limit', '20', '--settle', '20ms'];
  const run = new Following(t, { endpoints, feed: 'tracking', source: serverSide(() => source, [0]), args }).start();
  await run.reaches(PHASE.inSync);
  const reads = async (): Promise<number> =>
    Number(/cmdstat_dump:calls=(\d+)/.exec(String(await from.send('INFO', 'commandstats')))?.[1] ?? 0);
  const begun = await reads();
  for (let i = 0; (await reads()) < begun + 200; i++) await from.pipeline(keys(20, 25).map((key) => ['SET', key, i]));
  await from.pipeline(streams.map((key) => ['XGROUP', 'CREATE', key, 'group', '0']));
  await over(run);
  assert.doesNotMatch(run.stderr, /more than 20 keys have changed/);
  const groups = await to.pipeline(streams.map((key) => ['XINFO', 'GROUPS', key]));
  assert.ok(groups.every((reply) => (reply as unknown[]).length === 1));
});

/** In sync, with a key of the target's own. */
async function follow(t: TestContext, feed: FeedName): Promise<Gap> {
  const { source, from, to, target } = await startPair(t, { source: { args: SMALL_BACKLOG } });
  const door = await startProxy(source);
  t.after(() => door.close());
  await from.pipeline(keys(0, KEYS).map((key) => ['SET', key, 'old']));
  await to.send('SET', 'own', 'mine');
  const endpoints = ['--from', door.url, '--to', target.url];
  const run = new Following(t, { endpoints, feed, source: serverSide(() => source, [0]) }).start();
  await run.reaches(PHASE.inSync);
  return { from, to, run, door };
}

async function arrives(to: TestClient, { running }: Following, key: string): Promise<void> {
  while ((await to.send('EXISTS', key)) === 0) {
    assert.equal(running.child.exitCode, null, running.stderr);
    await sleep(10);
  }
}

async function over(run: Following): Promise<void> {
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /Sync done\.\n$/);
}

function keys(first: number, end: number): string[] {
  return Array.from({ length: end - first }, (_, i) => `key:${first + i}`);
}
