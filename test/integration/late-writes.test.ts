// What a killed run had sent, and comes when the next one has written: real servers behind proxies that hand it on late.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileFor } from '../support/broken-off.ts';
import type { TestClient } from '../support/client.ts';
import { lend } from '../support/lent-servers.ts';
import { Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startServer } from '../support/redis-server.ts';
import { processOf, type RumpResult } from '../support/rump.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';

const KEYS = 300;
/** Longer than any test. */
const NEVER_MS = 600_000;

/** What rump writes to, through proxies. */
interface Tunnel {
  readonly args: readonly string[];
  readonly clients: readonly TestClient[];
  readonly proxies: readonly TcpProxy[];
}

for (const where of variants('a file', 'the target')) {
  test(`What a killed run had sent to a server does not come behind what the next one writes (progress: ${where})`, async (t) => {
    const { values, result } = await killInTunnel(t, await toServer(t), where === 'a file' ? fileFor(t) : 'target');
    assert.deepEqual(values, ['new']);
    assert.doesNotMatch(result.stderr, /may still come/);
  });
}

longTest(
  'What a killed run had sent to the nodes of a cluster does not come behind what the next one writes',
  async (t) => {
    const { values } = await killInTunnel(t, await toCluster(t), 'target');
    assert.deepEqual(values, ['new']);
  },
);

longTest('Where the connections of a killed run may not be ended, that is said', async (t) => {
  const tunnel = await toServer(t);
  await tunnel.clients[0]!.send('ACL', 'SETUSER', 'default', '-client|kill');
  const { values, result } = await killInTunnel(t, tunnel, fileFor(t));
  assert.ok(values.includes('old'), 'the fault is not there');
  assert.match(
    result.stderr,
    /^rump: warning: what the earlier part had sent to 127.*may still come.*CLIENT KILL.*--verify/m,
  );
});

/** What the next run has written, once all has come that the killed one had sent. */
async function killInTunnel(
  t: TestContext,
  { args, clients, proxies }: Tunnel,
  resume: string,
): Promise<{
  readonly values: readonly string[];
  readonly result: RumpResult;
}> {
  const source = await lend(t);
  const from = await source.client();
  await setAll(from, 'first');
  const run = new Following(t, {
    endpoints: ['--from', source.url, ...args],
    feed: 'psync',
    source: serverSide(() => source, [0]),
    args: ['--resume', resume],
  }).startProcess();
  await run.reaches(PHASE.inSync);
  // It goes on by connections that the first ones are not.
  for (const proxy of proxies) proxy.cut();
  await setAll(from, 'second');
  while ((await valuesAt(clients)).join() !== 'second') await sleep(5);

  for (const proxy of proxies) proxy.delayUp(NEVER_MS);
  await setAll(from, 'old');
  while (proxies.reduce((sum, { waiting }) => sum + waiting, 0) < KEYS * 30) await sleep(1);
  const process = processOf(run.running);
  // It must not see that they are gone.
  process.kill('SIGSTOP');
  const deliveries = proxies.map((proxy) => proxy.abandon());
  process.kill('SIGKILL');
  await run.running.done;
  for (const proxy of proxies) proxy.delayUp(0);

  await setAll(from, 'new');
  await run.start().reaches(PHASE.inSync);
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  for (const deliver of deliveries) await deliver();
  return { values: await valuesAt(clients), result };
}

async function toServer(t: TestContext): Promise<Tunnel> {
  const server = await startServer();
  const proxy = await startProxy({ port: server.port });
  t.after(() => Promise.all([proxy.close(), server.stop()]));
  return { args: ['--to', proxy.url], clients: [await server.client()], proxies: [proxy] };
}

async function toCluster(t: TestContext): Promise<Tunnel> {
  const { nodes, clients } = await startCluster(t);
  const proxies = await Promise.all(nodes.map(({ port }) => startProxy({ port })));
  t.after(() => Promise.all(proxies.map((proxy) => proxy.close())));
  const nat = nodes.flatMap(({ port }, i) => ['--to-nat', `127.0.0.1:${port}=127.0.0.1:${proxies[i]!.port}`]);
  return { args: ['--to', proxies[0]!.url, ...nat], clients, proxies };
}

async function setAll(client: TestClient, value: string): Promise<void> {
  await client.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, value]));
}

async function valuesAt(clients: readonly TestClient[]): Promise<string[]> {
  const values = new Set<string>();
  for (const client of clients) {
    const names = ((await client.send('KEYS', 'key:*')) as Buffer[]).map(String);
    for (const value of await client.pipeline(names.map((name) => ['GET', name]))) values.add(String(value));
  }
  return [...values];
}
