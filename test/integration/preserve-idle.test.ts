// How keys were used: carried under the same policy on both sides where it is asked for, and not otherwise.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { assertDone } from '../support/outcome.ts';
import type { ServerOptions } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';

interface Policy {
  readonly name: string;
  /** Of RESTORE, to begin with. */
  readonly option: string;
  readonly question: string;
  /** By key. */
  readonly usage: Readonly<Record<string, number>>;
  /** By how much it changes by itself within a test. */
  readonly tolerance: number;
  /** What a key has that was written just now. */
  readonly most: number;
}

/** An idle time goes on; a frequency grows by chance and goes down by the minute. */
const POLICIES: readonly Policy[] = [
  {
    name: 'allkeys-lru',
    option: 'IDLETIME',
    question: 'IDLETIME',
    usage: { old: 1_000_000, older: 5_000_000, hour: 3600 },
    tolerance: 120,
    most: 120,
  },
  {
    name: 'allkeys-lfu',
    option: 'FREQ',
    question: 'FREQ',
    usage: { rare: 20, frequent: 150, most: 255 },
    tolerance: 6,
    most: 10,
  },
];

function evicting(policy: string): ServerOptions {
  return { args: ['--maxmemory-policy', policy] };
}

async function startUsed(t: TestContext, { name, option, usage }: Policy, targetPolicy = name): Promise<ServerPair> {
  const pair = await startPair(t, { source: evicting(name), target: evicting(targetPolicy) });
  await pair.from.send('SET', 'model', 'value');
  const payload = (await pair.from.send('DUMP', 'model')) as Buffer;
  await pair.from.send('DEL', 'model');
  for (const [key, value] of Object.entries(usage)) {
    await pair.from.send('RESTORE', key, 10_000_000, payload, option, value);
  }
  return pair;
}

async function usageOf(client: TestClient, { usage, question }: Policy): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const key of Object.keys(usage)) found[key] = (await client.send('OBJECT', question, key)) as number;
  return found;
}

function assertCarried(found: Record<string, number>, { usage, tolerance }: Policy): void {
  for (const [key, expected] of Object.entries(usage)) {
    assert.ok(Math.abs(found[key]! - expected) <= tolerance, `${key} has ${found[key]} and not ${expected}`);
  }
}

for (const policy of POLICIES) {
  test(`rump --preserve-idle carries what ${policy.name} counts, also through a file`, async (t) => {
    const { source, target, from, to, endpoints } = await startUsed(t, policy);
    assertCarried(await usageOf(from, policy), policy);
    const path = join(folderOf(t), 'f.resp');
    // Reading is a use, so the file is written first of a source that is as new.
    assertDone(await runRump(['--from', source.url, '--to', path, '--preserve-idle']));
    assertDone(await runRump(['--from', path, '--to', target.url, '--preserve-idle']));
    assertCarried(await usageOf(to, policy), policy);
    for (const found of Object.values(await usageOf(to, policy))) assert.ok(found > policy.most);
    assert.ok(((await to.send('PTTL', Object.keys(policy.usage)[0]!)) as number) > 0);

    await to.send('FLUSHALL');
    assertDone(await runRump(['--from', path, '--to', target.url]));
    for (const found of Object.values(await usageOf(to, policy))) assert.ok(found <= policy.most, `${found}`);

    const again = await startUsed(t, policy);
    assertDone(await runRump([...again.endpoints, '--preserve-idle', '--on-conflict', 'skip']));
    assertCarried(await usageOf(again.to, policy), policy);

    await to.send('FLUSHALL');
    assertDone(await runRump(endpoints));
    for (const found of Object.values(await usageOf(to, policy))) assert.ok(found <= policy.most, `${found}`);
  });
}

test('rump --preserve-idle copies between servers that count differently, and carries nothing', async (t) => {
  const [lru, lfu] = POLICIES as [Policy, Policy];
  const [one, other] = await Promise.all([startUsed(t, lru, lfu.name), startUsed(t, lfu, lru.name)]);
  assertDone(await runRump([...one.endpoints, '--preserve-idle']));
  assertDone(await runRump([...other.endpoints, '--preserve-idle']));
  for (const key of Object.keys(lru.usage)) assert.ok(((await one.to.send('OBJECT', 'FREQ', key)) as number) <= 10);
  for (const key of Object.keys(lfu.usage)) {
    assert.ok(((await other.to.send('OBJECT', 'IDLETIME', key)) as number) <= 120);
  }
});
