// The feed of a replica, on real servers: what they tell their replicas of, and what becomes of it when the link is lost.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PsyncFeed } from '../../../src/live/psync-feed.ts';
import type { TestClient } from '../../support/client.ts';
import { writesOf } from '../../support/command-stats.ts';
import { Followed, type FollowOptions } from '../../support/followed.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { servers } from '../../support/server-versions.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

const followers: Followed[] = [];

async function follow(options: FollowOptions): Promise<Followed> {
  const followed = await Followed.open((...args) => new PsyncFeed(...args), options);
  followers.push(followed);
  await followed.feed.attach();
  return followed;
}

async function infoOf(client: TestClient, field: string): Promise<string> {
  const text = String(await client.send('INFO', 'replication'));
  return new RegExp(`^${field}:(.*)\r$`, 'm').exec(text)?.[1] ?? '';
}

/** Whether a change of the key was told, in its database or in any. */
function has(told: readonly string[], db: number, key: string): boolean {
  return told.includes(`${db}:${key}`) || told.includes(`?:${key}`);
}

/** What each command changes, by the names of keys in database 0; a command that the server does not have is left out. */
const CHANGES: readonly (readonly [command: string, ...keys: string[]])[] = [
  ['SET string 1', 'string'],
  ['APPEND string 2', 'string'],
  ['INCRBYFLOAT float 1.5', 'float'],
  ['MSET one 1 two 2', 'one', 'two'],
  ['EXPIRE one 100', 'one'],
  ['PERSIST one', 'one'],
  ['RENAME one uno', 'one', 'uno'],
  ['DEL two', 'two'],
  ['GETSET string x', 'string'],
  ['SET taken 1', 'taken'],
  ['GETDEL taken', 'taken'],
  ['GETEX string EX 100', 'string'],
  ['SETRANGE range 5 x', 'range'],
  ['BITOP AND bits string range', 'bits'],
  ['BITFIELD field SET u8 0 1', 'field'],
  ['HSET hash a 1 b 2', 'hash'],
  ['HEXPIRE hash 100 FIELDS 1 a', 'hash'],
  ['HDEL hash a', 'hash'],
  ['RPUSH list 3 1 2 5 6', 'list'],
  ['LMOVE list other LEFT RIGHT', 'list', 'other'],
  ['RPOPLPUSH list other', 'list', 'other'],
  ['SORT list STORE sorted', 'sorted'],
  ['LMPOP 1 list LEFT', 'list'],
  ['BLPOP other 1', 'other'],
  ['SADD set 1 2 3', 'set'],
  ['SADD set2 2 3', 'set2'],
  ['SUNIONSTORE union set set2', 'union'],
  ['SMOVE set set2 1', 'set', 'set2'],
  ['SPOP set 1', 'set'],
  ['SPOP union 100', 'union'],
  ['ZADD zset 1 a 2 b 3 c', 'zset'],
  ['ZUNIONSTORE zunion 1 zset', 'zunion'],
  ['ZRANGESTORE zrange zset 0 -1', 'zrange'],
  ['ZPOPMIN zset', 'zset'],
  ['BZPOPMIN zset 0', 'zset'],
  ['GEOADD geo 1 1 here', 'geo'],
  ['GEORADIUS geo 1 1 100 km STORE near', 'near'],
  ['GEOSEARCHSTORE near2 geo FROMLONLAT 1 1 BYRADIUS 100 km', 'near2'],
  ['PFADD log a b', 'log'],
  ['PFMERGE log2 log', 'log2'],
  ['XADD stream 1-1 a 1', 'stream'],
  ['XGROUP CREATE stream group 0', 'stream'],
  ['XREADGROUP GROUP group me STREAMS stream >', 'stream'],
  ['XACK stream group 1-1', 'stream'],
  ['XGROUP DESTROY stream group', 'stream'],
  ['COPY string copied', 'copied'],
  ['MSETEX 2 m1 1 m2 2 EX 100', 'm1', 'm2'],
  ['UNLINK string', 'string'],
];

