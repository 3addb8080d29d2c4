// Sides that become one server while the copy is under way: by an address that leads elsewhere, or by replication.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { fileFor, keptIn, kill } from '../support/broken-off.ts';
import type { TestClient } from '../support/client.ts';
import { callsOf } from '../support/command-stats.ts';
import { Following, PHASE, type FeedName } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { runRump, spawnRump, startRump } from '../support/rump.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { variants } from '../support/tier.ts';

const KEYS = 2000;
const NAMES = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
/** Nothing of it is over before the sides are changed. */
const SLOWLY = ['--tpslimit', '200', '--count', '20'];
/** A snapshot is sent at once. */
const SOON = ['--repl-diskless-sync-delay', '0'];

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;

before(async () => {
  [source, target] = await Promise.all([startServer({ args: SOON }), startServer({ args: SOON })]);
  [from, to] = await Promise.all([source.client(), target.client()]);
});

after(() => Promise.all([source.stop(), target.stop()]));

beforeEach(async () => {
  for (const client of [from, to])
    await client.pipeline([['REPLICAOF', 'NO', 'ONE'], ['FLUSHALL'], ['CONFIG', 'RESETSTAT']]);
  await from.pipeline(NAMES.map((name, i) => ['SET', name, i]));
});

test('A copy whose target address leads to the source by now writes nothing there', async (t) => {
  const proxy = await startProxy({ port: target.port });
  t.after(() => proxy.close());
  const ends = ['--from', source.url, '--to', urlOf(proxy.port), '--db-map', '0:1'];
  const running = startRump([...ends, ...SLOWLY, '--retry-max', '50ms']);
  await underWay(running, async () => (await keysIn(to, 1)) > 0);
  await from.send('CONFIG', 'RESETSTAT');
  proxy.leadTo(source.port);
  proxy.cut();
  assertFailed(await running.done, { error: saying('target', proxy.port, proxy.port, 'source', source.port) });
  await assertUnwritten(from);
});

test('A copy does not go on with --resume into what was its source, nor from what was its target', async (t) => {
  const [left, right] = [await startProxy({ port: source.port }), await startProxy({ port: target.port })];
  t.after(() => Promise.all([left.close(), right.close()]));
  const file = fileFor(t);
  const args = ['--from', urlOf(left.port), '--to', urlOf(right.port), '--db-map', '0:1', '--resume', file];
  const running = spawnRump([...args, ...SLOWLY]);
  await underWay(running, () => keptIn(file) > 0);
  await kill(running);
  const size = await keysIn(to, 1);
  for (const [now, then] of [
    [source, source],
    [target, target],
    [target, source],
  ] as const) {
    left.leadTo(now.port);
    right.leadTo(then.port);
    assertRefused(await runRump(args), {
      error: /^rump: Cannot go on: the (?:source|target) leads to .* by now, and the/,
    });
  }
  assert.deepEqual([await keysIn(from, 1), await keysIn(to, 1)], [0, size]);
  left.leadTo(source.port);
  right.leadTo(target.port);
  assertDone(await runRump(args));
  assert.equal(await keysIn(to, 1), KEYS);
});

for (const feed of variants<FeedName>('psync', 'tracking')) {
  test(`A copy that follows by ${feed} writes nothing to a source that its target address leads to`, async (t) => {
    const proxy = await startProxy({ port: target.port });
    t.after(() => proxy.close());
    const run = await inSync(t, feed, { to: proxy.port });
    await from.send('CONFIG', 'RESETSTAT');
    proxy.leadTo(source.port);
    proxy.cut();
    assertFailed(await run.done(), { error: saying('target', proxy.port, proxy.port, 'source', source.port) });
    await assertUnwritten(from);
  });

  test(`A copy that follows by ${feed} reads nothing of a target that its source address leads to`, async (t) => {
    const proxy = await startProxy({ port: source.port });
    t.after(() => proxy.close());
    const run = await inSync(t, feed, { from: proxy.port });
    await to.send('CONFIG', 'RESETSTAT');
    proxy.leadTo(target.port);
    proxy.cut();
    assertFailed(await run.done(), { error: saying('source', proxy.port, proxy.port, 'target', target.port) });
    assert.equal(await keysIn(to, 1), KEYS);
    for (const name of ['scan', 'dump', 'psync', 'unlink'])
      assert.equal((await callsOf(to)).get(name), undefined, name);
  });
}

test('A copy that follows ends where its target has become a replica of its source', async (t) => {
  const run = await inSync(t, 'psync', {});
  await to.send('REPLICAOF', '127.0.0.1', source.port);
  const [side, other] = [`the target 127.0.0.1:${target.port}`, `the source 127.0.0.1:${source.port}`];
  assertFailed(await run.done(), {
    error: new RegExp(`^rump: Cannot go on: ${side} has become a replica of ${other} `),
  });
});

for (const feed of variants<FeedName>('psync', 'tracking')) {
  test(`A copy that follows by ${feed} ends where its source has become a replica of its target`, async (t) => {
    const run = await inSync(t, feed, {});
    await from.send('REPLICAOF', '127.0.0.1', target.port);
    const [side, other] = [`the source 127.0.0.1:${source.port}`, `the target 127.0.0.1:${target.port}`];
    assertFailed(await run.done(), {
      error: new RegExp(`^rump: Cannot go on: ${side} has become a replica of ${other} `),
    });
    assert.equal(await keysIn(to, 1), KEYS);
  });
}

function urlOf(port: number): string {
  return `redis://127.0.0.1:${port}`;
}

/** All keys are in database 1 of the target. */
async function inSync(t: TestContext, feed: FeedName, ports: { from?: number; to?: number }): Promise<Following> {
  const endpoints = ['--from', urlOf(ports.from ?? source.port), '--to', urlOf(ports.to ?? target.port)];
  const run = new Following(t, { endpoints, feed, source: serverSide(() => source, [0]), args: ['--db-map', '0:1'] });
  await run.start().reaches(PHASE.inSync);
  return run;
}

function saying(side: string, first: number, now: number, other: string, known: number): RegExp {
  const [a, b, c] = [first, now, known].map((port) => `127.0.0.1:${port}`);
  return new RegExp(
    `^rump: Cannot go on: the ${side} leads to ${b} by now${a === b ? '' : ` \\(at first ${a}\\)`}, and the server there is the ${other}, ${c} `,
  );
}

async function keysIn(client: TestClient, db: number): Promise<number> {
  const [, size] = await client.pipeline([['SELECT', db], ['DBSIZE'], ['SELECT', 0]]);
  return size as number;
}

async function assertUnwritten(client: TestClient): Promise<void> {
  const calls = await callsOf(client);
  assert.deepEqual([calls.get('restore'), calls.get('unlink')], [undefined, undefined]);
  assert.deepEqual([await keysIn(client, 0), await keysIn(client, 1)], [KEYS, 0]);
}
