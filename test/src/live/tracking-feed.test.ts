// Which keys have changed, by CLIENT TRACKING of real servers: every kind of change is told by name, and what is missed as a gap.
import assert from 'node:assert/strict';
import { createConnection, type Socket } from 'node:net';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RespError } from '../../../resp/errors.ts';
import { TrackingFeed } from '../../../src/live/tracking-feed.ts';
import type { TestClient } from '../../support/client.ts';
import { openSource, type DeploymentChoice } from '../../support/deployment.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { knows } from '../../support/server-facts.ts';
import { HOST, withPeer } from '../../support/peer.ts';
import { isInStep } from '../../support/replica.ts';
import { servers } from '../../support/server-versions.ts';
import { count } from '../../support/tier.ts';

const POLL_MS = 2;
const WAIT_MS = 10_000;

/** A feed with what it has told. */
interface Followed {
  readonly feed: TrackingFeed;
  readonly keys: Set<string>;
  readonly gaps: string[];
  readonly failures: RespError[];
}

async function follow(t: TestContext, port: number, choice: DeploymentChoice = {}): Promise<Followed> {
  const { deployment, link } = await openSource(port, choice);
  const told = { keys: new Set<string>(), gaps: [] as string[], failures: [] as RespError[] };
  const feed = new TrackingFeed(deployment, deployment.topology.nodes[0]!, link, {
    onChange: (db, key) => {
      assert.equal(db, undefined);
      told.keys.add(key.toString());
    },
    onGap: ({ reason }) => void told.gaps.push(reason),
    onFailed: (error) => void told.failures.push(error),
  });
  await feed.attach();
  t.after(() => {
    feed.detach();
    deployment.close();
  });
  return { feed, ...told };
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; !(await condition());) {
    if (Date.now() > deadline) assert.fail(`In vain waited for ${what}`);
    await sleep(POLL_MS);
  }
}

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

