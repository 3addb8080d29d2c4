// Which keys have changed, by CLIENT TRACKING of real servers: every kind of change is told by name.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../../support/client.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { knows } from '../../support/server-facts.ts';
import { servers } from '../../support/server-versions.ts';
import { count } from '../../support/tier.ts';
import { follow, until } from '../../support/tracked-node.ts';

/** What a server was asked so often, by name. */
async function callsOf(client: TestClient, command: string): Promise<number> {
  const stats = String(await client.send('INFO', 'commandstats'));
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
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

    test('asks for little to know that it has caught up', async (t) => {
      const { feed } = await follow(t, server.port);
      const before = [await callsOf(client, 'ping'), await callsOf(client, 'info')] as const;
      for (let i = 0; i < 20; i++) await feed.caughtUp();
      const [pings, infos] = [await callsOf(client, 'ping'), await callsOf(client, 'info')] as const;
      // A beat may have come in between, and two of the looks are the test's own.
      const sent = [pings - before[0] - 3 * 20, infos - before[1] - 2 * 20 - 2] as const;
      assert.ok(
        sent.every((more) => more >= 0 && more <= 4),
        sent.join(),
      );
    });

    test('takes FLUSHDB, FLUSHALL and SWAPDB for gaps', async (t) => {
      const { feed, gaps } = await follow(t, server.port);
      for (const [command, reason] of [
        ['FLUSHDB', /flushed/],
        ['FLUSHALL', /flushed/],
        ['SWAPDB 0 1', /SWAPDB/],
        ['CONFIG RESETSTAT', /statistics of .* were reset/],
      ] as const) {
        gaps.length = 0;
        await client.send(...command.split(' '));
        await feed.caughtUp();
        assert.equal(gaps.length, 1, command);
        assert.match(gaps[0]!, reason);
      }
    });

    test('says why a SWAPDB cannot be seen where INFO is taken away from the user, and sees it again later', async (t) => {
      const { feed, gaps } = await follow(t, server.port);
      for (const [command, reason] of [
        ['ACL SETUSER default -info', /refuses INFO commandstats \(NOPERM .*\(\+info\), a SWAPDB cannot be seen/],
        ['ACL SETUSER default +info', /says again what it counts: a SWAPDB before that was not seen/],
        ['SWAPDB 0 1', /were swapped/],
      ] as const) {
        gaps.length = 0;
        await client.send(...command.split(' '));
        for (let i = 0; i < 2; i++) await feed.caughtUp();
        assert.equal(gaps.length, 1, command);
        assert.match(gaps[0]!, reason);
      }
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
