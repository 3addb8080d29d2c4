// Copies that go on where their target may have lost meanwhile what it had acknowledged: it gets that once more.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import {
  fileFor,
  keepingAt,
  keptAt,
  keptIn,
  kill,
  KEYS,
  removalAt,
  setAll,
  sizeOf,
  SLOWLY,
} from '../support/broken-off.ts';
import type { TestClient } from '../support/client.ts';
import { dumpsOf } from '../support/command-stats.ts';
import { assertSameData } from '../support/keyspace.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { startCluster, type ClusterOptions, type TestCluster } from '../support/redis-cluster.ts';
import { startServer } from '../support/redis-server.ts';
import { runRump, spawnRump, startRump } from '../support/rump.ts';
import { Standing } from '../support/live/standing.ts';
import { startPair } from '../support/server-pair.ts';
import { assertSame } from '../support/snapshot.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';

for (const store of variants('file', 'target')) {
  test(`A target that was flushed meanwhile gets everything once more (progress: ${store})`, async (t) => {
    const { from, to, endpoints } = await startPair(t);
    const file = store === 'file' ? fileFor(t) : 'target';
    await from.pipeline(setAll(KEYS));
    const running = spawnRump([...endpoints, ...SLOWLY, '--resume', file]);
    await underWay(running, async () => (store === 'file' ? keptIn(file) : await keptAt(to)) > 0);
    await kill(running);
    await to.send('FLUSHALL');
    const result = await runRump([...endpoints, '--resume', file]);
    assertDone(result);
    if (store === 'file')
      assert.match(result.stderr, /warning: the target .* was flushed.*: all of it is copied once more$/m);
    assert.equal(await sizeOf(to), KEYS);
  });
}

longTest('A target that comes back with older data is gone on with as of then, by what it keeps itself', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline(setAll(KEYS));
  const proxy = await startProxy({ port: target.port });
  t.after(() => proxy.close());
  const args = ['--from', source.url, '--to', proxy.url, '--resume', 'target'];
  const running = spawnRump([...args, ...SLOWLY]);
  await underWay(running, async () => (await keptAt(to)) > 0);
  await to.send('SAVE');
  const saved = await sizeOf(to);
  await underWay(running, async () => (await sizeOf(to)) > saved + 100);
  await kill(running);
  const older = await startServer({ args: ['--dir', target.dir, '--dbfilename', 'dump.rdb'] });
  t.after(() => older.stop());
  proxy.leadTo(older.port);
  proxy.cut();
  await from.send('CONFIG', 'RESETSTAT');
  const result = await runRump(args);
  assertDone(result);
  assert.match(result.stderr, /^rump: warning: the copy goes on from the checkpoint in database 0 of /m);
  assert.ok((await dumpsOf(from)) < KEYS, 'everything was read again');
  await assertSameData(from, await older.client());
});

test('A target that is lost while the first progress is kept there, or the last is removed, is asked again', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline(setAll(10));
  const proxy = await startProxy({ port: target.port });
  t.after(() => proxy.close());
  proxy.hold(keepingAt(0), 'up');
  const running = startRump(['--from', source.url, '--to', proxy.url, '--resume', 'target', '--retry-max', '10ms']);
  await underWay(running, () => proxy.met > 0);
  assert.equal(await sizeOf(to), 0, 'something was written before its progress was kept');
  proxy.hold(removalAt(0), 'up');
  proxy.cut();
  await underWay(running, () => proxy.met > 1);
  proxy.letPass();
  proxy.cut();
  const result = await running.done;
  assertDone(result);
  assert.equal(
    result.stderr.match(/^rump: lost the target .*; trying again in \S+ \S+ \(1 of 10\)$/gm)?.length,
    2,
    result.stderr,
  );
  assert.equal(await sizeOf(to), 10);
});

/** Of each of two databases. The values of the first go at once, those of the second take ten seconds. */
const KEYS_EACH = 1000;
const VALUES = ['small', randomBytes(500).toString('hex')];
const PACE = ['--bwlimit', '100k', '--count', '50'];

