// A primary that fails during a copy, on either side: no key is lost.
import { test } from 'node:test';
import { fillChanging, startSlowCopy } from '../support/changing-cluster.ts';
import { assertDone } from '../support/outcome.ts';
import { assertSameContents, startCluster } from '../support/redis-cluster.ts';
import { servers } from '../support/server-versions.ts';

for (const { name, binary } of servers('valkey-8.1')) {
  for (const side of ['source', 'target'] as const) {
    test(`A primary of the ${side} fails during a copy, and no key is lost (${name})`, async (t) => {
      const [source, target] = await Promise.all([
        startCluster(t, { binary, replicas: side === 'source' ? 1 : 0 }),
        startCluster(t, { binary, replicas: side === 'target' ? 1 : 0 }),
      ]);
      await fillChanging(source);
      // What a replica does not have yet is lost with its primary, whoever copies.
      if (side === 'source')
        await Promise.all(source.clients.slice(0, 3).map((client) => client.send('WAIT', 1, 5000)));
      const before = await source.contents();
      const running = await startSlowCopy(source, target);
      await { source, target }[side].failOver(1);
      assertDone(await running.done);
      assertSameContents(await target.contents(), before);
    });
  }
}
