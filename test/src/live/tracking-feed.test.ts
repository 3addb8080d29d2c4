// Which keys have changed, by CLIENT TRACKING of real servers: every kind of change is told by name, and what is missed as a gap.
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RespError } from '../../../resp/errors.ts';
import { TrackingFeed } from '../../../src/live/tracking-feed.ts';
import type { TestClient } from '../../support/client.ts';
import { openSource, type DeploymentChoice } from '../../support/deployment.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { knows } from '../../support/server-facts.ts';
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
