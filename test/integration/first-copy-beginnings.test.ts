// A snapshot that is lost before its source has begun to make it: it is asked for again, and nothing has to be scanned.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { tagOf } from '../../src/cluster/slot.ts';
import type { TestClient } from '../support/client.ts';
import { dumpsOf } from '../support/command-stats.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startRump, type RunningRump } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { assertSameData } from '../support/snapshot.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';

/** Servers wait so many seconds for more replicas before they make a snapshot for all of them: until they are told otherwise. */
const delay = (seconds: number) => ({
  args: ['--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', String(seconds)],
});
const SNAPSHOT = ['--first-copy', 'snapshot', '--retry-max', '50ms'];
const FOLLOWING = ['--live', '--until-idle', '200ms', '--linger', '0s'];
const SCANNED = /scanned instead/;
const POLL_MS = 5;

function startWaiting(t: TestContext): Promise<ServerPair> {
  return startPair(t, { source: delay(600) });
}

async function fill(client: { pipeline(commands: (string | number)[][]): Promise<unknown> }): Promise<void> {
  await client.pipeline(Array.from({ length: 1000 }, (_, i) => ['SET', `key:${i}`, i]));
}

/** Resolves while the source waits to begin. */
async function untilAsked(running: RunningRump, source: TestClient): Promise<void> {
  while (!/state=wait_bgsave/.test(String(await source.send('INFO', 'replication')))) {
    assert.equal(running.child.exitCode, null, running.stderr);
    await sleep(POLL_MS);
  }
}

for (const [how, args] of variants<[string, string[]]>(
  ['', []],
  [' while it is followed by psync', [...FOLLOWING, '--feed', 'psync']],
  [' while it is followed by tracking', [...FOLLOWING, '--feed', 'tracking']],
)) {
  test(`A snapshot that is lost before it begins is asked for again${how}`, async (t) => {
    const { from, to, endpoints } = await startWaiting(t);
    await fill(from);
    const running = startRump([...endpoints, ...SNAPSHOT, ...args]);
    await untilAsked(running, from);
    await from.send('CLIENT', 'KILL', 'TYPE', 'replica');
    await from.send('CONFIG', 'SET', 'repl-diskless-sync-delay', 0);
    const result = await running.done;
    assertDone(result);
    assert.match(result.stderr, /^rump: lost the source .*; trying again in .* \(1 of 10\)$/m);
    assert.doesNotMatch(result.stderr, SCANNED);
    assert.match(String(await from.send('INFO', 'stats')), /^total_forks:1\r?$/m);
    await assertSameData(from, to);
  });
}

test('A snapshot is asked for as often as --retries says, and then the run fails with the last reason', async (t) => {
  const { from, to, endpoints } = await startWaiting(t);
  await fill(from);
  const running = startRump([...endpoints, ...SNAPSHOT, '--retries', '2']);
  for (let times = 0; times < 3; times++) {
    await untilAsked(running, from);
    await from.send('CLIENT', 'KILL', 'TYPE', 'replica');
  }
  const result = await running.done;
  assertFailed(result, { code: 75, error: /^rump: Cannot take the snapshot of \S+: Lost the connection/m });
  assert.equal(result.stderr.match(/trying again/g)?.length, 2);
  assert.equal(await to.send('DBSIZE'), 0);
});

for (const args of [[], [...FOLLOWING, '--feed', 'psync']]) {
  longTest(
    `A primary of a cluster that hands over before its snapshot begins is scanned for: ${args.join(' ')}`,
    async (t) => {
      const cluster = await startCluster(t, { primaries: 1, replicas: 1, ...delay(1) });
      const { to, target } = await startPair(t);
      await fill(cluster);
      // It has to wait for long enough.
      for (const client of cluster.clients) await client.send('CONFIG', 'SET', 'repl-diskless-sync-delay', 60);
      const running = startRump(['--from', cluster.url, '--to', target.url, ...SNAPSHOT, ...args]);
      await untilAsked(running, cluster.clients[0]!);
      await cluster.takeOver(1);
      for (const client of cluster.clients) await client.send('CONFIG', 'SET', 'repl-diskless-sync-delay', 0);
      const result = await running.done;
      assertDone(result);
      assert.match(result.stderr, SCANNED);
      await assertSameData(cluster.clients[1]!, to);
    },
  );
}

longTest('However often a feed that waits for its snapshot is cut off, it begins behind it', async (t) => {
  const { from, to, endpoints } = await startPair(t, { source: delay(600) });
  await fill(from);
  const retries = 2;
  const ways = [...FOLLOWING, '--feed', 'psync', ...SNAPSHOT, '--retries', String(retries)];
  const running = startRump([...endpoints, ...ways]);
  await untilAsked(running, from);
  // Of the feed, which waits, both connections ask whether somebody is there; the link is the newer one.
  const waiting = async (): Promise<readonly string[]> => {
    const list = String(await from.send('CLIENT', 'LIST', 'TYPE', 'normal'));
    return [...list.matchAll(/^id=(\d+) .* age=(\d+) .* cmd=ping /gm)].flatMap(([, id, age]) =>
      Number(age) >= 2 ? [id!] : [],
    );
  };
  for (let cut = 0; cut <= 2 * retries;) {
    assert.equal(running.child.exitCode, null, running.stderr);
    const id = (await waiting()).at(-1);
    if (id === undefined) await sleep(POLL_MS);
    else cut += Number(await from.send('CLIENT', 'KILL', 'ID', id));
  }
  await from.send('CONFIG', 'SET', 'repl-diskless-sync-delay', 0);
  assertDone(await running.done);
  await assertSameData(from, to);
});

test('A source that is there, and takes too long to begin its snapshot, is not asked again', async (t) => {
  const { source, target, from } = await startWaiting(t);
  await fill(from);
  const proxy = await startProxy(source);
  t.after(() => proxy.close());
  const running = startRump(['--from', proxy.url, '--to', target.url, ...SNAPSHOT, '--timeout', '1s']);
  await untilAsked(running, from);
  proxy.stall('down');
  const result = await running.done;
  assertFailed(result, {
    code: 75,
    error: /^rump: Cannot take the snapshot of \S+: Gave up on \S+: for 1 s it does not reply/m,
  });
  assert.doesNotMatch(result.stderr, /trying again/);
});

longTest(
  'A slot that another node had in its snapshot is scanned for, though it has moved to one that is asked again',
  async (t) => {
    const cluster = await startCluster(t, { primaries: 2 });
    const { to, target } = await startPair(t);
    const [first, second] = cluster.clients as [TestClient, TestClient];
    await fill(cluster);
    const slot = 12_000;
    const key = `{${tagOf(slot)}}`;
    await cluster.pipeline([['SET', key, 'old']]);
    await first.send('CONFIG', 'SET', 'repl-diskless-sync-delay', 600);
    await second.send('CONFIG', 'SET', 'repl-diskless-sync-delay', 0);
    const running = startRump(['--from', cluster.url, '--to', target.url, ...SNAPSHOT]);
    await untilAsked(running, first);
    while (!/^total_forks:[1-9]/m.test(String(await second.send('INFO', 'stats')))) await sleep(POLL_MS);
    await cluster.moveSlot(slot, 1, 0);
    await first.send('SET', key, 'new');
    await first.send('CONFIG', 'SET', 'repl-diskless-sync-delay', 0);
    await first.send('CLIENT', 'KILL', 'TYPE', 'replica');
    assertDone(await running.done);
    assert.equal(String(await to.send('GET', key)), 'new');
    assert.equal(await dumpsOf(first), 1, 'The slot was not scanned for');
  },
);
