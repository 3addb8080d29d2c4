// A check with clusters on either side, also while their slots move and their nodes fail.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { moveMeanwhile } from '../support/changing-cluster.ts';
import { assertDifferent, assertEqual, runCheck } from '../support/check.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { lend } from '../support/lent-servers.ts';
import { assertDone } from '../support/outcome.ts';
import { startCluster, type ClusterOptions, type TestCluster } from '../support/redis-cluster.ts';
import { runRump, startRump, type RunningRump } from '../support/rump.ts';
import { longTest } from '../support/tier.ts';

const KEYS = 20_000;
const FEW = 1500;
const SOON = ['--recheck-interval', '200ms'];

function numbered(keys: number): string[][] {
  return Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, `value ${i}`]);
}

async function startClusters(
  t: TestContext,
  options: { readonly source?: ClusterOptions; readonly target?: ClusterOptions; readonly keys?: number } = {},
): Promise<{ source: TestCluster; target: TestCluster }> {
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

/** A check that has begun to compare. */
async function begin(source: TestCluster, target: TestCluster): Promise<RunningRump> {
  const running = startRump(['check', '--from', source.url, '--to', target.url, '--progress', 'dots', ...SOON]);
  await target.until(
    'the check is under way',
    async () => running.stdout.includes('.') || running.child.exitCode !== null,
  );
  return running;
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
  const { source, target } = await startClusters(t);
  await change(source, target);
  const running = await begin(source, target);
  await Promise.all([moveMeanwhile(source, running), moveMeanwhile(target, running)]);
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
    const running = await begin(source, target);
    assert.equal(running.child.exitCode, null, 'The check was over too soon');
    await clusters[side].failOver(1);
    assertDifferent(await running.done, CHANGES);
  });
}
