// Clusters on either side or both: every key arrives at the node of its slot, by whatever address a node can be reached.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authority, certificates } from '../support/certificates.ts';
import { lend } from '../support/lent-servers.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { runRump, spawnRump, startRump } from '../support/rump.ts';
import { servers } from '../support/server-versions.ts';
import { assertSame } from '../support/snapshot.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest } from '../support/tier.ts';

const KEYS = 5000;

/** Plain keys, and some that share a slot by their hash tag. */
function commands(): (readonly [string, string, string])[] {
  return Array.from({ length: KEYS }, (_, i) => [
    'SET',
    i % 5 === 0 ? `{tag:${i % 50}}:${i}` : `key:${i}`,
    `value ${i}`,
  ]);
}

async function fillServer(server: TestServer): Promise<void> {
  await (await server.client()).pipeline(commands());
}

async function keysOf(server: TestServer): Promise<number> {
  return (await (await server.client()).send('DBSIZE')) as number;
}

for (const { name, binary } of servers('valkey-8.1')) {
  test(`rump copies a cluster into a cluster, whichever node is named (${name})`, async (t) => {
    const [source, target] = await Promise.all([startCluster(t, { binary }), startCluster(t, { binary })]);
    await source.pipeline(commands());
    assertDone(await runRump(['--from', source.nodes[2]!.url, '--to', target.nodes[1]!.url]));
    assertSame(await target.contents(), await source.contents(), { ttl: 'relative' });
  });
}

test('rump speaks TLS to every node of a cluster', async (t) => {
  const [source, target] = await Promise.all([startCluster(t, { tls: 'server' }), startCluster(t, { tls: 'mutual' })]);
  await source.pipeline(commands());
  const { certFile, keyFile } = certificates.client;
  const flags = ['--from-tls-ca', authority.certFile, '--to-tls-ca', authority.certFile];
  const own = ['--to-tls-cert', certFile, '--to-tls-key', keyFile];
  assertDone(await runRump(['--from', source.url, '--to', target.url, ...flags, ...own]));
  assertSame(await target.contents(), await source.contents(), { ttl: 'relative' });
});

test('rump copies a server into a cluster, and the cluster into another server', async (t) => {
  const [source, back, cluster] = await Promise.all([startServer(), startServer(), startCluster(t)]);
  t.after(() => Promise.all([source.stop(), back.stop()]));
  await fillServer(source);
  assertDone(await runRump(['--from', source.url, '--to', cluster.url]));
  const contents = await cluster.contents();
  assert.equal(contents.size, KEYS);
  for (const [, key, value] of commands()) assert.equal(contents.get(key)?.value, value);
  assertDone(await runRump(['--from', cluster.url, '--to', back.url]));
  assert.equal(await keysOf(back), KEYS);
});

test('rump reaches nodes elsewhere than they say, and says how where it cannot, unless it was stopped', async (t) => {
  // Nobody listens at the announced ports: every node is reached through a proxy.
  const cluster = await startCluster(t);
  const proxies = await Promise.all(cluster.nodes.map(({ port }) => startProxy({ port })));
  t.after(() => Promise.all(proxies.map((proxy) => proxy.close())));
  const dead = cluster.nodes.map((_, i) => 1 + i);
  await Promise.all(
    cluster.clients.map((client, i) => client.send('CONFIG', 'SET', 'cluster-announce-port', dead[i]!)),
  );
  await cluster.until('every node is known by its new address', async () => {
    const replies = await Promise.all(cluster.clients.map((client) => client.send('CLUSTER', 'NODES')));
    return replies.every((text) => dead.every((port) => String(text).includes(`127.0.0.1:${port}@`)));
  });
  const source = await lend(t);
  await fillServer(source);
  const endpoints = ['--from', source.url, '--to', `redis://127.0.0.1:${cluster.nodes[0]!.port}`];
  const refused = await runRump(endpoints);
  assertRefused(refused, {
    code: 75,
    error:
      /Cannot use the cluster: it announces a node that fails: Cannot connect to (127\.0\.0\.1:[123]): connection refused.*--to-nat \1=HOST:PORT/,
  });
  const nat = dead.flatMap((port, i) => ['--to-nat', `127.0.0.1:${port}=127.0.0.1:${proxies[i]!.port}`]);
  assertDone(await runRump([...endpoints, ...nat]));
  assert.equal((await cluster.contents()).size, KEYS);
  assert.ok(proxies.every(({ bytesUp }) => bytesUp > 10_000));
  const last = proxies.at(-1)!;
  last.stall('down');
  const before = last.bytesUp;
  const stopped = spawnRump([...endpoints, ...nat]);
  await underWay(stopped, () => last.bytesUp > before);
  stopped.child.kill('SIGINT');
  assertFailed(await stopped.done, { code: 130, error: /^rump: Stopped by Ctrl-C/ });
});

longTest('One slow node of a target does not hold up the others', async (t) => {
  const [source, cluster] = await Promise.all([startServer(), startCluster(t)]);
  t.after(() => source.stop());
  await fillServer(source);
  const slow = cluster.nodes[1]!;
  const proxy = await startProxy({ port: slow.port });
  t.after(() => proxy.close());
  const nat = ['--to-nat', `127.0.0.1:${slow.port}=127.0.0.1:${proxy.port}`];
  // The look at the servers passes; the data does not.
  const running = startRump(['--from', source.url, '--to', cluster.url, ...nat, '--json']);
  await cluster.until('the look is over', async () => running.stdout.includes('"start"'));
  proxy.stall();
  const expected = await sizesOf(
    commands().map(([, key]) => key),
    cluster,
  );
  await cluster.until('the other nodes have all their keys', async () => {
    const sizes = await Promise.all(cluster.clients.map((client) => client.send('DBSIZE')));
    return sizes[0] === expected[0] && sizes[2] === expected[2];
  });
  assert.equal(running.child.exitCode, null);
  proxy.unstall();
  assert.equal((await running.done).code, 0);
  assert.equal((await cluster.contents()).size, KEYS);
});

test('rump refuses a cluster of which some slots are served by nobody', async (t) => {
  const [source, cluster] = await Promise.all([startServer(), startCluster(t)]);
  t.after(() => source.stop());
  await cluster.unassign([16_383]);
  const result = await runRump(['--from', source.url, '--to', cluster.nodes[2]!.url]);
  assertRefused(result, { code: 75, error: /Cannot write to .*(CLUSTERDOWN|no node serves 1 of its slots)/ });
});

async function sizesOf(keys: readonly string[], cluster: TestCluster): Promise<number[]> {
  const sizes = cluster.nodes.map(() => 0);
  for (const key of keys) sizes[cluster.homeOfKey(key)]!++;
  return sizes;
}
