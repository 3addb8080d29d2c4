// Slots that move while they are followed: what is deleted where nobody listens yet, and what is written behind a deletion.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { dumpsOf } from '../support/command-stats.ts';
import { lend } from '../support/lent-servers.ts';
import { FEEDS, Following, PHASE } from '../support/live/model.ts';
import { clusterSide } from '../support/live/sides.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone } from '../support/outcome.ts';
import { startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';
import { parsePlan } from '../../src/sync/workers-plan.ts';

/** Slots of the first node: one passes through the second node, one goes there and one to the third node before that. */
const [PASSING, BEFORE, AHEAD] = ['{t6}', '{t3}', '{t7}'];
/** As long as nobody says otherwise, who wants to follow waits so many seconds for it. */
const FOLLOWED_IN = 600;
/** Two looks of rump at who serves what. */
const LOOKED_MS = 2500;

/** What INFO replication says. */
async function infoOf(client: TestClient, field: string): Promise<string | undefined> {
  return new RegExp(`^${field}:(\\S*)`, 'm').exec(String(await client.send('INFO', 'replication')))?.[1];
}

longTest('What is deleted at a node before that is followed goes, though its slot is elsewhere by then', async (t) => {
  const [source, target] = await Promise.all([startCluster(t), lend(t)]);
  const to = await target.client();
  const [slot, before, ahead] = [PASSING, BEFORE, AHEAD].map(slotOfKey) as [number, number, number];
  const home = source.homeOf(slot);
  const [between, end] = [(home + 1) % 3, (home + 2) % 3];
  const node = source.clients[between]!;
  // A node that nobody follows forgets soon what it has told, and begins to tell only with a snapshot.
  await node.send('CONFIG', 'SET', 'repl-backlog-ttl', 1);
  const names = Array.from({ length: 3000 }, (_, i) => `key:${i}`);
  const [goes, stays, moved] = [`${PASSING}:goes`, `${PASSING}:stays`, `${BEFORE}:1`];
  const tags = [goes, stays, moved, `${AHEAD}:1`];
  await source.pipeline([...names, ...tags].map((key) => ['SET', key, 'first']));
  const run = new Following(t, {
    endpoints: ['--from', source.url, '--to', target.url],
    feed: 'psync',
    source: clusterSide(source),
    args: await partOf(t, source, slot),
  }).start();
  await run.reaches(PHASE.inSync);
  await source.moveSlot(ahead, home, end);
  await run.reaches(/serves slots by now/);
  // There and back: the node is read from then on, and followed no more.
  await source.moveSlot(before, home, between);
  await node.send('SET', moved, 'second');
  await source.until('the change is there', async () => String(await to.send('GET', moved)) === 'second');
  await source.moveSlot(before, between, home);
  await source.until('nobody follows', async () => (await infoOf(node, 'repl_backlog_active')) === '0');
  await node.send('CONFIG', 'SET', 'repl-diskless-sync', 'yes');
  await node.send('CONFIG', 'SET', 'repl-diskless-sync-delay', FOLLOWED_IN);
  await source.moveSlot(before, home, between);
  await source.until('somebody waits', async () => (await infoOf(node, 'connected_slaves')) === '1');

  await node.send('CONFIG', 'RESETSTAT');
  await source.moveSlot(slot, home, between);
  await source.until('it is read there', async () => (await dumpsOf(node)) >= 2);
  await node.send('DEL', goes);
  await source.moveSlot(slot, between, end);
  assert.equal(await to.send('EXISTS', goes), 1, 'the fault is not there');
  await node.send('CONFIG', 'SET', 'repl-diskless-sync-delay', 0);

  run.cutOver();
  assertDone(await run.done());
  assert.equal(await to.send('EXISTS', goes), 0);
  const kept = await to.pipeline(tags.slice(1).map((key) => ['GET', key]));
  assert.deepEqual(kept.map(String), ['first', 'second', 'first']);
});

for (const feed of FEEDS) {
  longTest(
    `What is deleted at a node that is not heard goes, where that is no primary any more with its last slot (${feed})`,
    async (t) => {
      const [source, target] = await Promise.all([startCluster(t, { spares: 1 }), lend(t)]);
      const to = await target.client();
      const slot = slotOfKey(PASSING);
      const [home, spare] = [source.homeOf(slot), source.primaries];
      const node = source.clients[spare]!;
      const [goes, stays] = [`${PASSING}:goes`, `${PASSING}:stays`];
      await source.pipeline([goes, stays].map((key) => ['SET', key, 'value']));
      await source.moveSlot(slot, home, spare);
      const { port } = source.nodes[spare]!;
      const proxy = await startProxy({ port });
      t.after(() => proxy.close());
      const nat = ['--from-nat', `127.0.0.1:${port}=127.0.0.1:${proxy.port}`];
      const run = new Following(t, {
        endpoints: ['--from', source.url, ...nat, '--to', target.url],
        feed,
        source: clusterSide(source),
        args: ['--retries', '20', '--retry-max', '30s'],
      }).start();
      await run.reaches(PHASE.inSync);
      proxy.refuse();
      proxy.cut();
      // From then on nobody tries again for longer than from one look at who is there to the next.
      await run.reaches(/trying again in .* \(7 of 20\)/);
      await node.send('DEL', goes);
      // With its last slot it may become a replica by itself, and say so in place of the last answer.
      await source.moveSlot(slot, spare, home).catch(() => {});
      const id = String(await source.clients[home]!.send('CLUSTER', 'MYID'));
      await source.until('it is a replica', async () => {
        await node.pipeline([['CLUSTER', 'REPLICATE', id]]);
        return (await infoOf(node, 'role')) === 'slave';
      });
      await sleep(LOOKED_MS);
      run.cutOver();
      assertDone(await run.done());
      assert.deepEqual(await to.pipeline([goes, stays].map((key) => ['EXISTS', key])), [0, 1]);
    },
  );
}

longTest(
  'A worker takes nobody for a writer where a slot goes to a node that it does not follow, and comes back',
  async (t) => {
    const [source, target] = await Promise.all([startCluster(t), lend(t)]);
    const slot = slotOfKey(PASSING);
    const home = source.homeOf(slot);
    const other = (home + 1) % 3;
    await source.pipeline(Array.from({ length: 20 }, (_, i) => ['SET', `${PASSING}:${i}`, 'first']));
    const run = new Following(t, {
      endpoints: ['--from', source.url, '--to', target.url],
      feed: 'tracking',
      source: clusterSide(source),
      args: [...(await partOf(t, source, slot)), '--linger', '3s'],
    }).start();
    await run.reaches(PHASE.inSync);
    run.cutOver();
    await run.reaches(PHASE.lingering);
    for (let times = 0; times < 5; times++) {
      await source.moveSlot(slot, home, other);
      await source.moveSlot(slot, other, home);
      await sleep(LOOKED_MS / 5);
    }
    const result = await run.done();
    assertDone(result);
    assert.doesNotMatch(result.stderr, /still written/);
  },
);

for (const [where, isBefore] of variants(
  ['there before it moved', true],
  ['where it has moved to', false],
) as readonly (readonly [string, boolean])[]) {
  test(`What was read of a slot before it moved is not there for ever where it was deleted ${where}, and is written behind that`, async (t) => {
    const [source, target] = await Promise.all([startCluster(t), lend(t)]);
    const to = await target.client();
    const slot = slotOfKey(PASSING);
    const [home, end] = [source.homeOf(slot), (source.homeOf(slot) + 1) % 3];
    const [goes, stays] = [`${PASSING}:goes`, `${PASSING}:stays`];
    await source.pipeline([goes, stays].map((key) => ['SET', key, `value of ${key}`]));
    const [late, slow] = await Promise.all([
      startProxy({ port: source.nodes[home]!.port }),
      startProxy({ port: target.port }),
    ]);
    t.after(() => Promise.all([late.close(), slow.close()]));
    late.hold(`value of ${goes}`, 'down');
    const nat = ['--from-nat', `127.0.0.1:${source.nodes[home]!.port}=127.0.0.1:${late.port}`];
    const run = new Following(t, {
      endpoints: ['--from', source.nodes[end]!.url, ...nat, '--to', slow.url],
      feed: 'tracking',
      source: clusterSide(source),
    }).start();
    await underWay(run.running, () => late.met > 0);

    // A round is held up, so that what changes meanwhile is read when all know where the slot is.
    const other = source.clients[(home + 2) % 3]!;
    slow.stall('down');
    const name = Array.from({ length: 100 }, (_, i) => `key:${i}`).find(
      (key) => source.clients[source.homeOfKey(key)] === other,
    )!;
    await other.send('SET', name, 'round');
    await underWay(run.running, async () => (await to.send('EXISTS', name)) === 1);
    if (isBefore) await source.clients[home]!.send('DEL', goes);
    await source.moveSlot(slot, home, end);
    if (!isBefore) await source.clients[end]!.send('DEL', goes);
    await sleep(LOOKED_MS);
    // What the same node tells behind the deletion is there, and so would be what it told before.
    const behind = Array.from({ length: 100 }, (_, i) => `behind:${i}`).find(
      (key) => source.clients[source.homeOfKey(key)] === source.clients[end],
    )!;
    await source.clients[end]!.send('SET', behind, 'told');
    slow.unstall('down');
    await underWay(run.running, async () => (await to.send('EXISTS', behind)) === 1);
    // Another round begins only when that one is over.
    await other.send('SET', name, 'another round');
    await underWay(run.running, async () => String(await to.send('GET', name)) === 'another round');
    late.letPass();
    late.release();
    await run.reaches(PHASE.inSync);
    run.cutOver();
    assertDone(await run.done());
    assert.deepEqual(await to.send('EXISTS', goes, stays), 1);
  });
}

/** What makes a worker of the part that the slot is of, one of three. */
async function partOf(t: TestContext, source: TestCluster, slot: number): Promise<string[]> {
  const { stdout } = await runRump(['plan', '--workers', '3', '--from', source.url]);
  const path = join(folderOf(t), 'plan.json');
  writeFileSync(path, stdout);
  const { shares } = parsePlan(stdout, path);
  const part = 1 + shares.findIndex(({ slots }) => slots.some(([from, until]) => from <= slot && slot <= until));
  return ['--plan', path, '--partition', `${part}/3`];
}
