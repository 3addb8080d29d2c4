// Slots that move on both sides during a copy: no key is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOfKey } from '../support/cluster-slot.ts';
import { fillChanging, hurry, moveMeanwhile, startSlowCopy, type Move } from '../support/changing-cluster.ts';
import { assertDone } from '../support/outcome.ts';
import { AFTER_MOVES, startCluster } from '../support/redis-cluster.ts';
import { startServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { servers } from '../support/server-versions.ts';
import { assertSame } from '../support/snapshot.ts';
import { longTest } from '../support/tier.ts';

/** The fourth node, behind three primaries. */
const SPARE = 3;

const TO_SPARE = Array.from({ length: 1000 }, (_, slot): Move => [slot, 0, SPARE]);

longTest('Slots that move to a node that served none before are followed there', async (t) => {
  const [source, target] = await Promise.all([startCluster(t, { spares: 1 }), startCluster(t, { spares: 1 })]);
  await fillChanging(source);
  const run = await startSlowCopy(t, source, target);
  await moveMeanwhile(
    [source, target],
    run.running,
    () => hurry(run),
    () => TO_SPARE,
  );
  const result = await run.running.done;
  assertDone(result);
  assert.doesNotMatch(result.stderr, /replaced, restarted or emptied/);
  assertSame(await target.contents(), await source.contents(), AFTER_MOVES);
});

longTest('A slot that stays open towards a node that serves none is copied from both, and into both', async (t) => {
  const [source, target] = await Promise.all([startCluster(t, { spares: 1 }), startCluster(t, { spares: 1 })]);
  const keys = Array.from({ length: 100 }, (_, i) => `{open}:${i}`);
  await source.pipeline(keys.map((key) => ['SET', key, key]));
  const [slot, home] = [slotOfKey('{open}'), source.homeOfKey('{open}')];
  await source.openSlot(slot, home, SPARE, 40);
  await target.openSlot(slot, home, SPARE, 40);
  assertDone(await runRump(['--from', source.url, '--to', target.url]));
  const sizes = await Promise.all(target.clients.map((client) => client.send('DBSIZE')));
  assert.equal(
    sizes.reduce<number>((sum, size) => sum + (size as number), 0),
    keys.length,
  );
});

longTest('A node whose keys all move away while rump begins has lost none', async (t) => {
  const [source, target] = await Promise.all([startCluster(t, { spares: 1 }), startServer()]);
  t.after(() => target.stop());
  const keys = Array.from({ length: 100 }, (_, i) => `{open}:${i}`);
  await source.pipeline(keys.map((key) => ['SET', key, key]));
  const [slot, home, spare] = [slotOfKey('{open}'), source.homeOfKey('{open}'), source.nodes[SPARE]!];
  await source.moveSlot(slot, home, SPARE);
  // Without any slot it might become a replica.
  await source.moveSlot(slot + 1, source.homeOf(slot + 1), SPARE);
  let isMet = false;
  const proxy = await replyProxy(t, spare.port, async ([name]) => {
    if (name !== 'CLUSTER' || isMet) return undefined;
    isMet = true;
    await source.moveSlot(slot, SPARE, home);
    return undefined;
  });
  const nat = `127.0.0.1:${spare.port}=${new URL(proxy.url).host}`;
  assertDone(await runRump(['--from', source.url, '--from-nat', nat, '--to', target.url]));
  assert.ok(isMet);
  assert.equal(await (await target.client()).send('DBSIZE'), keys.length);
});

for (const { name, binary } of servers('valkey-8.1')) {
  test(`Slots move in both clusters while their keys are copied, and none is lost (${name})`, async (t) => {
    const [source, target] = await Promise.all([startCluster(t, { binary }), startCluster(t, { binary })]);
    await fillChanging(source);
    const run = await startSlowCopy(t, source, target);
    await moveMeanwhile([source, target], run.running, () => hurry(run));
    assertDone(await run.running.done);
    assertSame(await target.contents(), await source.contents(), AFTER_MOVES);
  });
}
