// What keys are called on the target, with one prefix taken away and another put in front; and names that two keys want.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestClient } from '../support/client.ts';
import { callsOf } from '../support/command-stats.ts';
import { fillAllTypes } from '../support/keyspace.ts';
import { startMemoryServer } from '../support/memory-server/memory-server.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, linesOf } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, startRump, type RumpResult } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { assertSame, snapshot } from '../support/snapshot.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { count, longTest, variants } from '../support/tier.ts';

const MANY = count(20_000, 100_000);

async function names(client: TestClient): Promise<string[]> {
  return ((await client.send('KEYS', '*')) as Buffer[]).map((key) => key.toString('latin1')).toSorted();
}

function named(i: number): string {
  return `${i % 2 === 0 ? 'a:' : 'b:'}${i}`;
}

/** The failed keys by their code, in the order of their names. */
function failuresOf({ stdout }: RumpResult): string[] {
  const events = linesOf(stdout).map((line) => JSON.parse(line) as Record<string, string>);
  const failed = events.filter(({ event }) => event === 'key-failed');
  return failed.map(({ key, code }) => `${code} ${key}`).toSorted();
}

/** Through a file in place of straight into the target: the first of both runs. */
async function throughFile(t: TestContext, from: string, to: string, args: readonly string[]): Promise<RumpResult> {
  const path = join(folderOf(t), 'f.resp');
  const result = await runRump(['--from', from, '--to', path, ...args]);
  assertDone(await runRump(['--from', path, '--to', to]));
  return result;
}

for (const { args, rename } of [
  { args: ['--strip-prefix', 'app:'], rename: (name: string) => name.replace(/^app:/, '') },
  { args: ['--add-prefix', 'new:'], rename: (name: string) => `new:${name}` },
  {
    args: ['--strip-prefix', 'app:', '--add-prefix', 'ключ:'],
    rename: (name: string) => `ÐºÐ»ÑÑ:${name.replace(/^app:/, '')}`,
  },
  {
    args: ['--strip-prefix', 'app:', '--add-prefix', 'app:'],
    rename: (name: string) => name.replace(/^(app:)?/, 'app:'),
  },
] as const) {
  test(`rump ${args.join(' ')} renames every key, and changes nothing else of it`, async (t) => {
    const { source, target, from, to, endpoints } = await startPair(t);
    await fillAllTypes(from, { prefix: 'app:' });
    await from.pipeline([
      ['SET', 'other:app:1', 'not at its beginning'],
      ['SET', 'ap', 'shorter than the prefix'],
    ]);
    const before = await snapshot(from);
    const prefix = Buffer.from('ключ:').toString('latin1');
    const expected = new Map([...before].map(([name, entry]) => [rename(name).replace('ÐºÐ»ÑÑ:', prefix), entry]));
    assert.equal(expected.size, before.size);
    assertDone(await runRump([...endpoints, ...args]));
    assertSame(await snapshot(to), expected);
    await to.send('FLUSHALL');
    assertDone(await throughFile(t, source.url, target.url, args));
    assertSame(await snapshot(to), expected);
    assertSame(await snapshot(from), before);
  });
}

test('rump --strip-prefix may leave a name empty', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline([
    ['SET', 'app:', 'it has no other name'],
    ['SET', 'app:app:', 'once only'],
  ]);
  assertDone(await runRump([...endpoints, '--strip-prefix', 'app:']));
  assert.equal(String(await to.send('GET', '')), 'it has no other name');
  assert.equal(String(await to.send('GET', 'app:')), 'once only');
});

for (const way of variants('into a server', 'into a file')) {
  test(`rump names keys that come to a name that is taken, by their own names, ${way}`, async (t) => {
    const { source, target, from, to, endpoints } = await startPair(t);
    await from.pipeline([
      ['SET', 'a:x', 'of a:x'],
      ['SET', 'x', 'of x'],
      ['RPUSH', 'a:list', 1],
      ['SADD', 'list', 1],
      ['SET', 'a:alone', 1],
      ['SET', 'lonely', 2],
      ['SET', 'a:', 'empty by renaming'],
      ['SET', '', 'empty by itself'],
    ]);
    const args = ['--strip-prefix', 'a:', '--json'];
    const result =
      way === 'into a server'
        ? await runRump([...endpoints, ...args])
        : await throughFile(t, source.url, target.url, args);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^rump: 3 keys were not copied\n$/);
    assert.deepEqual(await names(to), ['', 'alone', 'list', 'lonely', 'x']);
    const failed = failuresOf(result);
    assert.equal(failed.length, 3);
    for (const name of ['x', 'list', '']) {
      const lost = ['', 'a:'].map((prefix) => prefix + name).filter((key) => failed.includes(`COLLISION ${key}`));
      assert.equal(lost.length, 1, `Of the two keys that become "${name}" one is named: ${failed.join()}`);
      const winner = lost[0] === name ? `a:${name}` : name;
      assert.deepEqual(await to.send('DUMP', name), await from.send('DUMP', winner), 'The first stays as it is');
    }
  });
}

