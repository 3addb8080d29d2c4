// Slots that no node serves: a cluster is copied and compared without them, and what belongs into them fails by name.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { createCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, startRump } from '../support/rump.ts';
import { longOnly } from '../support/tier.ts';

const KEYS = 2000;
/** The name with which rump tries what it may do: that it has no node either must not matter. */
const PROBE_SLOT = slotOfKey('rump:probe');
/** So many that not all keys of them have been read by chance. */
const LOST_FOR_A_WHILE = 5;
const UNSERVED = [5, 7, 8, 9, ...Array.from({ length: 1000 }, (_, i) => 12_000 + i), PROBE_SLOT];
const NAMED = [`5, 7-9, ${PROBE_SLOT}, 12000-12999`, `5, 7-9, 12000-12999, ${PROBE_SLOT}`][
  PROBE_SLOT < 12_000 ? 0 : 1
]!;

let cluster: TestCluster;
let server: TestServer;
let client: TestClient;

function numbered(value: string): string[][] {
  return Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `${value} ${i}`]);
}

/** By the node that had it. */
async function serveAgain(slot: number): Promise<void> {
  const home = cluster.clients[cluster.homeOf(slot)]!;
  await home.send('CLUSTER', 'ADDSLOTS', slot);
  const id = (await home.send('CLUSTER', 'MYID')) as Buffer;
  for (const node of cluster.clients) await node.send('CLUSTER', 'SETSLOT', slot, 'NODE', id);
}

const names = numbered('').map(([, key]) => key!);
const lost = names.filter((key) => UNSERVED.includes(slotOfKey(key)));
const kept = KEYS - lost.length;

before(async () => {
  [cluster, server] = await Promise.all([
    createCluster({ args: ['--cluster-require-full-coverage', 'no'] }),
    startServer(),
  ]);
  client = await server.client();
  await cluster.pipeline(numbered('cluster'));
  await cluster.unassign(UNSERVED);
});
after(() => Promise.all([cluster.stop(), server.stop()]));
beforeEach(() => client.send('FLUSHALL'));

test('A source is copied and compared without the slots that no node serves, and they are named', async (t) => {
  const result = await runRump(['--from', cluster.url, '--to', server.url, '--verify']);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /^\.*Sync done\.\n/);
  const warning = `rump: warning: no node of the source serves slots ${NAMED}: keys of these slots are left out\n`;
  assert.ok(result.stderr.includes(warning), result.stderr);
  assert.equal(await client.send('DBSIZE'), kept);
  const intoFile = await runRump(['--from', cluster.url, '--to', join(folderOf(t), 'f.resp')]);
  assert.ok(intoFile.stderr.includes(warning), intoFile.stderr);
  const check = await runCheck(['--from', cluster.url, '--to', server.url]);
  assert.equal(check.code, 0, check.stderr);
  assert.match(check.stderr, /warning: no node of the source serves slots 5, 7-9.*are not compared$/m);
});

test('Keys of slots that no node of the target serves fail by name, and all others arrive', async () => {
  await client.pipeline(numbered('server'));
  const result = await runRump(['--from', server.url, '--to', cluster.url, '--json']);
  assert.equal(result.code, 1, result.stdout);
  assert.match(result.stdout, /"event":"warning".*no node of the target serves slots 5, 7-9/);
  const failed = [...result.stdout.matchAll(/"event":"key-failed".*"key":"([^"]*)","code":"CLUSTERDOWN"/g)];
  assert.deepEqual(new Set(failed.map(([, key]) => key)), new Set(lost));
  assert.match(result.stdout, new RegExp(`"event":"done".*"keys":${kept},.*"failed":${lost.length}\\b`));
  const check = await runCheck(['--from', server.url, '--to', cluster.url]);
  assert.equal(check.code, 1, check.stderr);
  assert.match(
    check.stderr,
    new RegExp(`^rump: ${kept.toLocaleString('en')} equal, 0 differ, 0 only at the source`, 'm'),
  );
});

test('Values that are written by commands fail as well where no node serves their slot', async () => {
  const [key] = lost as [string];
  await client.send('HSET', key, ...Array.from({ length: 400 }, (_, i) => `field ${i}`));
  await client.send('HSET', 'key:large', ...Array.from({ length: 400 }, (_, i) => `field ${i}`));
  const result = await runRump(['--from', server.url, '--to', cluster.url, '--big-key', '1k', '--json']);
  assert.match(result.stdout, new RegExp(`"event":"key-failed".*"key":"${key}","code":"CLUSTERDOWN"`));
  assert.match(result.stdout, /"event":"done".*"keys":1,.*"failed":1\b/);
});

