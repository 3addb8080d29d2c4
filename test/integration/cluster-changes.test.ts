// Clusters that change during a copy: slots move on both sides, a primary fails on either, and no key is lost.
import { test } from 'node:test';
import { assertDone } from '../support/outcome.ts';
import { assertSameContents, startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { spawnRump, type RunningRump } from '../support/rump.ts';

const KEYS = 60_000;
/** So slow that the changes fall into the copy. */
const PACE = ['--tpslimit', '15000'];

async function fill(cluster: TestCluster): Promise<void> {
  await cluster.pipeline(
    Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value ${i}`, 'PX', 10_000_000 + i]),
  );
}

async function moveThird(cluster: TestCluster): Promise<void> {
  for (let slot = 0; slot < 16_384; slot += 3) {
    const home = cluster.homeOf(slot);
    await cluster.moveSlot(slot, home, (home + 1) % cluster.primaries);
  }
}

/** Resolves when the first keys are at the target. */
async function underWay(running: RunningRump, target: TestCluster): Promise<void> {
  await target.until('keys arrive', async () => {
    if (running.child.exitCode !== null) throw new Error(`rump ended too soon: ${running.stderr}`);
    return ((await target.clients[0]!.send('DBSIZE')) as number) > 500;
  });
}

test('A third of the slots of both clusters moves while 60,000 keys are copied, and none is lost', async (t) => {
  const [source, target] = await Promise.all([startCluster(t), startCluster(t)]);
  await fill(source);
  const running = spawnRump(['--from', source.url, '--to', target.url, ...PACE]);
  await Promise.all([moveThird(source), moveThird(target)]);
  assertDone(await running.done);
  assertSameContents(await target.contents(), await source.contents());
});

for (const side of ['source', 'target'] as const) {
  test(`A primary of the ${side} fails during a copy, and no key is lost`, async (t) => {
    const [source, target] = await Promise.all([
      startCluster(t, { replicas: side === 'source' ? 1 : 0 }),
      startCluster(t, { replicas: side === 'target' ? 1 : 0 }),
    ]);
    await fill(source);
    if (side === 'source') await Promise.all(source.clients.slice(0, 3).map((client) => client.send('WAIT', 1, 5000)));
    const before = await source.contents();
    const running = spawnRump(['--from', source.url, '--to', target.url, ...PACE]);
    await underWay(running, target);
    await { source, target }[side].failOver(1);
    assertDone(await running.done);
    assertSameContents(await target.contents(), before);
  });
}
