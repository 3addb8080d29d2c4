// Connections that servers close because nobody uses them: no failure, no noise, and no try.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdMidRun, MID_RUN_KEYS } from '../support/mid-run.ts';
import { bulk } from '../support/frames.ts';
import { assertDone } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import type { TestServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { longTest } from '../support/tier.ts';

const KEYS = 2400;
/** Longer than what counts as hanging up at once. */
const IDLE_MS = 700;
/** More often than is tried again. */
const MOST_CLOSED = 4;

/** From now on it closes whoever is idle for a second, clients of the test among them; and how often it was dialled so far. */
async function tiresSoon(server: TestServer): Promise<number> {
  await (await server.client()).send('CONFIG', 'SET', 'timeout', 1);
  return connectionsTo(server);
}

async function connectionsTo(server: TestServer): Promise<number> {
  const info = String(await (await server.client()).send('INFO', 'stats'));
  return Number(/total_connections_received:(\d+)/.exec(info)![1]);
}

longTest(
  'rump opens the idle connections of a cluster as often as they are closed, and says nothing of it',
  async (t) => {
    const [source, target] = await Promise.all([startCluster(t, { primaries: 2 }), startCluster(t, { primaries: 2 })]);
    const keys = Array.from({ length: KEYS }, (_, i) => `{tag}:${i}`);
    await source.pipeline(keys.map((key) => ['SET', key, 'value']));
    const empty = 1 - source.homeOfKey(keys[0]!);
    const idle = [source.nodes[empty]!, target.nodes[empty]!];
    const before = await Promise.all(idle.map(tiresSoon));
    const result = await runRump(['--from', source.url, '--to', target.url, '--tpslimit', '800', '--retries', '1']);
    assertDone(result);
    assert.doesNotMatch(result.stderr, /reconnect|Lost/);
    for (const [i, server] of idle.entries()) assert.ok((await connectionsTo(server)) - before[i]! >= 4, result.stderr);
  },
);

test('A source that closes a connection that is not read from, as the target is behind, costs one try at most', async (t) => {
  const { running, proxy, source, to } = await holdMidRun(t, { held: 'target', args: ['--retries', '1'] });
  await tiresSoon(source);
  const client = await source.client();
  while (/name=rump/.test(String(await client.send('CLIENT', 'LIST')))) {
    assert.equal(running.child.exitCode, null);
    await sleep(10);
  }
  proxy.unstall();
  assertDone(await running.done);
  assert.equal(await to.send('DBSIZE'), MID_RUN_KEYS);
});

test('A target that names no process and closes idle connections is not taken for another one each time', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline(Array.from({ length: 200 }, (_, i) => ['SET', `key:${i}`, 'value']));
  await from.send('RPUSH', 'list', ...Array.from({ length: 600 }, (_, i) => `${i}:`.padEnd(400, 'x')));
  // The value waits until the other connection was closed so often and is there again: nothing is asked on that meanwhile.
  const proceed = new AbortController();
  const isEnough = once(proceed.signal, 'abort');
  let holder: Socket | undefined;
  let [restored, closed] = [0, 0];
  const watches = new Map<Socket, NodeJS.Timeout>();
  const tire = (client: Socket): void => {
    if (holder === undefined || client === holder || restored < 200 || closed === MOST_CLOSED) return;
    clearInterval(watches.get(client));
    closed++;
    client.end();
  };
  const { url } = await replyProxy(t, target.port, async ([name, key], reply, client) => {
    if (closed === MOST_CLOSED && !watches.has(client)) proceed.abort();
    clearInterval(watches.get(client));
    watches.set(client, setInterval(tire, IDLE_MS, client).unref());
    if (name === 'RESTORE' && key!.startsWith('key:')) restored++;
    if (name === 'RPUSH') {
      holder = client;
      await isEnough;
    }
    return name === 'INFO' ? bulk(String(reply).replace(/^run_id:.*\r\n/m, '')) : undefined;
  });
  const args = ['--from', source.url, '--to', url, '--big-key', '100k', '--retries', String(MOST_CLOSED - 1)];
  const result = await runRump(args);
  assertDone(result);
  assert.doesNotMatch(result.stderr, /replaced, restarted or emptied/);
  assert.equal(await to.send('DBSIZE'), 201);
  assert.equal(closed, MOST_CLOSED);
});