longTest(
  'rump tells names that are taken from those that are still on their way to the node of a cluster',
  async (t) => {
    const [cluster, { source, from }] = await Promise.all([startCluster(t, { primaries: 2 }), startPair(t)]);
    const value = 'x'.repeat(500);
    const numbers = Array.from({ length: 6000 }, (_, i) => i);
    await from.pipeline(numbers.flatMap((i) => ['a:', ''].map((prefix) => ['SET', `${prefix}${i}`, prefix + value])));
    const args = ['--strip-prefix', 'a:', '--json', '--count', '20000'];
    const nodes = await Promise.all(
      cluster.nodes.map(async ({ port }) => {
        const proxy = await startProxy({ port });
        t.after(() => proxy.close());
        return { proxy, rule: ['--to-nat', `127.0.0.1:${port}=127.0.0.1:${proxy.port}`] };
      }),
    );
    const rules = nodes.flatMap(({ rule }) => rule);
    const running = startRump(['--from', source.url, '--to', cluster.url, ...args, ...rules]);
    await underWay(running, () => nodes.some(({ proxy }) => proxy.bytesUp > 50_000));
    for (const { proxy } of nodes) proxy.stall();
    // Everything is read, and waits.
    while ((await dumpsOf(from)) < 2 * numbers.length) {
      assert.equal(running.child.exitCode, null, running.stderr);
      await sleep(5);
    }
    for (const { proxy } of nodes) proxy.unstall();
    const result = await running.done;
    assert.equal(result.code, 1);
    const failed = new Set(failuresOf(result).map((line) => line.replace('COLLISION ', '')));
    const contents = await cluster.contents();
    assert.equal(failed.size, numbers.length);
    for (const i of numbers) {
      assert.equal(contents.get(`${i}`)?.value, failed.has(`${i}`) ? `a:${value}` : value, `${i} was overwritten`);
      assert.notEqual(failed.has(`${i}`), failed.has(`a:${i}`), `${i}`);
    }
  },
);

test('rump overwrites no key with another one where the target would not show it', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline([
    ['SET', 'a:x', 'of a:x'],
    ['SET', 'x', 'of x'],
  ]);
  await to.send('ACL', 'SETUSER', 'writer', 'on', '>pw', '~*', '+@all', '-dump');
  const url = target.url.replace('//', '//writer:pw@');
  const result = await runRump(['--from', source.url, '--to', url, '--strip-prefix', 'a:', '--json']);
  assert.equal(result.code, 1);
  const [lost] = failuresOf(result);
  assert.equal(String(await to.send('GET', 'x')), lost === 'COLLISION x' ? 'of a:x' : 'of x');
});

test('rump --strip-prefix takes none of many keys for another one', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const numbers = Array.from({ length: MANY }, (_, i) => i);
  await from.pipeline(numbers.map((i) => ['SET', named(i), i]));
  const result = await runRump([...endpoints, '--strip-prefix', 'a:', '--json']);
  assert.deepEqual(failuresOf(result), []);
  assert.equal(result.code, 0, result.stderr);
  const there = new Set(await names(to));
  assert.equal(there.size, MANY);
  for (const i of numbers) assert.ok(there.has(named(i).replace('a:', '')), `${i} is missing`);
});

longTest('rump --strip-prefix takes no key that SCAN gives twice for another one', async (t) => {
  const twice = await startMemoryServer({ repeats: true });
  t.after(() => twice.stop());
  const from = await TestClient.connect({ port: twice.port });
  t.after(() => from.close());
  await from.pipeline(Array.from({ length: 3000 }, (_, i) => ['SET', named(i), i]));
  await from.pipeline([
    ['SET', 'x', 'of x'],
    ['SET', 'a:x', 'of a:x'],
  ]);
  const { target, to } = await startPair(t);
  for (const throughTheFile of [false, true]) {
    await to.send('FLUSHALL');
    // All on one page, so that both keys come before either comes again.
    const args = ['--strip-prefix', 'a:', '--json', '--count', '5000'];
    const result = throughTheFile
      ? await throughFile(t, twice.url, target.url, args)
      : await runRump(['--from', twice.url, '--to', target.url, ...args]);
    const failed = new Set(failuresOf(result));
    assert.equal(failed.size, 1, `Failed: ${[...failed].join(', ')}`);
    const [lost] = failed;
    assert.match(lost!, /^COLLISION (a:)?x$/);
    assert.equal(String(await to.send('GET', 'x')), lost === 'COLLISION x' ? 'of a:x' : 'of x');
    assert.equal((await names(to)).length, 3001);
  }
});

async function dumpsOf(client: TestClient): Promise<number> {
  return (await callsOf(client)).get('dump') ?? 0;
}
