// Copies that are broken off, by force or by word, and go on from what was kept: they end as one clean run would, and what was
// done is not done once more.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { Random } from '../bench/random.ts';
import {
  fileFor,
  interrupt,
  keptAt,
  keptIn,
  kill,
  KEYS,
  removalAt,
  setAll,
  sizeOf,
  SLOWLY,
} from '../support/broken-off.ts';
import type { TestClient } from '../support/client.ts';
import { callsOf, dumpsOf } from '../support/command-stats.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { nil } from '../support/frames.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startServer } from '../support/redis-server.ts';
import { runRump, spawnRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { assertSame } from '../support/snapshot.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest, longOnly, variants } from '../support/tier.ts';

const KILLS = 3;
/** Killed after so many keys at most each time, the copy would take some seconds more. */
const MOST_UNTIL_KILLED = 500;
const A_PART = ['--tpslimit', '1000', '--count', '50'];

async function writesTo(client: TestClient): Promise<number> {
  return (await callsOf(client)).get('restore') ?? 0;
}

for (const where of variants('a file', 'the target')) {
  test(`A copy that is killed again and again and keeps its progress in ${where} ends as one clean run`, async (t) => {
    const { from, to, endpoints } = await startPair(t);
    const file = where === 'a file' ? fileFor(t) : 'target';
    const keys = KEYS + (await fillAllTypes(from));
    await from.pipeline(setAll(KEYS));
    const seed = 20_261_127;
    const random = new Random(seed);
    for (let i = 1; i <= KILLS; i++) {
      const running = spawnRump([...endpoints, ...A_PART, '--resume', file]);
      const end = (await writesTo(to)) + random.between(1, MOST_UNTIL_KILLED);
      await underWay(running, async () => (await writesTo(to)) > end);
      // The last time there is something to go on from.
      if (i === KILLS) await underWay(running, async () => (file === 'target' ? await keptAt(to) : keptIn(file)) > 0);
      await kill(running);
    }
    const dumps = await dumpsOf(from);
    const result = await runRump([...endpoints, '--resume', file]);
    assertDone(result);
    assert.match(result.stderr, /^rump: warning: the copy goes on from .*: [\d,]+ keys are done$/m);
    assert.match(result.stderr, /, resumed$/m);
    assert.ok((await dumpsOf(from)) - dumps < keys, `seed ${seed}: everything was read again`);
    assert.equal(existsSync(file) || existsSync(`${file}.lock`), false);
    await assertSameData(from, to);
  });
}

test('What is counted in both parts is what one run would have counted', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const file = fileFor(t);
  await from.pipeline(setAll(KEYS));
  const running = spawnRump([...endpoints, ...SLOWLY, '--resume', file]);
  await underWay(running, () => keptIn(file) > 0);
  await kill(running);
  const kept = keptIn(file);
  await from.send('CONFIG', 'RESETSTAT');
  const result = await runRump([...endpoints, '--resume', file]);
  assertDone(result);
  assert.match(result.stderr, new RegExp(`^rump: ${KEYS.toLocaleString('en')} keys, .*, resumed$`, 'm'));
  assert.equal(await dumpsOf(from), KEYS - kept);
  assert.equal(await sizeOf(to), KEYS);
});

longTest(
  'What is counted of a copy that is killed again and again is exact under skip, and of keys that are gone',
  async (t) => {
    const { source, target, from, to } = await startPair(t);
    const file = fileFor(t);
    await from.pipeline(setAll(KEYS));
    await to.pipeline(setAll(KEYS, 'own:').filter((_, i) => i % 7 === 0));
    const names = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
    const skipped = names.filter((name, i) => i % 7 === 0 && !isGone(name)).length;
    const expired = names.filter(isGone).length;
    const proxy = await replyProxy(t, source.port, ([command, key]) =>
      command === 'DUMP' && isGone(key!) ? nil : undefined,
    );
    const args = ['--from', proxy.url, '--to', target.url, '--on-conflict', 'skip', '--resume', file];
    const seed = 20_261_128;
    const random = new Random(seed);
    let kept = 0;
    for (let i = 0; i < KILLS; i++) {
      const running = spawnRump([...args, ...SLOWLY]);
      const end = kept + random.between(1, MOST_UNTIL_KILLED);
      await underWay(running, () => keptIn(file) > end);
      await kill(running);
      kept = keptIn(file);
    }
    const result = await runRump([...args, '--json']);
    assert.equal(result.code, 0, result.stderr);
    const done = result.stdout.split('\n').find((line) => line.includes('"event":"done"'));
    const figures = JSON.parse(done!) as Record<string, number>;
    const expected = { keys: KEYS - skipped - expired, skipped, expired, failed: 0 };
    assert.deepEqual(pick(figures, expected), expected, `seed ${seed}`);
  },
);

