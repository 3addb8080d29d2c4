// Slots that stay on the move while a cluster is followed, that never stop moving, and that no node says it has: the first copy
// has an end all the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { lend } from '../support/lent-servers.ts';
import { reshardUntil } from '../support/live/cluster-faults.ts';
import { FEEDS, Following, PHASE } from '../support/live/model.ts';
import { clusterSide } from '../support/live/sides.ts';
import { TAGS } from '../support/live/writers.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { runRump } from '../support/rump.ts';
import { longTest, variants } from '../support/tier.ts';

const KEYS = 90;
const EXPIRED_MS = 1500;
const TAG = '{open}';
const SLOT = slotOfKey(TAG);

for (const feed of variants(...FEEDS)) {
  test(`A cluster with a slot whose move was broken off is followed by ${feed}, and what changes at either node`, async (t) => {
    const [source, target] = await Promise.all([startCluster(t), lend(t)]);
    const to = await target.client();
    await source.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `${TAG}:${i}`, 'first']));
    const home = source.homeOf(SLOT);
    const other = (home + 1) % 3;
    await source.openSlot(SLOT, home, other, KEYS / 3);
    const run = new Following(t, {
      endpoints: ['--from', source.url, '--to', target.url],
      feed,
      source: clusterSide(source),
    }).start();
    await run.reaches(PHASE.inSync);
    assert.equal(await to.send('DBSIZE'), KEYS);
    const [stayed, gone] = await Promise.all([home, other].map((node) => keysAt(source.clients[node]!)));
    await source.clients[home]!.pipeline([
      ['SET', stayed![0]!, 'second'],
      ['DEL', stayed![1]!],
    ]);
    for (const command of [
      ['SET', gone![0]!, 'second'],
      ['DEL', gone![1]!],
      ['SET', `${TAG}:new`, 'second'],
    ]) {
      const [, reply] = await source.clients[other]!.pipeline([['ASKING'], command]);
      assert.ok(!(reply instanceof Error), String(reply));
    }
    run.cutOver();
    assertDone(await run.done());
    const changed = await to.send('MGET', stayed![0]!, gone![0]!, `${TAG}:new`);
    assert.deepEqual((changed as Buffer[]).map(String), ['second', 'second', 'second']);
    assert.equal(await to.send('EXISTS', stayed![1]!, gone![1]!), 0);
    assert.equal(await to.send('DBSIZE'), KEYS - 1);
  });
}

longTest('Keys that expire at the node that takes a slot over hide nobody who writes elsewhere', async (t) => {
  const [source, target] = await Promise.all([startCluster(t), lend(t)]);
  const home = source.homeOf(SLOT);
  const elsewhere = Array.from({ length: 100 }, (_, i) => `elsewhere:${i}`).find(
    (key) => source.homeOfKey(key) === (home + 2) % 3,
  )!;
  await source.pipeline([['SET', elsewhere, 'first']]);
  const keys = Array.from({ length: KEYS }, (_, i) => ['SET', `${TAG}:${i}`, 'first', 'PX', EXPIRED_MS]);
  const run = new Following(t, {
    endpoints: ['--from', source.url, '--to', target.url],
    feed: 'psync',
    source: clusterSide(source),
    args: ['--linger', '6s'],
  }).start();
  await run.reaches(PHASE.inSync);
  run.cutOver();
  await run.reaches(PHASE.lingering);
  await source.pipeline(keys);
  await source.openSlot(SLOT, home, (home + 1) % 3, KEYS);
  const there = source.clients[(home + 1) % 3]!;
  await source.until('they have expired', async () => (await there.send('CLUSTER', 'COUNTKEYSINSLOT', SLOT)) === 0);
  await source.clients[(home + 2) % 3]!.send('SET', elsewhere, 'second');
  const result = await run.done();
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, new RegExp(`still written after the cutover, .*"${elsewhere}"`));
});

for (const [what, args] of variants(
  ['followed', ['--live', '--until-idle', '100ms']],
  ['copied', []],
) as readonly (readonly [string, readonly string[]])[]) {
  test(`A cluster two of whose nodes each say that the other serves a slot is ${what} after so many tries or not at all`, async (t) => {
    const [source, target] = await Promise.all([startCluster(t), lend(t)]);
    await source.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, 'first']));
    const home = source.homeOf(SLOT);
    const other = (home + 1) % 3;
    const id = String(await source.clients[other]!.send('CLUSTER', 'MYID'));
    await source.clients[home]!.send('CLUSTER', 'SETSLOT', SLOT, 'NODE', id);
    const ends = ['--from', source.url, '--to', target.url];
    const result = await runRump([...ends, ...args, '--retries', '3', '--retry-max', '100ms']);
    const error = new RegExp(
      `Cannot read all keys of the source in slots ${SLOT}: they were on the move each time, .*CLUSTER SETSLOT ${SLOT} NODE`,
    );
    assertFailed(result, { code: 75, error });
    assert.doesNotMatch(result.stderr, PHASE.lingering);
    assert.equal(await (await target.client()).send('DBSIZE'), KEYS);
  });
}

test('A cluster some of whose slots never stop moving is copied, and followed', async (t) => {
  const [source, target] = await Promise.all([startCluster(t), lend(t)]);
  const names = Array.from({ length: 4 * TAGS }, (_, i) => `{t${i % TAGS}}:${i}`);
  await source.pipeline(names.map((name) => ['SET', name, 'first']));
  const run = new Following(t, {
    endpoints: ['--from', source.url, '--to', target.url],
    feed: 'tracking',
    source: clusterSide(source),
  });
  const end = new AbortController();
  const moving = reshardUntil(end.signal, source);
  await run.start().reaches(PHASE.inSync);
  end.abort();
  await moving;
  run.cutOver();
  assertDone(await run.done());
  assert.equal(await (await target.client()).send('DBSIZE'), names.length);
});

async function keysAt(node: TestClient): Promise<Buffer[]> {
  return (await node.send('CLUSTER', 'GETKEYSINSLOT', SLOT, KEYS)) as Buffer[];
}
