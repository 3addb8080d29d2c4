// The judges of model tests, judged: what a replica has passes, and what a copy has that did not follow does not.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../client.ts';
import { assertDone } from '../outcome.ts';
import { startReplica } from '../replica.ts';
import { startServer, type TestServer } from '../redis-server.ts';
import { runRump } from '../rump.ts';
import { startPair } from '../server-pair.ts';
import { servers } from '../server-versions.ts';
import { assertSameSides } from './compare.ts';
import { Random, seedOf } from './random.ts';
import { serverSide } from './sides.ts';
import { commandsOf, RandomWriter } from './writers.ts';

const DATABASES = [0, 1];
const STEPS = 6000;
/** Servers do not tell their replicas of reads that change a group. */
const WITHOUT = new Set(['groups']);
/** Redis 8.0 keeps the expiry of the field, and tells its replicas HSET, which takes it away. */
const TOLD_OTHERWISE = 'HINCRBYFLOAT';

async function writerTo(t: TestContext, source: TestServer, isReplicated = false): Promise<RandomWriter> {
  const random = new Random(seedOf(t));
  const router = serverSide(() => source, DATABASES).router();
  t.after(() => router.close());
  const known = await commandsOf([await source.client()]);
  const knows = isReplicated ? new Set([...known].filter((name) => name !== TOLD_OTHERWISE)) : known;
  const options = { random, databases: DATABASES, isCluster: false, rate: 2000, knows, floods: isReplicated };
  return new RandomWriter(router, options);
}

for (const { name, binary } of servers('redis-6.0', 'redis-8.0', 'redict-7.3', 'valkey-8.1', 'valkey-9.1')) {
  test(`A replica of what random writers write holds the same (${name})`, async (t) => {
    const source = await startServer({ binary });
    t.after(() => source.stop());
    const replica = await startReplica(source, { binary });
    t.after(() => replica.stop());
    const writer = await writerTo(t, source, true);
    await writer.write(STEPS);
    assert.ok(writer.outcomes.done > STEPS / 2, JSON.stringify(writer.outcomes));
    await inStep(await source.client(), await replica.client());
    const sides = [source, replica].map((server) => serverSide(() => server, DATABASES));
    assert.ok((await assertSameSides(sides[0]!, sides[1]!, { without: WITHOUT })) > 0);
  });
}

test('A copy that does not follow what random writers write does not hold the same', async (t) => {
  const { source, target, endpoints } = await startPair(t);
  const sides = [source, target].map((server) => serverSide(() => server, DATABASES));
  const writer = await writerTo(t, source);
  await writer.write(STEPS);
  writer.start();
  assertDone(await runRump([...endpoints, '--db', '0,1', '--tpslimit', '1000']));
  await writer.stop();
  await assert.rejects(assertSameSides(sides[0]!, sides[1]!), { name: 'AssertionError' });
  await (await target.client()).send('FLUSHALL');
  assertDone(await runRump([...endpoints, '--db', '0,1']));
  assert.ok((await assertSameSides(sides[0]!, sides[1]!)) > 0);
});

async function inStep(from: TestClient, to: TestClient): Promise<void> {
  const wanted = await offsetOf(from, 'master_repl_offset');
  while ((await offsetOf(to, 'slave_repl_offset')) < wanted) await sleep(5);
}

async function offsetOf(client: TestClient, field: string): Promise<number> {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(String(await client.send('INFO', 'replication')))?.[1]);
}
