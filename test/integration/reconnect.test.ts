// Connections that are lost again and again: everything arrives nonetheless, and what was lost is said.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { startControlled } from '../support/controlled.ts';
import { lend } from '../support/lent-servers.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { runRump, startRump, type RumpResult, type RunningRump } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';

const MANY = 6000;
const CUT_EVERY_MS = 500;
const POLL_MS = 2;

for (const side of variants<'source' | 'target'>('source', 'target')) {
  test(`Every key arrives although the connection to the ${side} is cut every ${CUT_EVERY_MS} ms`, async (t) => {
    const pair = await startPair(t);
    await pair.from.pipeline(Array.from({ length: MANY }, (_, i) => ['SET', `key:${i}`, i]));
    const proxy = await startProxy({ port: pair[side].port });
    t.after(() => proxy.close());
    const endpoints = pair.endpoints.map((word) => (word === pair[side].url ? proxy.url : word));
    const running = startRump([...endpoints, '--retry-max', '50ms', '--tpslimit', '4000', '--json']);
    // Who cannot even look at both sides is told at once.
    await told(running, '"start"');
    // While something is on its way: between two groups of keys a line is idle, and its loss is none.
    const cuts = setInterval(() => proxy.cutAfter(1, 'down'), CUT_EVERY_MS);
    const result = await running.done.finally(() => clearInterval(cuts));
    assert.equal(result.code, 0, result.stderr);
    const { keys, failed, reconnects } = JSON.parse(result.stdout.trim().split('\n').at(-1)!) as Record<string, number>;
    assert.ok(keys! >= MANY && failed === 0 && reconnects! >= 1, JSON.stringify({ keys, failed, reconnects }));
    assert.equal(await pair.to.send('DBSIZE'), MANY);
    const values = await pair.to.pipeline(Array.from({ length: MANY }, (_, i) => ['GET', `key:${i}`]));
    assert.equal(
      values.findIndex((value, i) => String(value) !== String(i)),
      -1,
    );
  });
}

/** A copy of 5,000 keys whose source or target is taken away in its middle: another server stands in its place. */
async function replaceMidRun(
  t: TestContext,
  side: 'source' | 'target',
): Promise<ServerPair & { readonly other: TestClient; readonly result: RumpResult }> {
  const pair = await startPair(t);
  const keys = Array.from({ length: 5000 }, (_, i) => ['SET', `key:${i}`, i]);
  await pair.from.pipeline(keys);
  const proxy = await startProxy({ port: pair[side].port });
  t.after(() => proxy.close());
  const replacement = await lend(t);
  const other = await replacement.client();
  if (side === 'source') await other.pipeline(keys);
  const endpoints = pair.endpoints.map((word) => (word === pair[side].url ? proxy.url : word));
  const { running, tell } = await startControlled(t, [...endpoints, '--tpslimit', '500']);
  await underWay(running, async () => ((await pair.to.send('DBSIZE')) as number) > 100);
  proxy.leadTo(replacement.port);
  proxy.cut();
  await tell('tpslimit', '0');
  return { ...pair, other, result: await running.done };
}

longTest(
  'A source that was replaced is read from the beginning: the cursors of the new one mean something else',
  async (t) => {
    const { to, result } = await replaceMidRun(t, 'source');
    assertDone(result);
    assert.equal(await to.send('DBSIZE'), 5000);
  },
);

longTest('A target that comes back empty gets everything once more', async (t) => {
  const { other, result } = await replaceMidRun(t, 'target');
  assertDone(result);
  assert.match(result.stderr, /warning: the target .* was replaced, restarted or emptied/);
  assert.equal(await other.send('DBSIZE'), 5000);
});

test('--retries says how often, and then the run fails with the last reason', async (t) => {
  const { source, target, from } = await startPair(t);
  await from.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `key:${i}`, i]));
  const args = ['--from', source.url, '--to', target.url, '--tpslimit', '500', '--retries', '3', '--retry-max', '10ms'];
  const running = startRump([...args, '--json']);
  await told(running, '"progress"');
  await target.kill();
  const result = await running.done;
  const refused = new RegExp(`Cannot connect to 127\\.0\\.0\\.1:${target.port}: connection refused`);
  assertFailed(result, { code: 75, error: refused });
  assert.equal(result.stdout.match(/"event":"reconnect"/g)?.length, 3);
});

longTest('A conflict is none where only the reply was lost', async (t) => {
  const pair = await startPair(t);
  await pair.from.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `key:${i}`, i]));
  const proxy = await startProxy({ port: pair.target.port });
  t.after(() => proxy.close());
  proxy.cutAfter(15_000, 'down');
  const args = ['--from', pair.source.url, '--to', proxy.url, '--on-conflict', 'fail', '--retry-max', '10ms'];
  assertDone(await runRump(args));
  assert.equal(await pair.to.send('DBSIZE'), 5000);
});

async function told(running: RunningRump, word: string): Promise<void> {
  while (!running.stdout.includes(word)) {
    assert.equal(running.child.exitCode, null, running.stderr);
    await sleep(POLL_MS);
  }
}
