// Nodes that are known by several names, and values in slots that are on the move: each key finds its way or fails by name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOfKey } from '../support/cluster-slot.ts';
import { error } from '../support/frames.ts';
import { assertDone } from '../support/outcome.ts';
import { startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump, startRump } from '../support/rump.ts';
import { longTest, variants } from '../support/tier.ts';

const TAG = '{open}';
const SLOT = slotOfKey(TAG);
/** Behind three primaries. */
const SPARE = 3;
const KEYS = 100;
/** More than may be on the way at once. */
const MANY = 6000;

async function total(cluster: TestCluster): Promise<number> {
  const sizes = await Promise.all(cluster.clients.map((client) => client.send('DBSIZE')));
  return sizes.reduce<number>((sum, size) => sum + (size as number), 0);
}

for (const [endpoint, ...args] of variants<readonly [string, ...string[]]>(
  ['hostname', '--cluster-announce-hostname', 'localhost'],
  ['unknown-endpoint'],
)) {
  test(`An ASK by another name than the one in CLUSTER NODES is followed at once (${endpoint})`, async (t) => {
    const options = { spares: 1, args: ['--cluster-preferred-endpoint-type', endpoint, ...args] };
    const [source, target] = await Promise.all([startCluster(t, options), startCluster(t, options)]);
    await source.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `${TAG}:${i}`, `value ${i}`]));
    for (const cluster of [source, target]) await cluster.openSlot(SLOT, cluster.homeOf(SLOT), SPARE, KEYS / 2);
    const [from, to] = [source, target].map(({ url }) => url.replace('127.0.0.1', 'localhost'));
    const result = await runRump(['--from', from!, '--to', to!, '--retries', '2']);
    assertDone(result);
    assert.doesNotMatch(result.stderr, /replaced, restarted or emptied/);
    assert.equal(await total(target), KEYS);
  });
}

longTest(
  'A value that is written by commands into an open slot waits for its end, and otherwise fails by name',
  async (t) => {
    const [server, cluster] = await Promise.all([startServer(), startCluster(t, { spares: 1 })]);
    t.after(() => server.stop());
    const client = await server.client();
    const fields = Array.from({ length: 400 }, (_, i) => `field ${i}`);
    for (const key of [`${TAG}:1`, `${TAG}:2`, 'large']) await client.send('HSET', key, ...fields);
    await client.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value ${i}`]));
    const home = cluster.homeOf(SLOT);
    await cluster.openSlot(SLOT, home, SPARE, 0);
    const args = ['--from', server.url, '--to', cluster.url, '--big-key', '1k', '--json'];

    const failed = await runRump([...args, '--retries', '3', '--retry-max', '100ms']);
    assert.equal(failed.code, 1);
    const names = [
      ...failed.stdout.matchAll(
        /"event":"key-failed".*"key":"([^"]*)","code":"TRYAGAIN".*Its slot \d+ is on the move/g,
      ),
    ];
    assert.deepEqual(new Set(names.map(([, key]) => key)), new Set([`${TAG}:1`, `${TAG}:2`]));
    assert.match(failed.stdout, new RegExp(`"event":"done".*"keys":${KEYS + 1},.*"failed":2\\b`));
    assert.equal(await total(cluster), KEYS + 1);

    const running = startRump(args);
    const importing = cluster.clients[SPARE]!;
    await importing.send('CONFIG', 'RESETSTAT');
    await cluster.until('it was told to try again', async () =>
      String(await importing.send('INFO', 'errorstats')).includes('errorstat_TRYAGAIN'),
    );
    await cluster.moveSlot(SLOT, home, SPARE);
    const { code, stdout } = await running.done;
    assert.equal(code, 0, stdout.slice(-1000));
    assert.equal(await total(cluster), KEYS + 3);
  },
);

longTest(
  'A slot that a node sends away, and nobody else takes, is not asked for again and again, and its keys fail alone',
  async (t) => {
    const [cluster, target] = await Promise.all([startCluster(t, { primaries: 1 }), startServer()]);
    t.after(() => target.stop());
    const [{ port }, client] = [cluster.nodes[0]!, await target.client()];
    await cluster.pipeline(Array.from({ length: MANY }, (_, i) => ['SET', `key:${i}`, `value ${i}`]));
    await cluster.pipeline(Array.from({ length: MANY }, (_, i) => ['SET', `${TAG}:${i}`, `value ${i}`]));
    let refused = 0;
    const proxy = await replyProxy(t, port, ([name, key]) => {
      if ((name !== 'DUMP' && name !== 'PEXPIRETIME') || slotOfKey(key!) !== SLOT) return undefined;
      if (name === 'DUMP') refused++;
      return error(`MOVED ${SLOT} 127.0.0.1:${port}`);
    });
    const nat = `127.0.0.1:${port}=${new URL(proxy.url).host}`;
    const args = ['--from', proxy.url, '--from-nat', nat, '--to', target.url, '--retries', '3', '--retry-max', '100ms'];
    const { code, stderr } = await runRump([...args, '--json']);
    assert.equal(code, 1, stderr);
    // A key of another name may have that slot as well.
    const others = Array.from({ length: MANY }, (_, i) => `key:${i}`).filter((key) => slotOfKey(key) !== SLOT);
    assert.equal(await client.send('DBSIZE'), others.length);
    assert.ok(refused <= MANY * 2, `${refused} refused DUMPs`);
  },
);

test('Keys that a node took or was to take which then leaves the cluster arrive elsewhere, and the copy ends', async (t) => {
  const [server, cluster] = await Promise.all([startServer(), startCluster(t, { spares: 1 })]);
  t.after(() => server.stop());
  const keys = [`${TAG}:1`, `${TAG}:2`];
  await (await server.client()).send('MSET', ...keys.flatMap((key) => [key, key]));
  const [home, id] = [cluster.homeOf(SLOT), await cluster.clients[SPARE]!.send('CLUSTER', 'MYID')];
  await cluster.openSlot(SLOT, home, SPARE, 0);
  let leave!: () => void;
  const hasLeft = new Promise<undefined>((resolve) => (leave = () => resolve(undefined)));
  let dumps = 0;
  // The second time they are asked for they are on the way to the node that takes over their slot: one gets there.
  const proxy = await replyProxy(t, server.port, ([name, key]) =>
    name === 'DUMP' && key!.startsWith(TAG) && ++dumps === 2 * keys.length ? hasLeft : undefined,
  );
  const running = startRump(['--from', proxy.url, '--to', cluster.url, '--retry-max', '100ms']);
  await cluster.until('one is there', async () => (await cluster.clients[SPARE]!.send('DBSIZE')) === 1);
  const others = cluster.clients.slice(0, SPARE);
  await others[home]!.send('CLUSTER', 'SETSLOT', SLOT, 'STABLE');
  for (const client of others) await client.send('CLUSTER', 'FORGET', id as Buffer);
  await cluster.nodes[SPARE]!.kill();
  await cluster.until('rump knows that it has left', async () => /replaced, restarted or emptied/.test(running.stderr));
  leave();
  assertDone(await running.done);
  assert.deepEqual(
    await others[home]!.send('MGET', ...keys),
    keys.map((key) => Buffer.from(key)),
  );
});
