// A check with clusters on either side, also while their slots move and their nodes fail.
import { test, type TestContext } from 'node:test';
import { moveMeanwhile } from '../support/changing-cluster.ts';
import { assertDifferent, assertEqual, runCheck } from '../support/check.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { lend } from '../support/lent-servers.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone } from '../support/outcome.ts';
import { startCluster, type ClusterOptions, type TestCluster } from '../support/redis-cluster.ts';
import { runRump, startRump, type RunningRump } from '../support/rump.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest } from '../support/tier.ts';

const KEYS = 20_000;
const FEW = 1500;
/** The node of a side that answers a check when it may. */
const HELD = 1;
const SOON = ['--recheck-interval', '200ms'];

interface Sides {
  readonly source: TestCluster;
  readonly target: TestCluster;
}

function numbered(keys: number): string[][] {
  return Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, `value ${i}`]);
}

async function startClusters(
  t: TestContext,
  options: { readonly source?: ClusterOptions; readonly target?: ClusterOptions; readonly keys?: number } = {},
): Promise<Sides> {
  const [source, target] = await Promise.all([startCluster(t, options.source), startCluster(t, options.target)]);
  for (const cluster of [source, target]) await cluster.pipeline(numbered(options.keys ?? KEYS));
  return { source, target };
}

/** One difference of each kind. */
async function change(source: TestCluster, target: TestCluster): Promise<void> {
  await source.pipeline([['SET', 'only:source', '1']]);
  await target.pipeline([
    ['SET', 'key:7', 'other'],
    ['SET', 'only:target', '1'],
  ]);
}

const CHANGES = ['+ only:source', '- only:target', '* key:7\tvalue'];

/** A check that compares, and is held at what it asks one node of a side for. */
async function begin(
  t: TestContext,
  { source, target }: Sides,
  side: keyof Sides,
): Promise<{ readonly running: RunningRump; readonly letGo: () => void }> {
  const { port } = { source, target }[side].nodes[HELD]!;
  const proxy = await startProxy({ port });
  t.after(() => proxy.close());
  // Not what is asked for by every connection, to see whether it may.
  proxy.hold('DUMP\r\n$9\r\nkey:1', 'up');
  const nat = [side === 'source' ? '--from-nat' : '--to-nat', `127.0.0.1:${port}=127.0.0.1:${proxy.port}`];
  const running = startRump(['check', '--from', source.url, '--to', target.url, ...nat, ...SOON]);
  await underWay(running, () => proxy.met > 0);
  const letGo = (): void => {
    proxy.letPass();
    proxy.release();
  };
  return { running, letGo };
}

test('A cluster is compared with a cluster and with a single server, both ways', async (t) => {
  const { source, target } = await startClusters(t, { keys: FEW });
  const single = await lend(t);
  assertDone(await runRump(['--from', source.url, '--to', single.url]));
  assertEqual(await runCheck(['--from', source.url, '--to', target.url]), FEW);
  assertEqual(await runCheck(['--from', single.url, '--to', target.url]), FEW);
  assertEqual(await runCheck(['--from', source.url, '--to', single.url]), FEW);
  await change(source, target);
  assertDifferent(await runCheck(['--from', source.url, '--to', target.url, ...SOON]), CHANGES);
  const others = CHANGES.filter((line) => line !== '+ only:source');
  assertDifferent(await runCheck(['--from', single.url, '--to', target.url, ...SOON]), others);
  assertDifferent(await runCheck(['--from', source.url, '--to', single.url, ...SOON]), ['+ only:source']);
});

longTest('rump check finds the differences, and no other, while slots of both clusters move', async (t) => {
  const clusters = await startClusters(t);
  const { source, target } = clusters;
  await change(source, target);
  const { running, letGo } = await begin(t, clusters, 'source');
  await moveMeanwhile([source, target], running, letGo);
  assertDifferent(await running.done, CHANGES);
});

longTest('A slot that stays open is looked for on both of its nodes', async (t) => {
  const { source, target } = await startClusters(t, { source: { spares: 1 }, target: { spares: 1 } });
  const keys = Array.from({ length: 100 }, (_, i) => `{open}:${i}`);
  for (const cluster of [source, target]) {
    await cluster.pipeline(keys.map((key) => ['SET', key, key]));
    await cluster.openSlot(slotOfKey('{open}'), cluster.homeOfKey('{open}'), 3, 40);
  }
  assertEqual(await runCheck(['--from', source.url, '--to', target.url, ...SOON]));
});

for (const side of ['target', 'source'] as const) {
  longTest(`rump check goes on where a primary of the ${side} fails`, async (t) => {
    const clusters = await startClusters(t, { [side]: { replicas: 1 } });
    const { source, target } = clusters;
    await change(source, target);
    await Promise.all(clusters[side].clients.slice(0, 3).map((client) => client.send('WAIT', 1, 5000)));
    const { running, letGo } = await begin(t, clusters, side);
    await clusters[side].failOver(HELD);
    letGo();
    assertDifferent(await running.done, CHANGES);
  });
}
