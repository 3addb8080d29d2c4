// What a cluster's nodes say of a key that is at none of them, while they are followed: a reshard that was broken off.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { lend } from '../support/lent-servers.ts';
import { FEEDS, Following, PHASE } from '../support/live/model.ts';
import { clusterSide } from '../support/live/sides.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { variants } from '../support/tier.ts';

const [DELETED, MOVED] = ['{open}:deleted', '{open}:moved'];
const SLOT = slotOfKey('{open}');
const GONE_MS = 20_000;

for (const feed of variants(...FEEDS)) {
  test(`A key goes that is deleted where its slot has no other side, and comes where that turns up (${feed})`, async (t) => {
    const [source, server] = await Promise.all([startCluster(t), lend(t)]);
    const to = await server.client();
    const from = source.homeOf(SLOT);
    const other = (from + 1) % source.primaries;
    await source.pipeline([DELETED, MOVED].map((key) => ['SET', key, 'value']));
    const endpoints = ['--from', source.url, '--to', server.url];
    const run = new Following(t, { endpoints, feed, source: clusterSide(source) }).start();
    await run.reaches(PHASE.inSync);

    // As after a failover of the one that was taking it over: it has a key of the slot, and knows nothing of the move.
    await source.openSlot(SLOT, from, other, 0);
    const args = ['127.0.0.1', source.nodes[other]!.port, MOVED, 0, 5000];
    await source.clients[from]!.send('MIGRATE', ...args);
    await source.clients[other]!.send('CLUSTER', 'SETSLOT', SLOT, 'STABLE');
    await source.clients[from]!.send('DEL', DELETED);
    await isGone(to, run, DELETED);
    await isGone(to, run, MOVED);
    await source.markSlot(SLOT, other, 'IMPORTING', from);
    run.cutOver();
    const { code, stderr } = await run.done();
    assert.equal(code, 0, stderr);
    assert.equal(await to.send('EXISTS', DELETED), 0);
    assert.equal(String(await to.send('GET', MOVED)), 'value');
  });
}

async function isGone(to: TestClient, { running }: Following, key: string): Promise<void> {
  for (const deadline = Date.now() + GONE_MS; (await to.send('EXISTS', key)) !== 0; await sleep(10)) {
    assert.equal(running.child.exitCode, null, running.stderr);
    assert.ok(Date.now() < deadline, `${key} never went`);
  }
}
