// Clusters that have several databases (Valkey 9, cluster-databases) are copied and compared as servers are, on either side.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { assertDifferent, assertEqual, AT_ONCE, runCheck } from '../support/check.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { startControlled } from '../support/controlled.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { createCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { runRump } from '../support/rump.ts';
import { serversWith } from '../support/server-versions.ts';
import { longTest } from '../support/tier.ts';

const KEYS = 300;
/** Behind two primaries. */
const SPARE = 2;
const TAG = '{open}';
const ALL = KEYS + 21;

/** Keys of each database that has some, over all nodes. */
async function sizes(nodes: readonly TestServer[]): Promise<Record<number, number>> {
  const found: Record<number, number> = {};
  for (const node of nodes) {
    const info = String(await (await node.client()).send('INFO', 'keyspace'));
    for (const [, db, keys] of info.matchAll(/^db(\d+):keys=(\d+)/gm)) {
      found[Number(db)] = (found[Number(db)] ?? 0) + Number(keys);
    }
  }
  return found;
}

for (const { name, binary } of serversWith('valkey-9.1')) {
  let source: TestCluster;
  let target: TestCluster;
  let server: TestServer;

  before(async () => {
    const options = { binary, primaries: 2, spares: 1, args: ['--cluster-databases', '16'] };
    [source, target, server] = await Promise.all([
      createCluster(options),
      createCluster(options),
      startServer({ binary }),
    ]);
    await fill(source, 0, '');
    await fill(source, 5, 'of 5 ');
  });
  after(() => Promise.all([source.stop(), target.stop(), server.stop()]));
  beforeEach(async () => {
    for (const client of target.clients) await client.send('FLUSHALL');
    await (await server.client()).send('FLUSHALL');
  });

  async function fill(cluster: TestCluster, db: number, prefix: string): Promise<void> {
    for (const client of cluster.clients) await client.send('SELECT', db);
    await cluster.pipeline([
      ...Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `${prefix}${i}`]),
      ...Array.from({ length: 20 }, (_, i) => ['SET', `${TAG}:${i}`, `${prefix}${i}`]),
      ['HSET', 'large', ...Array.from({ length: 800 }, (_, i) => `${prefix}field ${i}`)],
    ]);
  }

  test(`rump copies and compares every database of a cluster with a cluster (${name})`, async () => {
    const ends = ['--from', source.url, '--to', target.url, '--db', 'all'];
    assert.match((await runRump([...ends, '--dry-run'])).stderr, /databases: 0 to 0, 5 to 5[\s\S]* total +642 /);
    const result = await runRump([...ends, '--big-key', '4k', '--verify']);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(await sizes(target.nodes), { 0: ALL, 5: ALL });
    assertEqual(await runCheck(ends), 2 * ALL);
    await fill(target, 5, 'changed ');
    const check = await runCheck([...ends, ...AT_ONCE, '--match', 'key:1?']);
    assertDifferent(
      check,
      Array.from({ length: 10 }, (_, i) => `* 5:key:1${i}\tvalue`),
    );
  });

  test(`rump maps databases between a cluster and a server, and renames on the way (${name})`, async () => {
    const out = ['--from', source.url, '--to', server.url, '--db', '0,5', '--db-map', '0:7', '--add-prefix', 'p:'];
    assertDone(await runRump(out));
    assert.deepEqual(await sizes([server]), { 7: ALL, 5: ALL });
    assertEqual(await runCheck(out), 2 * ALL);
    const back = ['--from', `${server.url}/7`, '--to', `${target.url}/3`, '--strip-prefix', 'p:'];
    assertDone(await runRump(back));
    assert.deepEqual(await sizes(target.nodes), { 3: ALL });
    assertEqual(await runCheck(['--from', source.url, '--to', `${target.url}/3`]), ALL);
  });

  test(`A slot that stays open is copied in every database (${name})`, async () => {
    const slot = slotOfKey(TAG);
    const home = source.homeOf(slot);
    for (const client of source.clients) await client.send('SELECT', 5);
    await source.markSlot(slot, SPARE, 'IMPORTING', home);
    await source.markSlot(slot, home, 'MIGRATING', SPARE);
    const moved = Array.from({ length: 10 }, (_, i) => `${TAG}:${i}`);
    const { port } = source.nodes[SPARE]!;
    await source.clients[home]!.send('MIGRATE', '127.0.0.1', port, '', 5, 5000, 'KEYS', ...moved);
    assertDone(await runRump(['--from', source.url, '--to', target.url, '--db', 'all']));
    assert.deepEqual(await sizes(target.nodes), { 0: ALL, 5: ALL });
  });

  longTest(`A slot that loses its node meanwhile keeps no database from being copied (${name})`, async (t) => {
    const args = ['--cluster-databases', '2', '--cluster-require-full-coverage', 'no'];
    const cluster = await createCluster({ binary, primaries: 1, args });
    t.after(() => cluster.stop());
    const client = cluster.clients[0]!;
    const many = Array.from({ length: 5000 }, (_, i) => ['SET', `${TAG}:${i}`, i]);
    await client.pipeline([...many, ['SELECT', 1], ...many.slice(0, KEYS)]);
    const pace = ['--tpslimit', '500', '--count', '200', '--retry-max', '50ms', '--retries', '3'];
    const ends = ['--from', cluster.url, '--to', server.url, '--db', 'all'];
    const { running, tell } = await startControlled(t, [...ends, ...pace]);
    const there = await server.client();
    await underWay(running, async () => ((await there.send('DBSIZE')) as number) >= KEYS);
    await client.send('CLUSTER', 'DELSLOTS', slotOfKey('no such key'));
    await tell('tpslimit', '0');
    assertFailed(await running.done, { code: 75, error: /Cannot read all keys of the source in slots \d+: no node/ });
    assert.deepEqual(await sizes([server]), { 0: 5000, 1: KEYS });
  });

  test(`A database that a cluster does not have is refused in its own words (${name})`, async () => {
    const ports = source.nodes.map(({ port }) => port).join('|');
    for (const args of [
      ['--from', source.url, '--to', server.url, '--db', '0,99'],
      ['--from', server.url, '--to', source.url, '--db-map', '0:98'],
    ]) {
      const result = await runRump(args);
      assertRefused(result, {
        error: new RegExp(`^rump: Cannot use database 9\\d of 127\\.0\\.0\\.1:(?:${ports}): .*out of range`),
      });
    }
  });
}