/** Keys that SCAN names, and that are gone when they are read. */
function isGone(key: string): boolean {
  return /[135]00$/.test(key);
}

function pick(figures: Readonly<Record<string, number>>, names: object): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, figures[name]!]));
}

test('Ctrl-C leaves what is done, says so, and the same command goes on from there', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const file = fileFor(t);
  await from.pipeline(setAll(KEYS));
  const { done } = await interrupt(endpoints, file);
  assertFailed(await done, { code: 130, error: /^rump: warning: the same command goes on from here: .*progress$/ });
  assert.equal(existsSync(`${file}.lock`), false);
  assertDone(await runRump([...endpoints, '--resume', file]));
  assert.equal(await sizeOf(to), KEYS);
});

longTest('A database that was done is not read again', async (t) => {
  const { source, from, to, endpoints } = await startPair(t);
  const file = fileFor(t);
  const third = await source.client(3);
  const few = 200;
  await from.pipeline(setAll(few));
  await third.pipeline(setAll(KEYS));
  const args = [...endpoints, '--db', '0,3'];
  await interrupt(args, file, few + 1);
  const kept = keptIn(file);
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump([...args, '--resume', file]));
  assert.equal(await dumpsOf(from), few + KEYS - kept);
  assert.equal(await sizeOf(to), few);
});

longTest('Where the source is another process its walk begins anew, and that is said', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const [replacement, proxy] = await Promise.all([startServer(), startProxy({ port: source.port })]);
  t.after(() => Promise.all([replacement.stop(), proxy.close()]));
  await from.pipeline(setAll(KEYS));
  await (await replacement.client()).pipeline(setAll(KEYS));
  const args = ['--from', proxy.url, '--to', target.url];
  const file = fileFor(t);
  await interrupt(args, file);
  proxy.leadTo(replacement.port);
  const result = await runRump([...args, '--resume', file]);
  assertDone(result);
  assert.match(result.stderr, /^rump: warning: .* was replaced, or holds other data than when its scan began/m);
  assert.equal(await sizeOf(to), KEYS);
});

test('What an earlier part has written is no conflict, and a key of the target is one', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const file = fileFor(t);
  await from.pipeline(setAll(KEYS));
  await to.pipeline([
    ['SET', 'key:5', 'its own'],
    ['SET', 'key:5500', 'its own'],
  ]);
  const args = [...endpoints, '--on-conflict', 'skip'];
  const running = spawnRump([...args, ...SLOWLY, '--resume', file]);
  await underWay(running, async () => keptIn(file) > 0 && (await sizeOf(to)) > keptIn(file));
  await kill(running);
  const result = await runRump([...args, '--resume', file]);
  assertDone(result);
  assert.match(result.stderr, /^rump: 5,998 keys, .* 2 skipped, 0 expired on the way, 0 failed, resumed$/m);
  assert.deepEqual(
    (
      await to.pipeline([
        ['GET', 'key:5'],
        ['GET', 'key:5500'],
      ])
    ).map(String),
    ['its own', 'its own'],
  );
  assert.equal(await sizeOf(to), KEYS);
});

test('A key that has failed is tried once more, and the exit code is 1 as long as it fails', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const file = fileFor(t);
  await from.pipeline(setAll(100));
  await to.send('SET', 'key:5', 'its own');
  const args = [...endpoints, '--on-conflict', 'fail', '--resume', file];
  for (let i = 0; i < 2; i++) {
    const result = await runRump(args);
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, /^rump: 99 keys, .* 1 failed/m);
    assert.doesNotMatch(result.stdout, /Sync done/);
  }
  await to.send('DEL', 'key:5');
  await from.send('CONFIG', 'RESETSTAT');
  const result = await runRump(args);
  assertDone(result);
  assert.match(result.stderr, /^rump: 100 keys, .* 0 failed, resumed$/m);
  assert.equal(await dumpsOf(from), 1);
  assert.equal(String(await to.send('GET', 'key:5')), '5');
});

