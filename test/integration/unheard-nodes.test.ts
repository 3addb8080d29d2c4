// A slot of a part that passes through a node which is only just being followed: what is deleted there meanwhile nobody tells.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestClient } from '../support/client.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { dumpsOf } from '../support/command-stats.ts';
import { lend } from '../support/lent-servers.ts';
import { Following, PHASE } from '../support/live/model.ts';
import { clusterSide } from '../support/live/sides.ts';
import { assertDone } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { longTest } from '../support/tier.ts';
import { parsePlan } from '../../src/sync/workers-plan.ts';

/** Slots of the first node: one passes through the second node, one goes there and one to the third node before that. */
const [PASSING, BEFORE, AHEAD] = ['{t6}', '{t3}', '{t7}'];
/** As long as nobody says otherwise, who wants to follow waits so many seconds for it. */
const FOLLOWED_IN = 600;

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
  const { stdout } = await runRump(['plan', '--workers', '3', '--from', source.url]);
  const path = join(folderOf(t), 'plan.json');
  writeFileSync(path, stdout);
  const { shares } = parsePlan(stdout, path);
  const part = 1 + shares.findIndex(({ slots }) => slots.some(([from, until]) => from <= slot && slot <= until));

  const run = new Following(t, {
    endpoints: ['--from', source.url, '--to', target.url],
    feed: 'psync',
    source: clusterSide(source),
    args: ['--plan', path, '--partition', `${part}/3`],
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
