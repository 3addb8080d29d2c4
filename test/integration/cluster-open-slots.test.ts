// Slots that are on the move for ever, or on one side only: a reshard that was broken off. What the owner has is copied and
// compared, and each node is walked a number of times that does not grow with the time.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { assertDifferent, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { slotOfKey } from '../support/cluster-slot.ts';
import { callsOf } from '../support/command-stats.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { payloadProxy } from '../support/payload-proxy.ts';
import { createCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { runRump } from '../support/rump.ts';
import { longTest } from '../support/tier.ts';

const KEYS = 240;
const TAG = '{open}';
const SLOT = slotOfKey(TAG);
/** Behind three primaries. */
const SPARE = 3;
const FEW_TRIES = ['--retries', '3', '--retry-max', '100ms'];
/** Every connection begins with a look, which SCANs once itself; the node that was named has a second one. */
function looksAt(node: number): number {
  return node === 0 ? 2 : 1;
}

let cluster: TestCluster;
let server: TestServer;
let client: TestClient;
let home: number;

before(async () => {
  [cluster, server] = await Promise.all([createCluster({ spares: 1 }), startServer()]);
  client = await server.client();
  home = cluster.homeOf(SLOT);
});
after(() => Promise.all([cluster.stop(), server.stop()]));

/** Keys of the slot and of others; the slot is where it was in the beginning, and every node has counted nothing. */
beforeEach(async () => {
  for (const node of cluster.clients) {
    await node.send('CLUSTER', 'SETSLOT', SLOT, 'STABLE');
    await node.send('FLUSHALL');
  }
  await client.send('FLUSHALL');
  await cluster.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `${TAG}:${i}`, `value ${i}`]));
  await cluster.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `other:${i}`, `value ${i}`]));
  for (const node of cluster.clients) await node.send('CONFIG', 'RESETSTAT');
});

async function scans(): Promise<number[]> {
  const calls = await Promise.all(cluster.clients.map((node) => callsOf(node)));
  return calls.map((of) => of.get('scan') ?? 0);
}

/** Every primary walked once, but for these. */
function walks(more: Readonly<Record<number, number>> = {}): number[] {
  return [0, 1, 2, SPARE].map((i) => {
    const walked = more[i] ?? (i === SPARE ? 0 : 1);
    return walked === 0 ? 0 : walked + looksAt(i);
  });
}

function other(): number {
  return (home + 1) % 3;
}

const BROKEN_OFF: readonly {
  readonly what: string;
  readonly open: () => Promise<unknown>;
  readonly walked: () => number[];
}[] = [
  {
    what: 'MIGRATING at its owner alone, towards a node that serves others',
    open: () => cluster.markSlot(SLOT, home, 'MIGRATING', other()),
    walked: () => walks({ [other()]: 2 }),
  },
  {
    what: 'MIGRATING at its owner alone, towards a node that serves none',
    open: () => cluster.markSlot(SLOT, home, 'MIGRATING', SPARE),
    walked: () => walks({ [SPARE]: 1 }),
  },
  {
    what: 'IMPORTING at another node alone',
    open: () => cluster.markSlot(SLOT, other(), 'IMPORTING', home),
    walked: () => walks(),
  },
  {
    what: 'open on both sides, a part of it moved',
    open: () => cluster.openSlot(SLOT, home, other(), KEYS / 3),
    walked: () => walks({ [other()]: 2 }),
  },
];

for (const { what, open, walked } of BROKEN_OFF) {
  test(`A slot that stays ${what} is copied and compared`, async () => {
    await open();
    assertDone(await runRump(['--from', cluster.url, '--to', server.url]));
    assert.equal(await client.send('DBSIZE'), 2 * KEYS);
    assert.deepEqual(await scans(), walked());
    // Some that the cluster lacks are asked for there, and go round between the two nodes.
    await client.pipeline(Array.from({ length: 5 }, (_, i) => ['SET', `${TAG}:more:${i}`, '1']));
    const found = await runCheck(['--from', server.url, '--to', cluster.url, '--recheck', '0']);
    assertDifferent(
      found,
      Array.from({ length: 5 }, (_, i) => `+ ${TAG}:more:${i}`),
    );
    assert.match(found.stderr, /^rump: 480 equal, 0 differ, 5 only at the source, 0 only at the target, /m);
  });
}

