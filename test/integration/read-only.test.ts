// The source is never written, whatever the run: its own statistics of commands are the witness.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import type { TestClient } from '../support/client.ts';
import { fillAllTypes } from '../support/keyspace.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startPair } from '../support/server-pair.ts';
import { runRump } from '../support/rump.ts';
import { startProxy } from '../support/tcp-proxy.ts';

/** The commands that this server counts and that write, by its own word. */
async function writesOf(client: TestClient): Promise<string[]> {
  const stats = String(await client.send('INFO', 'commandstats'));
  const names = [...stats.matchAll(/^cmdstat_([^|:]+)/gm)].map(([, name]) => name!);
  assert.ok(names.includes('scan'), stats);
  const infos = (await client.send('COMMAND', 'INFO', ...names)) as [Buffer, number, Buffer[]][];
  return infos.filter((info) => info?.[2].some((flag) => String(flag) === 'write')).map(([name]) => String(name));
}

const RUNS: Readonly<Record<string, readonly string[]>> = {
  'a plain copy': [],
  'a copy of one type': ['--type', 'hash'],
  'a copy with filters and other names': ['--match', '*a*', '--exclude', 'b*', '--add-prefix', 'p:'],
  'a copy with idle times': ['--preserve-idle'],
  'a copy that keeps what the target has': ['--on-conflict', 'skip'],
  'a dry run': ['--dry-run'],
};

for (const [name, args] of Object.entries(RUNS)) {
  test(`The source saw no write after ${name}`, async (t) => {
    const { from, endpoints } = await startPair(t);
    await fillAllTypes(from);
    await from.send('CONFIG', 'RESETSTAT');
    const result = await runRump([...endpoints, ...args]);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(await writesOf(from), []);
  });
}

test('The source saw no write after a copy into a file', async (t) => {
  const { from, source } = await startPair(t);
  await fillAllTypes(from);
  await from.send('CONFIG', 'RESETSTAT');
  assert.equal((await runRump(['--from', source.url, '--to', join(source.dir, 'f.resp')])).code, 0);
  assert.deepEqual(await writesOf(from), []);
});

test('The source saw no write after a copy with lost connections', async (t) => {
  const { from, source, target } = await startPair(t);
  await fillAllTypes(from);
  const proxy = await startProxy({ port: source.port });
  t.after(() => proxy.close());
  proxy.cutAfter(30_000, 'down');
  await from.send('CONFIG', 'RESETSTAT');
  const result = await runRump(['--from', proxy.url, '--to', target.url]);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /1 reconnect/);
  assert.deepEqual(await writesOf(from), []);
});

test('No node of a source cluster saw a write', async (t) => {
  const [cluster, pair] = await Promise.all([startCluster(t), startPair(t)]);
  await cluster.pipeline(Array.from({ length: 2000 }, (_, i) => ['SET', `key:${i}`, i]));
  await Promise.all(cluster.clients.map((client) => client.send('CONFIG', 'RESETSTAT')));
  assert.equal((await runRump(['--from', cluster.url, '--to', pair.target.url])).code, 0);
  for (const client of cluster.clients) assert.deepEqual(await writesOf(client), []);
});
