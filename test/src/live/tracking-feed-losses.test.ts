// What a tracking feed may have missed is a gap, whatever was lost: a connection, its place, the data of its server.
import assert from 'node:assert/strict';
import { createConnection, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { TestClient } from '../../support/client.ts';
import { HOST, withPeer } from '../../support/peer.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { isInStep } from '../../support/replica.ts';
import { servers } from '../../support/server-versions.ts';
import { startProxy } from '../../support/tcp-proxy.ts';
import { follow, until } from '../../support/tracked-node.ts';

/** Ids of the clients: of those that subscribe, or of those that have their keys tracked for another one. */
async function idsOf(client: TestClient, which: 'subscriber' | 'tracker'): Promise<string[]> {
  const list = String(await client.send('CLIENT', 'LIST'))
    .trim()
    .split('\n');
  const flag = which === 'subscriber' ? 'P' : 't';
  const found = list.filter((line) => new RegExp(` flags=\\w*${flag}`).test(line));
  return found.map((line) => /^id=(\d+)/.exec(line)![1]!);
}

/** Of all clients but those of the test. */
async function namesOf(client: TestClient): Promise<string> {
  const list = String(await client.send('CLIENT', 'LIST'));
  return [...list.matchAll(/ name=(\S+)/g)].map(([, name]) => name).join(' ');
}

for (const { name, binary } of servers(
  'redis-6.0',
  'redis-7.0',
  'redis-8.0',
  'redict-7.3',
  'valkey-8.1',
  'valkey-9.1',
)) {
  describe(`TrackingFeed (${name})`, () => {
    let server: TestServer;
    let client: TestClient;
    before(async () => {
      server = await startServer({ binary });
      client = await server.client();
    });
    after(() => server.stop());

    test('takes the loss of either connection for a gap and goes on, and leaves the clients of the server as they were', async (t) => {
      const clientsAre = async (names: string): Promise<boolean> => (await namesOf(client)) === names;
      await until(() => clientsAre(''), 'the end of the feeds before');
      const { feed, keys, gaps, failures } = await follow(t, server.port);
      for (const which of ['subscriber', 'tracker', 'subscriber', 'tracker'] as const) {
        gaps.length = 0;
        const [id] = await idsOf(client, which);
        await client.send('CLIENT', 'KILL', 'ID', id!);
        await feed.caughtUp();
        assert.equal(gaps.length, 1, `${which}: ${gaps.join()}`);
        await client.send('SET', `after:${which}`, '1');
        await feed.caughtUp();
        assert.ok(keys.has(`after:${which}`));
        assert.equal((await idsOf(client, 'subscriber')).length, 1);
        assert.equal((await idsOf(client, 'tracker')).length, 1);
      }
      feed.detach();
      await until(() => clientsAre(''), 'the end of its connections');
      assert.deepEqual(failures, []);
      keys.clear();
      await client.send('SET', 'afterwards', '1');
      assert.equal(keys.size, 0);
    });

    test('takes it for a gap that the server cuts a subscriber to whom it has too much to tell, and goes on', async (t) => {
      const { feed, keys, gaps } = await follow(t, server.port);
      await client.send('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 100kb 0 0');
      await client.send('EVAL', `for i = 1, 20000 do redis.call('SET', 'many:' .. i, i) end`, 0);
      await feed.caughtUp();
      assert.equal(gaps.length, 1);
      await client.send('SET', 'after-many', 1);
      await feed.caughtUp();
      await client.send('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
      assert.ok(keys.has('after-many'));
    });

    test('waits for a script that keeps the server busy, and takes that for no gap', async (t) => {
      const { feed, keys, gaps } = await follow(t, server.port, { retries: 100 });
      await client.send('CONFIG', 'SET', 'lua-time-limit', 1);
      const clock = `local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000`;
      const script = `local function now() ${clock} end local start = now() while now() < start + 300 do end return redis.call('SET', 'busy', 1)`;
      const writer = await server.client();
      await client.send('SET', 'before-busy', 1);
      const running = writer.send('EVAL', script, 0);
      await until(async () => /BUSY/.test(String((await client.pipeline([['PING']]))[0])), 'a busy server');
      await feed.caughtUp();
      assert.equal(String(await running), 'OK');
      assert.ok(keys.has('before-busy'));
      await feed.caughtUp();
      assert.ok(keys.has('busy'));
      assert.deepEqual(gaps, []);
    });

    test('takes a server that answers no more for lost, and goes on when it is back', async (t) => {
      const { feed, keys, gaps, failures } = await follow(t, server.port, { timeout: 300, retries: 100 });
      server.pause();
      const caughtUp = feed.caughtUp();
      const { connection } = feed.server!;
      await until(() => connection.error !== undefined, 'the end of the connection');
      server.resume();
      await caughtUp;
      assert.equal(gaps.length, 1);
      assert.match(gaps[0]!, /it does not reply/);
      await client.send('SET', 'back', 1);
      await feed.caughtUp();
      assert.ok(keys.has('back'));
      assert.deepEqual(failures, []);
    });

    test('finds its way anew where the server becomes a replica, and takes other data for a gap', async (t) => {
      const primary = await startServer({ binary });
      const proxy = await startProxy({ port: primary.port });
      t.after(() => Promise.all([proxy.close(), primary.stop()]));
      const { feed, keys, gaps } = await follow(t, server.port);
      const roles = (): number => gaps.filter((reason) => /it has become a replica/.test(reason)).length;
      // What comes before the feed is there again is told by the new role alone.
      proxy.stall();
      await client.send('REPLICAOF', '127.0.0.1', proxy.port);
      await until(() => roles() === 1, 'the new role');
      proxy.unstall();
      await until(() => gaps.some((reason) => /has loaded other data/.test(reason)), 'the data of the primary');
      await until(() => roles() === 2, 'the role that is another one with these data');
      await until(() => isInStep(client), 'the replica');
      await (await primary.client()).send('SET', 'from-primary', 1);
      await until(() => keys.has('from-primary'), 'a change that is replicated');
      gaps.length = 0;
      await client.send('REPLICAOF', 'NO', 'ONE');
      await feed.caughtUp();
      assert.deepEqual(gaps, []);
    });

    test('takes a source that was a replica for a moment for one with other data', async (t) => {
      const { feed, gaps } = await follow(t, server.port);
      await client.pipeline([
        ['REPLICAOF', '127.0.0.1', 1],
        ['REPLICAOF', 'NO', 'ONE'],
      ]);
      await feed.caughtUp();
      assert.ok(gaps.some((reason) => /has become a replica, or was one/.test(reason)));
    });

    test('rejects where the user may not be told, and fails for good where there were enough tries', async (t) => {
      await client.send('ACL', 'SETUSER', 'nobody', 'reset', 'on', '>pw', '~*', '+@all', '-client');
      const nobody = { username: 'nobody', password: 'pw' };
      await assert.rejects(follow(t, server.port, nobody), { code: 'NOPERM' });
      const ending = await startServer({ binary });
      const { feed, failures } = await follow(t, ending.port, { retries: 2 });
      await ending.stop();
      await assert.rejects(feed.caughtUp(), { code: 'ECONNREFUSED', retryable: false });
      assert.equal(failures.length, 1);
    });
  });
}

test('TrackingFeed demands that both connections lead to the same server', async (t) => {
  const both = await Promise.all([startServer(), startServer()]);
  t.after(() => Promise.all(both.map((server) => server.stop())));
  let opened = 0;
  /** Connections by turns: so many to the first server, then one to the second. */
  const balance = (turns: number) => (socket: Socket) => {
    const server = createConnection(both[opened++ % turns === turns - 1 ? 1 : 0].port, HOST);
    server.on('error', () => socket.destroy());
    server.on('close', () => socket.destroy());
    socket.on('close', () => server.destroy());
    socket.pipe(server).pipe(socket);
  };
  opened = 1;
  await withPeer(balance(3), async (port) => {
    // The second connection leads elsewhere, a third one does not.
    const { feed, keys } = await follow(t, port);
    for (const server of both) await (await server.client()).send('SET', `of:${server === both[0]}`, 1);
    await feed.caughtUp();
    assert.deepEqual([...keys], ['of:true']);
    feed.detach();
  });
  let isFirst = true;
  const apart = (socket: Socket): void => {
    opened = isFirst ? 0 : 1;
    isFirst = false;
    balance(2)(socket);
  };
  await withPeer(apart, async (port) => {
    await assert.rejects(follow(t, port), { code: 'MANY_SERVERS', message: /each connection leads to another server/ });
  });
});
