// Tracking in a cluster: what it tells of slots that move, and of a node that loses its place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../../src/cluster/deployment.ts';
import { TrackingFeed } from '../../src/live/tracking-feed.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { openSource } from '../support/deployment.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { servers } from '../support/server-versions.ts';

const POLL_MS = 10;

for (const { name, binary } of servers('redis-6.0', 'redis-8.0', 'valkey-9.1')) {
  test(`TrackingFeed tells of keys that move, and leaves a node that is no primary any more (${name})`, async (t) => {
    const cluster = await startCluster(t, { binary, primaries: 3, replicas: 1 });
    const { deployment, link } = await openSource(cluster.nodes[0]!.port);
    const feeds = followAll(deployment, link);
    await Promise.all(feeds.map(({ feed }) => feed.attach()));
    t.after(() => {
      for (const { feed } of feeds) feed.detach();
      deployment.close();
    });
    const at = cluster.homeOfKey('key');
    const [here, there] = [at, (at + 1) % 3].map((index) =>
      feeds.find(({ port }) => port === cluster.nodes[index]!.port),
    );
    await cluster.clients[at]!.send('SET', 'key', 1);
    await here!.feed.caughtUp();
    assert.deepEqual([...here!.keys], ['key']);
    here!.keys.clear();
    await cluster.moveSlot(slotOfKey('key'), at, (at + 1) % 3);
    await Promise.all([here!.feed.caughtUp(), there!.feed.caughtUp()]);
    assert.ok(here!.keys.has('key') && there!.keys.has('key'));
    assert.deepEqual(
      feeds.flatMap(({ gaps }) => gaps),
      [],
    );

    await cluster.takeOver(at + 3);
    while (!here!.gaps.some((reason) => reason.endsWith('is no primary any more'))) await sleep(POLL_MS);
    await here!.feed.caughtUp();
    assert.deepEqual(there!.gaps, []);
  });
}

function followAll(deployment: Deployment, link: Awaited<ReturnType<typeof openSource>>['link']) {
  return deployment.topology.nodes.map((node) => {
    const told = { keys: new Set<string>(), gaps: [] as string[] };
    const feed = new TrackingFeed(deployment, node, link, {
      onChange: (_, key) => void told.keys.add(key.toString()),
      onGap: ({ reason }) => void told.gaps.push(reason),
      onFailed: assert.fail,
    });
    return { feed, port: 'port' in node.peer ? node.peer.port : 0, ...told };
  });
}