for (const { name, binary } of servers(
  'redis-6.0',
  'redis-7.0',
  'redis-8.0',
  'redict-7.3',
  'valkey-8.1',
  'valkey-9.1',
)) {
  describe(`PsyncFeed on ${name}`, () => {
    let server: TestServer;
    let client: TestClient;
    before(async () => {
      server = await startServer({ binary });
      client = await server.client();
    });
    after(() => server.stop());
    // Also where a test has failed: others look for who is attached.
    afterEach(() => {
      for (const { feed } of followers.splice(0)) feed.detach();
    });

    test('tells the keys of every command that changes some', async () => {
      const followed = await follow({ port: server.port });
      for (const [command, ...keys] of CHANGES) {
        await followed.feed.caughtUp();
        followed.changes.clear();
        const [reply] = await client.pipeline([command.split(' ')]);
        if (reply instanceof Error && /unknown command/i.test(reply.message)) continue;
        assert.ok(!(reply instanceof Error), `${command}: ${String(reply)}`);
        const told = await followed.caughtUp();
        assert.deepEqual(
          keys.filter((key) => !has(told, 0, key)),
          [],
          `${command}: ${told.join(' ')}`,
        );
      }
      assert.deepEqual(followed.gaps, []);
      followed.feed.detach();
    });

    test('tells the keys of scripts and transactions, in the database in which they are', async () => {
      const followed = await follow({ port: server.port });
      const script = "redis.call('SET', KEYS[1], 1) redis.call('SELECT', 4) redis.call('SADD', KEYS[2], 1) return 1";
      await client.pipeline([['MULTI'], ['SELECT', 3], ['SET', 'm', 1], ['SELECT', 0], ['SET', 'n', 1], ['EXEC']]);
      await client.send('EVAL', script, 2, 'k1', 'k2');
      const told = await followed.caughtUp();
      for (const key of ['3:m', '0:n', '0:k1', '4:k2']) assert.ok(told.includes(key), `${key} of ${told.join(' ')}`);
      assert.deepEqual(followed.gaps, []);
      assert.equal(followed.feed.position?.offset, Number(await infoOf(client, 'master_repl_offset')));
      followed.feed.detach();
    });

    test('tells keys that the server has to be asked for, however many at once', async () => {
      const followed = await follow({ port: server.port });
      await client.send('RPUSH', 'numbers', 2, 1);
      const sorts = Array.from({ length: 1000 }, (_, i) => ['SORT', 'numbers', 'STORE', `sorted:${i}`]);
      await client.pipeline(sorts);
      const told = await followed.caughtUp();
      assert.equal(told.filter((key) => key.includes(':sorted:')).length, 1000);
      assert.deepEqual(followed.gaps, []);
      followed.feed.detach();
    });

    test('tells a key that moves or is copied in both databases', async () => {
      const followed = await follow({ port: server.port });
      await client.send('SET', 'moving', 1);
      await client.send('MOVE', 'moving', 2);
      await client.pipeline([
        ['SET', 'from', 1],
        ['COPY', 'from', 'to', 'DB', 5],
      ]);
      const told = await followed.caughtUp();
      for (const db of [0, 2]) assert.ok(has(told, db, 'moving'), `${db} of ${told.join(' ')}`);
      if (name !== 'redis-6.0') assert.ok(has(told, 5, 'to'), told.join(' '));
      followed.feed.detach();
    });

    test('tells keys that expire or are evicted', async () => {
      // A server stops evicting after some time: the fewer keys there are, the surer it comes to all of them.
      await client.send('FLUSHALL');
      const followed = await follow({ port: server.port });
      await client.pipeline([
        ['SET', 'short', 1, 'PX', 1],
        ['SET', 'victim', 'x'.repeat(1000)],
      ]);
      await sleep(2);
      await client.send('EXISTS', 'short');
      await client.pipeline([
        ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random'],
        ['CONFIG', 'SET', 'maxmemory', 1],
        ['SET', 'a', 1],
        ['CONFIG', 'SET', 'maxmemory', 0],
      ]);
      await followed.feed.caughtUp();
      const timesOf = (key: string): number =>
        (followed.times.get(`0:${key}`) ?? 0) + (followed.times.get(`?:${key}`) ?? 0);
      // When they were written, and when they went.
      assert.deepEqual([timesOf('short'), timesOf('victim')], [2, 2]);
      followed.feed.detach();
    });

    test('takes what empties or exchanges databases for gaps', async () => {
      const followed = await follow({ port: server.port });
      const other = await server.client(7);
      await other.send('SET', 'a', 1);
      await other.send('FLUSHDB');
      await client.send('SWAPDB', 1, 2);
      await client.send('FLUSHALL');
      await followed.feed.caughtUp();
      assert.deepEqual(
        followed.gaps.map(({ databases }) => databases),
        [[7], [1, 2], undefined],
      );
      followed.feed.detach();
    });

    test('goes on over links that are lost, and tells every key', async () => {
      const followed = await follow({ port: server.port });
      for (let i = 0; i < 300; i++) {
        await client.send('SET', `cut:${i}`, 'x'.repeat(100));
        if (i % 60 === 30)
          await client.send('CLIENT', 'KILL', 'TYPE', i % 120 === 30 ? 'replica' : 'normal', 'SKIPME', 'yes');
      }
      const told = await followed.caughtUp();
      assert.equal(new Set(told.flatMap((key) => /cut:\d+/.exec(key) ?? [])).size, 300);
      assert.deepEqual(followed.gaps, []);
      assert.ok(followed.reconnects > 0);
      followed.feed.detach();
    });

    test('takes it for a gap that the source has no longer what came meanwhile', async (t) => {
      const proxy = await startProxy({ port: server.port });
      t.after(() => proxy.close());
      const followed = await follow({ port: proxy.port });
      await followed.feed.caughtUp();
      await client.send('CONFIG', 'SET', 'repl-backlog-size', 16 * 1024);
      proxy.refuse();
      proxy.cut();
      for (let i = 0; i < 50; i++) await client.send('SET', `lost:${i}`, 'x'.repeat(4096));
      await proxy.accept();
      await followed.feed.caughtUp();
      assert.deepEqual(
        followed.gaps.map(({ reason }) => /repl-backlog-size/.test(reason)),
        [true],
      );
      followed.feed.detach();
    });

    test('goes on from a position that was kept', async () => {
      const first = await follow({ port: server.port });
      await client.send('SET', 'before', 1);
      await first.feed.caughtUp();
      const from = first.feed.position!;
      first.feed.detach();
      await client.send('SET', 'between', 1);
      const second = await follow({ port: server.port, from });
      assert.ok(has(await second.caughtUp(), 0, 'between'));
      assert.deepEqual(second.gaps, []);
      second.feed.detach();
      const third = await follow({ port: server.port, from: { ...from, replicationId: 'f'.repeat(40) } });
      assert.match(third.gaps[0]!.reason, /history/);
      third.feed.detach();
    });

    test('leaves the source as it was', async () => {
      // Those of the tests before may not have left yet.
      while ((await infoOf(client, 'connected_slaves')) !== '0') await sleep(5);
      const clients = String(await client.send('CLIENT', 'LIST')).split('\n').length;
      await client.send('CONFIG', 'RESETSTAT');
      const followed = await follow({ port: server.port });
      await followed.feed.caughtUp();
      assert.deepEqual(await writesOf(client), []);
      assert.equal(Number(await infoOf(client, 'connected_slaves')), 1);
      followed.feed.detach();
      for (;;) {
        const now = String(await client.send('CLIENT', 'LIST')).split('\n').length;
        if (now === clients && (await infoOf(client, 'connected_slaves')) === '0') break;
        await sleep(5);
      }
    });
  });
}