longOnly(() => {
  test('What is kept at the target is kept the less often the longer it is', async (t) => {
    const { from, to, endpoints } = await startPair(t);
    const long = Array.from({ length: 8000 }, (_, i) => ['SET', `${i}:${'k'.repeat(200)}`, i]);
    await from.pipeline(long);
    await to.pipeline(long.map(([set, key]) => [set!, key!, 'its own']));
    await to.send('CONFIG', 'RESETSTAT');
    const began = performance.now();
    const args = ['--on-conflict', 'fail', '--resume', 'target', '--tpslimit', '2000', '--count', '50'];
    assert.equal((await runRump([...endpoints, ...args])).code, 1);
    const kept = (await callsOf(to)).get('set')!;
    assert.ok(kept < (performance.now() - began) / 500 + 5, `${kept} times`);
  });
});

/** The node without slots, new to the copy. */
const SPARE = 3;

longTest(
  'A cluster is gone on with, each node where it was left, and slots that moved meanwhile where they are then',
  async (t) => {
    const [source, target] = await Promise.all([startCluster(t), startCluster(t, { spares: 1 })]);
    await source.pipeline(setAll(KEYS));
    for (const where of ['target', fileFor(t)]) {
      const args = ['--from', source.url, '--to', target.url, '--resume', where];
      const running = spawnRump([...args, ...SLOWLY]);
      await underWay(running, async () => (await keysOf(target)) > KEYS / 10);
      await underWay(running, async () => {
        const kept =
          where === 'target' ? await Promise.all(target.clients.slice(0, SPARE).map(keptAt)) : [keptIn(where)];
        // What counts is the oldest.
        return kept.every((keys) => keys > 0);
      });
      await kill(running);
      if (where !== 'target') await moveSlots(source);
      else await moveFirstSlot(target, 1, SPARE);
      await Promise.all(source.clients.map((client) => client.send('CONFIG', 'RESETSTAT')));
      if (where === 'target') await killWhileRemoving(t, target, args);
      const result = await runRump(args);
      assertDone(result);
      assert.match(result.stderr, /, resumed$/m);
      const dumps = await Promise.all(source.clients.map((client) => dumpsOf(client)));
      assert.ok(dumps.reduce((sum, some) => sum + some, 0) < KEYS, 'everything was read again');
      assertSame(await target.contents(), await source.contents(), { ttl: 'relative' });
      await Promise.all(target.clients.map((client) => client.send('FLUSHALL')));
    }
  },
);

/** Where what is kept of the node lies, as its first slot is where reshards begin. */
async function moveFirstSlot(cluster: TestCluster, from: number, to: number): Promise<void> {
  await cluster.moveSlot(firstSlotOf(cluster, from), from, to);
}

function firstSlotOf(cluster: TestCluster, home: number): number {
  let slot = 0;
  while (cluster.homeOf(slot) !== home) slot++;
  return slot;
}

/** All was done, and one node has lost what was kept by then. */
async function killWhileRemoving(t: TestContext, cluster: TestCluster, args: readonly string[]): Promise<void> {
  const { nodes } = cluster;
  const { port } = nodes[2]!;
  const proxy = await startProxy({ port });
  t.after(() => proxy.close());
  proxy.hold(removalAt(firstSlotOf(cluster, 2)), 'up');
  const running = spawnRump([...args, '--to-nat', `127.0.0.1:${port}=127.0.0.1:${proxy.port}`]);
  const client = await nodes[0]!.client();
  await underWay(running, async () => proxy.met > 0 && (await keptAt(client)) === 0);
  await kill(running);
  assert.match(running.stderr, /^rump: warning: the copy goes on from the checkpoint/m);
}

/** Some of each node to the next one. */
async function moveSlots(cluster: TestCluster): Promise<void> {
  for (let slot = 0; slot < 16_384; slot += 1000) {
    const home = cluster.homeOf(slot);
    await cluster.moveSlot(slot, home, (home + 1) % cluster.primaries);
  }
}

async function keysOf({ clients }: TestCluster): Promise<number> {
  const sizes = await Promise.all(clients.map(sizeOf));
  return sizes.reduce((sum, size) => sum + size, 0);
}
