// Slots that move on both sides during a copy: no key is lost.
import { test } from 'node:test';
import { fillChanging, startSlowCopy } from '../support/changing-cluster.ts';
import { assertDone } from '../support/outcome.ts';
import { assertSameContents, startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { servers } from '../support/server-versions.ts';

async function moveThird(cluster: TestCluster): Promise<void> {
  for (let slot = 0; slot < 16_384; slot += 3) {
    const home = cluster.homeOf(slot);
    await cluster.moveSlot(slot, home, (home + 1) % cluster.primaries);
  }
}

for (const { name, binary } of servers('valkey-8.1')) {
  test(`A third of the slots of both clusters moves while 60,000 keys are copied, and none is lost (${name})`, async (t) => {
    const [source, target] = await Promise.all([startCluster(t, { binary }), startCluster(t, { binary })]);
    await fillChanging(source);
    const running = await startSlowCopy(source, target);
    await Promise.all([moveThird(source), moveThird(target)]);
    assertDone(await running.done);
    assertSameContents(await target.contents(), await source.contents());
  });
}
