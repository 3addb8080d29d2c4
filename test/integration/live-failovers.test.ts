// Sentinels of the target name another primary while a copy follows, and the old one still takes what it is given.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileFor } from '../support/broken-off.ts';
import type { TestClient } from '../support/client.ts';
import { assertSameData } from '../support/keyspace.ts';
import { FEEDS, Following, PHASE, type FeedName } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { startReplica } from '../support/replica.ts';
import { startSentinel, untilPrimary, untilReplicaKnown } from '../support/sentinel.ts';
import { longOnly, longTest, variants } from '../support/tier.ts';

const KEYS = 300;
const SOON = ['--repl-diskless-sync-delay', '0'];
/** Longer than any test. */
const NEVER_MS = 600_000;
/** Too large for one RESTORE: it has a connection of its own. */
const LARGE = ['--big-key', '2k'];

interface Sides {
  readonly from: TestClient;
  readonly target: TestServer;
  readonly replica: TestServer;
  readonly sentinel: TestServer;
  readonly run: Following;
}

for (const feed of variants(...FEEDS))
  test(`A copy that follows by ${feed} goes on at the new primary of its target, while the old one takes writes`, async (t) => {
    const { from, target, replica, sentinel, run } = await inSync(t, feed);
    const to = await replica.client();
    await to.send('REPLICAOF', 'NO', 'ONE');
    await change(from, 'lost');
    const old = await target.client();
    while ((await old.send('EXISTS', 'lost:7')) !== 1 || (await old.send('HGET', 'large', 'lost')) === null)
      await sleep(10);
    await moveTo(sentinel, replica);
    while ((await to.send('EXISTS', 'lost:7')) !== 1) await sleep(10);
    await change(from, 'later');
    while ((await to.send('HGET', 'large', 'later')) === null) await sleep(10);
    run.cutOver();
    const result = await run.done();
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /warning: the target .* was replaced, restarted or emptied/);
    await assertSameData(from, to);
  });

test('A target whose sentinels name another primary while it lingers is not done before that one has everything', async (t) => {
  const { from, replica, sentinel, run } = await inSync(t, 'psync', ['--linger', '2s']);
  const to = await replica.client();
  await to.send('REPLICAOF', 'NO', 'ONE');
  await change(from, 'lost');
  run.cutOver();
  await run.reaches(PHASE.lingering);
  await moveTo(sentinel, replica);
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  await assertSameData(from, to);
});

longTest('A target is not done while no sentinel says where its primary is, though the old one answers', async (t) => {
  const { from, replica, sentinel, run } = await inSync(t, 'psync', ['--cutover-timeout', '1s']);
  const to = await replica.client();
  await to.send('REPLICAOF', 'NO', 'ONE');
  await sentinel.stop();
  await change(from, 'lost');
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 75, result.stderr);
  assert.match(result.stderr, /Gave up on the cutover: after 1 s a server has not answered/);
  assert.doesNotMatch(result.stdout, /Sync done/);
});

longOnly(() => {
  for (const resume of ['FILE', 'target'])
    test(`A copy that follows with --resume ${resume} survives SENTINEL FAILOVER of its target, and leaves nothing there`, async (t) => {
      const args = ['--resume', resume === 'FILE' ? fileFor(t) : resume];
      const { from, replica, sentinel, run } = await inSync(t, 'psync', args);
      await untilReplicaKnown(sentinel);
      await (await sentinel.client()).send('SENTINEL', 'FAILOVER', 'main');
      await change(from, 'lost');
      await untilPrimary(sentinel, replica);
      run.cutOver();
      const result = await run.done();
      assert.equal(result.code, 0, result.stderr);
      await assertSameData(from, await replica.client());
    });
});

async function change(from: TestClient, what: string): Promise<void> {
  await from.send('DEL', `key:${what.length}`);
  await from.send('HSET', 'large', what, 'x');
  await from.pipeline(Array.from({ length: 50 }, (_, i) => ['SET', `${what}:${i}`, i]));
}

/** As a failover does it at once, for whoever asks. */
async function moveTo(sentinel: TestServer, { port }: TestServer): Promise<void> {
  const client = await sentinel.client();
  await client.pipeline([
    ['SENTINEL', 'REMOVE', 'main'],
    ['SENTINEL', 'MONITOR', 'main', '127.0.0.1', port, 1],
  ]);
}

async function inSync(t: TestContext, feed: FeedName, args: readonly string[] = []): Promise<Sides> {
  const [source, target] = await Promise.all([startServer({ args: SOON }), startServer({ args: SOON })]);
  // It moves when it is told to, and not by itself.
  const watching = startSentinel({ primary: target, downAfter: NEVER_MS });
  const [replica, sentinel] = await Promise.all([startReplica(target), watching]);
  t.after(() => Promise.all([source, target, replica, sentinel].map((server) => server.stop())));
  const from = await source.client();
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['HSET', 'large', `field:${i}`, 'x'.repeat(20)]));
  const endpoints = ['--from', source.url, '--to', `redis+sentinel://127.0.0.1:${sentinel.port}/main`];
  const run = new Following(t, {
    endpoints,
    feed,
    source: serverSide(() => source, [0]),
    args: [...LARGE, ...args],
  });
  await run.start().reaches(PHASE.inSync);
  return { from, target, replica, sentinel, run };
}
