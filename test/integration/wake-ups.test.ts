// Many nodes read into one channel: whoever waits for room in it goes on, whatever becomes of the keys of the others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertDone } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startServer } from '../support/redis-server.ts';
import { runRump } from '../support/rump.ts';

const KEYS = 20_000;
/** Of six runs, four never ended. */
const DRY_RUNS = 3;

test('rump --dry-run counts what the six nodes of a cluster have, each time', async (t) => {
  const [cluster, server] = await Promise.all([startCluster(t, { primaries: 6 }), startServer()]);
  t.after(() => server.stop());
  const to = await server.client();
  await to.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
  assertDone(await runRump(['--from', server.url, '--to', cluster.url]));

  for (let run = 0; run < DRY_RUNS; run++) {
    const { code, stderr } = await runRump(['--dry-run', '--from', cluster.url, '--to', server.url]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /string +20,000 /);
  }
});