/** What each kind of command changes. */
const CHANGES: readonly (readonly [key: string, ...commands: string[]])[] = [
  ['set', 'SET set 1'],
  ['del', 'SET del 1', 'DEL del'],
  ['unlink', 'SET unlink 1', 'UNLINK unlink'],
  ['getdel', 'SET getdel 1', 'GETDEL getdel'],
  ['append', 'APPEND append x'],
  ['renamed', 'SET renamed 1', 'RENAME renamed newname'],
  ['newname', 'RENAME newname newer'],
  ['persisted', 'SET persisted 1 EX 100', 'PERSIST persisted'],
  ['copied', 'COPY newer copied'],
  ['moved', 'SET moved 1', 'MOVE moved 1'],
  ['union', 'SADD s1 a', 'SADD s2 b', 'SUNIONSTORE union s1 s2'],
  ['zunion', 'ZADD z1 1 a', 'ZUNIONSTORE zunion 1 z1'],
  ['sorted', 'RPUSH l1 2 1', 'SORT l1 STORE sorted'],
  ['lmoved', 'RPOPLPUSH l1 lmoved'],
  ['hash', 'HSET hash f 1', 'HDEL hash f'],
  ['stream', 'XADD stream * f v'],
  ['bits', 'SETBIT bits 7 1'],
  ['hll', 'PFADD hll a'],
  ['geo', 'GEOADD geo 1 1 a'],
  ['script', 'EVAL return(redis.call("SET",KEYS[1],1)) 1 script'],
  ['unnamed', 'EVAL return(redis.call("SET","unnamed",1)) 0'],
  ['queued', 'MULTI', 'SET queued 1', 'EXEC'],
  ['expire', 'SET expire 1', 'EXPIRE expire 100'],
  ['expired', 'SET expired 1 PX 30'],
  ['past', 'SET past 1', 'PEXPIREAT past 1'],
];

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

    test('tells every kind of change by name', async (t) => {
      const { feed, keys, gaps } = await follow(t, server.port);
      for (const [key, ...commands] of CHANGES) {
        keys.clear();
        const words = commands.map((line) => line.split(' '));
        if (!(await knows(client, words.at(-1)![0]!))) continue;
        for (const reply of await client.pipeline(words)) assert.ok(!(reply instanceof Error), String(reply));
        if (key === 'expired') {
          // It goes by itself, without being asked for.
          await until(async () => Number(await client.send('DBSIZE')) >= 0 && keys.size > 0, 'the write');
          keys.clear();
          await until(() => keys.has(key), 'the expiry');
        }
        await feed.caughtUp();
        assert.ok(keys.has(key), `${key}: ${[...keys].join()}`);
      }
      assert.deepEqual(gaps, []);
    });

    test('tells what is evicted', async (t) => {
      await client.send('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
      const { feed, keys } = await follow(t, server.port);
      await client.pipeline(Array.from({ length: 500 }, (_, i) => ['SET', `evicted:${i}`, 'x'.repeat(1000)]));
      await feed.caughtUp();
      keys.clear();
      await client.send('CONFIG', 'SET', 'maxmemory', 1);
      await client.send('SET', 'one-more', '1').catch(() => {});
      await client.send('CONFIG', 'SET', 'maxmemory', 0);
      await feed.caughtUp();
      assert.ok(
        [...keys].some((key) => key.startsWith('evicted:')),
        String(keys.size),
      );
    });

    test('takes FLUSHDB, FLUSHALL and SWAPDB for gaps', async (t) => {
      const { feed, gaps } = await follow(t, server.port);
      for (const [command, reason] of [
        ['FLUSHDB', /flushed/],
        ['FLUSHALL', /flushed/],
        ['SWAPDB 0 1', /SWAPDB/],
        ['CONFIG RESETSTAT', /statistics were reset/],
      ] as const) {
        gaps.length = 0;
        await client.send(...command.split(' '));
        await feed.caughtUp();
        assert.equal(gaps.length, 1, command);
        assert.match(gaps[0]!, reason);
      }
    });

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
      const primary = await startServer({ binary, args: ['--repl-diskless-sync-delay', '0'] });
      t.after(() => primary.stop());
      const { feed, keys, gaps } = await follow(t, server.port);
      await client.send('REPLICAOF', '127.0.0.1', primary.port);
      await until(() => gaps.some((reason) => /it has become a replica/.test(reason)), 'the new role');
      await until(() => gaps.some((reason) => /has loaded other data/.test(reason)), 'the data of the primary');
      await until(() => isInStep(client), 'the replica');
      await (await primary.client()).send('SET', 'from-primary', 1);
      await until(() => keys.has('from-primary'), 'a change that is replicated');
      gaps.length = 0;
      await client.send('REPLICAOF', 'NO', 'ONE');
      await feed.caughtUp();
      assert.deepEqual(gaps, []);
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

    test('has told every acknowledged write when it has caught up, under load', async (t) => {
      const { feed, keys, gaps } = await follow(t, server.port);
      const writers = await Promise.all(Array.from({ length: 4 }, () => server.client()));
      const pending: string[] = [];
      let acknowledged = 0;
      const over = new AbortController();
      const writing = writers.map(async (writer, w) => {
        for (let i = 0; !over.signal.aborted; i++) {
          const names = Array.from({ length: 50 }, (_, j) => `load:${w}:${i}:${j}`);
          await writer.pipeline(names.map((key) => ['SET', key, '1']));
          for (const key of names) pending.push(key);
          acknowledged += names.length;
          await sleep(0);
        }
      });
      for (let look = 0; look < count(50, 300); look++) {
        const before = acknowledged;
        await until(() => acknowledged > before, 'writes');
        const written = pending.splice(0);
        await feed.caughtUp();
        const missing = written.filter((key) => !keys.has(key));
        assert.deepEqual(missing, []);
      }
      over.abort();
      await Promise.all(writing);
      assert.deepEqual(gaps, []);
    });
  });
}

test('TrackingFeed demands that both connections lead to the same server', async (t) => {
  const both = await Promise.all([startServer(), startServer()]);
  t.after(() => Promise.all(both.map((server) => server.stop())));
  let opened = 0;
  /** Connections by turns: so many to the first server, then one to the second. */
  const balance = (turns: number) => (socket: Socket) => {
    const server = createConnection(both[opened++ % turns === turns - 1 ? 1 : 0]!.port, HOST);
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