test('A copy is not called done where a slot that it has written to loses its node', async (t) => {
  const key = Array.from({ length: KEYS }, (_, i) => `fresh:${i}`).find((name) => !UNSERVED.includes(slotOfKey(name)))!;
  const [slot, home] = [slotOfKey(key), cluster.clients[cluster.homeOfKey(key)]!];
  await client.send('SET', key, 'value');
  let isUnserved = false;
  const proxy = await replyProxy(t, server.port, async ([name]) => {
    if (name !== 'INFO' || isUnserved || (await home.send('EXISTS', key)) === 0) return undefined;
    isUnserved = true;
    await cluster.unassign([slot]);
    return undefined;
  });
  const args = ['--from', proxy.url, '--to', cluster.url, '--retries', '2', '--retry-max', '50ms'];
  const result = await runRump(args);
  await serveAgain(slot);
  const error = new RegExp(
    `^rump: Cannot vouch for the copy: a key that the target has acknowledged is not reached any more: CLUSTERDOWN .*slot ${slot}`,
  );
  assertFailed(result, { code: 75, error });
});

longOnly(() => {
  for (const side of ['target', 'source']) {
    test(`Keys of a slot that loses its node for a while are waited for, and that is said (${side})`, async (t) => {
      await Promise.all(cluster.clients.map((node) => node.send('FLUSHALL')));
      const copied = names.filter((key) => !UNSERVED.includes(slotOfKey(key)));
      const isTarget = side === 'target';
      const commands = copied.map((key) => ['SET', key, randomBytes(500).toString('hex')]);
      if (isTarget) await client.pipeline(commands);
      else await cluster.pipeline(commands);
      const [from, to] = isTarget ? [server, cluster] : [cluster, server];
      // Not much is read before it can be written.
      const args = ['--tpslimit', '1000', '--buffer', '64k', '--retries', '20', '--retry-max', '500ms'];
      const running = startRump(['--from', from.url, '--to', to.url, ...args]);
      t.after(() => running.end());
      const hasCome = async (key: string): Promise<boolean> =>
        (await (isTarget ? cluster.clients[cluster.homeOfKey(key)]! : client).send('EXISTS', key)) === 1;
      await underWay(running, async () => (await Promise.all(copied.map(hasCome))).includes(true));
      const come = await Promise.all(copied.map(hasCome));
      const slots = new Set(copied.filter((_, i) => !come[i]).map(slotOfKey));
      const some = [...slots].slice(0, LOST_FOR_A_WHILE);
      await cluster.unassign(some);
      const said = new RegExp(
        `^rump: warning: keys in slots .* of the ${side} wait for a node that takes them: CLUSTERDOWN`,
        'm',
      );
      await cluster.until('that is said', async () => {
        assert.equal(running.child.exitCode, null, running.stderr);
        return said.test(running.stderr);
      });
      for (const slot of some) await serveAgain(slot);
      assertDone(await running.done);
      if (isTarget) assert.equal((await Promise.all(copied.map(hasCome))).includes(false), false);
      else assert.equal(await client.send('DBSIZE'), copied.length);
    });
  }
});

// The last one: it changes the cluster.
test('A cluster that serves no slot while one has no node is refused in words, on either side, with the exit code for what may pass', async () => {
  for (const node of cluster.clients) await node.send('CONFIG', 'SET', 'cluster-require-full-coverage', 'yes');
  // A change has each node look whether it is whole.
  await cluster.unassign([6]);
  await cluster.until('it is down', async () => {
    const infos = await Promise.all(cluster.clients.map((node) => node.send('CLUSTER', 'INFO')));
    return infos.every((info) => String(info).includes('cluster_state:fail'));
  });
  for (const [from, to, what] of [
    [cluster.url, server.url, 'read from'],
    [server.url, cluster.url, 'write to'],
  ] as const) {
    const error = new RegExp(
      `^rump: Cannot ${what} the cluster at 127\\.0\\.0\\.1:\\d+: no node serves slots ${NAMED.replace('5, 7-9', '5-9')}, and for that it serves no other slot either: CLUSTERDOWN .*cluster-require-full-coverage no`,
    );
    assertRefused(await runRump(['--from', from, '--to', to]), { code: 75, error });
  }
  // Slot 5 alone.
  const nobody = /^rump: Cannot use the cluster at 127\.0\.0\.1:\d+: no node of it serves any slot of this part$/;
  const part = await runRump(['--from', cluster.url, '--to', server.url, '--partition', '6/16384']);
  assertRefused(part, { code: 75, error: nobody });
});