test('The names of a slot that is open on one side are walked and compared as any others', async () => {
  await cluster.markSlot(SLOT, home, 'MIGRATING', SPARE);
  await client.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `other:${i}`, `value ${i}`]));
  const found = await runCheck(['--from', server.url, '--to', cluster.url, '--recheck', '0']);
  assert.match(found.stderr, /^rump: 240 equal, 0 differ, 0 only at the source, 240 only at the target, /m);
});

test('A reshard that is broken off in the middle of a copy ends it with what the cluster still has', async () => {
  await cluster.openSlot(SLOT, home, SPARE, KEYS / 3);
  const copying = runRump(['--from', cluster.url, '--to', server.url, '--tpslimit', '400']);
  await cluster.until('keys arrive', async () => ((await client.send('DBSIZE')) as number) > 0);
  await cluster.clients[SPARE]!.send('CLUSTER', 'SETSLOT', SLOT, 'STABLE');
  const result = await copying;
  assert.equal(result.code, 0, result.stderr);
  const left = (await cluster.clients[home]!.send('CLUSTER', 'COUNTKEYSINSLOT', SLOT)) as number;
  assert.equal(left, KEYS - KEYS / 3);
  // What was left behind at the other node is no key of the cluster any more, read or not.
  assert.ok(((await client.send('DBSIZE')) as number) >= KEYS + left);
  for (const [i, count] of (await scans()).entries()) assert.ok(count <= 3 + looksAt(i), `${count} at node ${i}`);
});

test('Keys that a half-moved slot of the target takes at neither node fail by name, and all others arrive', async () => {
  await cluster.markSlot(SLOT, home, 'MIGRATING', SPARE);
  await cluster.clients[home]!.send('DEL', ...Array.from({ length: 40 }, (_, i) => `${TAG}:${i}`));
  await client.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `${TAG}:${i}`, `new ${i}`]));
  await client.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `third:${i}`, `new ${i}`]));
  const result = await runRump(['--from', server.url, '--to', cluster.url, '--json', ...FEW_TRIES]);
  assert.equal(result.code, 1);
  const failed = result.stdout.match(/"event":"key-failed".*\{open\}.*Its slot \d+ has no node that would take it/g);
  assert.equal(failed?.length, 40, result.stdout.slice(-2000));
  assert.match(result.stdout, /"event":"done".*"keys":440,.*"failed":40/);
});

for (const [what, said, isTold] of [
  ['does not say which line of CLUSTER NODES is its own', (text: string) => text.replaceAll('myself,', ''), false],
  ['has no line of its own in CLUSTER NODES', (text: string) => text.replace(/^\w+ (\S+) myself,/gm, '0 $1 '), true],
] as const) {
  test(`A node that ${what} is walked once`, async (t) => {
    const { port } = cluster.nodes[home]!;
    const proxy = new URL(await payloadProxy(t, port, { said })).host;
    const nat = ['--from-nat', `127.0.0.1:${port}=${proxy}`];
    const result = await runRump(['--from', cluster.url, '--to', server.url, ...nat]);
    assertDone(result);
    assert.equal(/warning: .* does not say which slots it holds/.test(result.stderr), isTold, result.stderr);
    assert.equal(await client.send('DBSIZE'), 2 * KEYS);
    assert.deepEqual(await scans(), walks());
  });
}

// The last one: what it kills does not come back.
longTest('A slot on the way to a node that is dead is told in the end, behind all that could be copied', async () => {
  await cluster.markSlot(SLOT, home, 'MIGRATING', SPARE);
  await cluster.nodes[SPARE]!.kill();
  await cluster.until('it is missed by all', async () => {
    const known = await Promise.all(cluster.clients.slice(0, SPARE).map((node) => node.send('CLUSTER', 'NODES')));
    return known.every((nodes) => / master,fail /.test(String(nodes)));
  });
  const result = await runRump(['--from', cluster.url, '--to', server.url, ...FEW_TRIES]);
  assertFailed(result, {
    code: 75,
    error: new RegExp(
      `Cannot read all keys of the source in slots ${SLOT}: .* is giving slot ${SLOT} to node .*SETSLOT ${SLOT} STABLE`,
    ),
  });
  assert.equal(await client.send('DBSIZE'), 2 * KEYS);
  assert.equal((await callsOf(cluster.clients[home]!)).get('scan'), 1 + looksAt(home));
});