for (const [what, command] of variants(
  ...([
    ['A database that was flushed', ['FLUSHDB']],
    ['Databases that were swapped', ['SWAPDB', 0, 1]],
  ] as const),
)) {
  test(`${what} before the target began again: all is copied once more`, async (t) => {
    const [source, standing] = await Promise.all([startServer(), Standing.start(t, { keeps: true })]);
    t.after(() => source.stop());
    for (const [db, value] of VALUES.entries()) await (await source.client(db)).pipeline(setAll(KEYS_EACH, value));
    const ends = ['--from', source.url, '--to', standing.url, '--resume', 'target'];
    const args = [...ends, '--db', '0,1', '--db-map', '0:1,1:0'];
    const running = spawnRump([...args, ...PACE]);
    const to = await standing.server.client();
    await underWay(running, async () => (await keptAt(to)) > KEYS_EACH);
    await kill(running);
    await (await standing.server.client(1)).send(...command);
    await standing.restart();
    const result = await runRump(args);
    assertDone(result);
    assert.match(
      result.stderr,
      /^rump: warning: the checkpoint in database 0 of .* has nothing that still counts, as key rump:checkpoint:\S+ .* is not there: /m,
    );
    const others = await Promise.all([source.client(1), standing.server.client(0)]);
    await assertSameData(...others);
    await assertSameData(await source.client(0), await standing.server.client(1));
  });
}

for (const [what, lose, reason, repair] of [
  [
    'is lost',
    async (proxy) => {
      proxy.refuse();
      proxy.cut();
    },
    /^rump: Cannot connect to .*: connection refused/,
    async (proxy) => proxy.accept(),
  ],
  [
    'is full',
    async (_, to) => void (await to.send('CONFIG', 'SET', 'maxmemory', '1mb')),
    /^rump: Cannot write to .*: OOM /,
    async (_, to) => void (await to.send('CONFIG', 'SET', 'maxmemory', '0')),
  ],
] as readonly (readonly [
  string,
  (proxy: TcpProxy, to: TestClient) => Promise<void>,
  RegExp,
  (proxy: TcpProxy, to: TestClient) => Promise<void>,
])[]) {
  test(`Where the target ${what} the exit code is 75, and the same command goes on`, async (t) => {
    const { source, target, from, to } = await startPair(t);
    const file = fileFor(t);
    await from.pipeline(setAll(KEYS));
    const proxy = await startProxy({ port: target.port });
    t.after(() => proxy.close());
    const args = ['--from', source.url, '--to', proxy.url, '--retries', '1', '--retry-max', '10ms', '--resume', file];
    const running = startRump([...args, ...SLOWLY]);
    await underWay(running, () => keptIn(file) > 0);
    await lose(proxy, to);
    const broken = await running.done;
    assertFailed(broken, { code: 75, error: reason });
    assert.match(broken.stderr, /^rump: warning: the same command goes on from here/m);
    await repair(proxy, to);
    await from.send('CONFIG', 'RESETSTAT');
    assertDone(await runRump([...args]));
    assert.ok((await dumpsOf(from)) < KEYS, 'everything was read again');
    await assertSameData(from, to);
  });
}

/** A copy into a cluster that was killed when each node kept some of it. */
async function killedInCluster(
  t: TestContext,
  options: ClusterOptions,
): Promise<{ source: TestCluster; target: TestCluster; args: string[] }> {
  const [source, target] = await Promise.all([startCluster(t), startCluster(t, options)]);
  await source.pipeline(setAll(KEYS));
  const args = ['--from', source.url, '--to', target.url, '--resume', 'target'];
  const running = spawnRump([...args, ...SLOWLY]);
  const primaries = target.clients.slice(0, target.primaries);
  await underWay(running, async () => (await Promise.all(primaries.map(keptAt))).every((keys) => keys > KEYS / 10));
  await kill(running);
  return { source, target, args };
}

longTest(
  'A node of a target whose slots went to others, its key the first of them, may have lost what came later',
  async (t) => {
    const { source, target, args } = await killedInCluster(t, {});
    const [node, other] = [1, 0];
    const slots = Array.from({ length: 16_384 }, (_, slot) => slot).filter((slot) => target.homeOf(slot) === node);
    await target.moveSlot(slots[0]!, node, other);
    await target.clients[node]!.send('FLUSHALL');
    const id = String(await target.clients[other]!.send('CLUSTER', 'MYID'));
    for (const client of target.clients)
      await client.pipeline(slots.slice(1).map((slot) => ['CLUSTER', 'SETSLOT', slot, 'NODE', id]));
    const result = await runRump(args);
    assertDone(result);
    assert.match(
      result.stderr,
      /has nothing that still counts, as the target 127\.0\.0\.1:\d+ serves no slot any more, .*: the copy begins anew$/m,
    );
    assertSame(await target.contents(), await source.contents());
  },
);

longTest('A node of a target that has failed over goes on with what was kept there', async (t) => {
  const { source, target, args } = await killedInCluster(t, { replicas: 1 });
  await target.takeOver(4);
  const result = await runRump(args);
  assertDone(result);
  assert.match(result.stderr, /^rump: warning: the copy goes on from the checkpoint in database 0 of /m);
  assertSame(await target.contents(), await source.contents());
});
