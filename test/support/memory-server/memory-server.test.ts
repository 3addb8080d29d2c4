// The memory server against a real one: the same commands get the same replies, also where they are wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestClient, type Reply } from '../client.ts';
import { command, type Argument } from '../frames.ts';
import { startServer } from '../redis-server.ts';
import { startMemoryServer, type MemoryServerOptions } from './memory-server.ts';

const BINARY = Buffer.from('\0\r\n$-1\r\n\xff', 'latin1');
const FAR_AWAY = 4_102_444_800_123;

test('MemoryServer answers as a real server does', async (t) => {
  const memory = await start(t);
  const server = await startServer();
  t.after(() => server.stop());
  const real = await server.client();
  const commands: Argument[][] = [
    ['PING'],
    ['ping', BINARY],
    ['ECHO', BINARY],
    ['AUTH', 'x'],
    ['AUTH', 'nobody', 'x'],
    ['AUTH', 'default', 'x'],
    ['CLIENT', 'GETNAME'],
    ['CLIENT', 'SETNAME', 'a b'],
    ['CLIENT', 'SETNAME', 'ab'],
    ['CLIENT', 'GETNAME'],
    ['CLIENT', 'SETNAME'],
    ['CLIENT', 'nonsense'],
    ['SELECT', 16],
    ['SELECT', 'x'],
    ['SELECT', 3],
    ['NONSENSE', 'a', 'b\r\nc'],
    ['NONSENSE', 'x'.repeat(100), 'y'.repeat(100), 'z'],
    ['GET'],
    ['SET', 'a'],
    ['SCAN', 'x'],
    ['SCAN', '18446744073709551616'],
    ['SCAN', 0, 'COUNT', 0],
    ['SCAN', 0, 'COUNT', 'x'],
    ['SCAN', 0, 'COUNT'],
    ['SCAN', 0, 'NONSENSE', 1],
    ['SCAN', 0, 'MATCH', 'x'],
    ['DBSIZE'],
    ['RANDOMKEY'],
    ['SET', BINARY, BINARY],
    ['RANDOMKEY'],
    ['SCAN', 0],
    ['GET', BINARY],
    ['STRLEN', BINARY],
    ['STRLEN', 'absent'],
    ['GET', 'absent'],
    ['RPUSH', BINARY, 'x'],
    ['RPUSH', 'list', 'a', BINARY, 'c'],
    ['RPUSH', 'list', 'd'],
    ['LRANGE', 'list', 0, -1],
    ['LRANGE', 'list', -2, 100],
    ['LRANGE', 'list', 2, 1],
    ['LRANGE', 'list', 0, -10],
    ['LRANGE', 'list', 'x', 1],
    ['LRANGE', 'absent', 0, -1],
    ['SADD', 'set', BINARY, BINARY],
    ['SADD', 'set', BINARY],
    ['SMEMBERS', 'set'],
    ['HSET', 'hash', 'field'],
    ['HSET', 'hash', 'field', BINARY, 'field', 'y'],
    ['HSET', 'hash', 'field', BINARY],
    ['HSET', 'hash', 'a', 'b', 'c'],
    ['HGETALL', 'hash'],
    ['ZADD', 'zset', 1, 'b', 1, 'a', '-inf', BINARY, 0.5, 'c', 'inf', 'd'],
    ['ZADD', 'zset', 2, 'c', 'x', 'e'],
    ['ZADD', 'zset', 2],
    ['ZADD', 'zset', 2, 'c', 1],
    ['ZRANGE', 'zset', 0, -1, 'WITHSCORES'],
    ['ZRANGE', 'zset', 1, 2],
    ['ZRANGE', 'zset', 1, 2, 'NONSENSE'],
    ['XADD', 'stream', '1-1', 'field', BINARY],
    ['XADD', 'stream', '1-1', 'field', 'value'],
    ['XADD', 'stream', '0-0', 'field', 'value'],
    ['XADD', 'stream', 'x', 'field', 'value'],
    ['XADD', 'stream', '2-1', 'field'],
    ['XADD', 'stream', '18446744073709551615-2', 'a', '1', 'b', '-007'],
    ['XRANGE', 'stream', '-', '+'],
    ['XRANGE', 'stream', '1-2', '+'],
    ['XRANGE', 'stream', '-', '1'],
    ['TYPE', 'absent'],
    ...[BINARY, 'list', 'set', 'hash', 'zset', 'stream'].map((key) => ['TYPE', key]),
    ['EXISTS', 'list', 'list', 'absent'],
    ['PEXPIREAT', 'list', FAR_AWAY],
    ['PEXPIREAT', 'absent', FAR_AWAY],
    ['PEXPIREAT', 'list', 'x'],
    ['PEXPIRETIME', 'list'],
    ['PEXPIRETIME', 'set'],
    ['PEXPIRETIME', 'absent'],
    ['PTTL', 'set'],
    ['PTTL', 'absent'],
    ['PERSIST', 'list'],
    ['PERSIST', 'list'],
    ['PERSIST', 'absent'],
    ['PEXPIREAT', BINARY, FAR_AWAY],
    ['SET', BINARY, 'y'],
    ['PEXPIRETIME', BINARY],
    ['PEXPIREAT', BINARY, 1],
    ['EXISTS', BINARY],
    ['DUMP', 'absent'],
    ['RESTORE', 'list', -1, ''],
    ['RESTORE', 'absent', -1, ''],
    ['RESTORE', 'absent', 'x', ''],
    ['RESTORE', 'absent', 0, ''],
    ['RESTORE', 'list', 0, 'nonsense nonsense', 'REPLACE'],
    ['RESTORE', 'absent', 0, '', 'NONSENSE'],
    ['RESTORE', 'absent', 0, '', 'IDLETIME'],
    ['RESTORE', 'absent', 0, '', 'IDLETIME', -1],
    ['RESTORE', 'absent', 0, '', 'FREQ', 256],
    ['RESTORE', 'absent', 0, '', 'FREQ', 1, 'IDLETIME', 1],
    ['DEL', 'list', 'set', 'absent'],
    ['DBSIZE'],
    ['FLUSHALL', 'NONSENSE'],
    ['FLUSHALL'],
    ['DBSIZE'],
  ];
  const replies = await memory.pipeline(commands);
  for (const [index, args] of commands.entries()) {
    // One by one: from 7.2 on a refused AUTH gets no reply where another reply waits to be sent.
    const [expected] = await real.pipeline([args]);
    assert.deepEqual(shown(replies[index]!), shown(expected!), args.join(' '));
  }
});

test('MemoryServer keeps its databases apart', async (t) => {
  const client = await start(t);
  const replies = await client.pipeline([['SET', 'key', 'zero'], ['SELECT', 15], ['GET', 'key'], ['DBSIZE']]);
  assert.deepEqual(replies.slice(2), [null, 0]);
  const info = String(await client.send('INFO', 'keyspace'));
  assert.match(info, /^db0:keys=1,expires=0/m);
  assert.doesNotMatch(info, /^db15:/m);
});

test('MemoryServer lets no one in without the password', async (t) => {
  const client = await start(t, { password: 'pässword' });
  const login = [
    ['GET', 'key'],
    ['AUTH', 'x'],
    ['AUTH', 'nobody', 'pässword'],
    ['DBSIZE'],
    ['AUTH', 'default', 'pässword'],
    ['DBSIZE'],
  ];
  const replies = await client.pipeline(login);
  assert.deepEqual(replies.map(shown), [
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair or user is disabled.',
    'WRONGPASS invalid username-password pair or user is disabled.',
    'NOAUTH Authentication required.',
    'OK',
    '0',
  ]);
});

test('MemoryServer has forgotten an expired key for every command', async (t) => {
  const client = await start(t);
  const names = ['a', 'b', 'c'];
  await client.pipeline(names.map((name) => ['SET', name, name]));
  await client.pipeline([
    ['PEXPIREAT', 'a', Date.now() + 20],
    ['PEXPIREAT', 'b', FAR_AWAY],
    ['PEXPIREAT', 'c', FAR_AWAY],
    ['PERSIST', 'c'],
  ]);
  await sleep(40);
  const replies = await client.pipeline([
    ['SCAN', 0],
    ['DBSIZE'],
    ['GET', 'a'],
    ['DUMP', 'a'],
    ['PTTL', 'a'],
    ['INFO', 'stats'],
    ['INFO', 'keyspace'],
  ]);
  const [, keys] = replies[0] as [Reply, Buffer[]];
  assert.deepEqual(keys.map(String).toSorted(), ['b', 'c']);
  assert.deepEqual(replies.slice(1, 5), [2, null, null, -2]);
  assert.match(String(replies[5]), /^expired_keys:1\r$/m);
  assert.match(String(replies[6]), /^db0:keys=2,expires=1,/m);
});

test('MemoryServer INFO tells what a copy asks for', async (t) => {
  const client = await start(t, { version: '6.2.1' });
  const info = String(await client.send('INFO'));
  for (const line of ['redis_version:6.2.1', 'role:master', 'cluster_enabled:0', 'maxmemory:0', 'evicted_keys:0']) {
    assert.ok(info.includes(`\r\n${line}\r\n`), `${line} is missing`);
  }
  assert.match(info, /^run_id:[0-9a-f]{40}\r$/m);
  const other = String(await (await start(t)).send('INFO', 'server'));
  assert.match(other, /^redis_version:7\.0\.15\r$/m);
  assert.notEqual(/run_id:\w+/.exec(info)![0], /run_id:\w+/.exec(other)![0]);
});

test('MemoryServer runs no command for a client that does not read', async (t) => {
  const server = await startMemoryServer();
  const witness = await TestClient.connect({ port: server.port });
  const socket = createConnection(server.port, '127.0.0.1');
  t.after(async () => {
    socket.destroy();
    await witness.close();
    await server.stop();
  });
  await once(socket, 'connect');
  await witness.send('SET', 'large', Buffer.alloc(1024 * 1024));
  const requests = [...Array.from({ length: 200 }, () => command('GET', 'large')), command('SET', 'last', 'x')];
  socket.write(Buffer.concat(requests));
  await sleep(300);
  assert.equal(await witness.send('GET', 'last'), null);
  socket.resume();
  while ((await witness.send('GET', 'last')) === null) await sleep(5);
});

test('MemoryServer.stop() cuts its clients off', async (t) => {
  const server = await startMemoryServer();
  t.after(() => server.stop());
  const client = await TestClient.connect({ port: server.port });
  const closed = assert.rejects(client.pipeline([['PING'], ['PING']]).then(() => client.send('PING')));
  await server.stop();
  await closed;
  await assert.rejects(TestClient.connect({ port: server.port }), { code: 'ECONNREFUSED' });
});

async function start(t: TestContext, options: MemoryServerOptions = {}): Promise<TestClient> {
  const server = await startMemoryServer(options);
  const client = await TestClient.connect({ port: server.port });
  t.after(async () => {
    await client.close();
    await server.stop();
  });
  return client;
}

/** In a form that compares by what is seen. */
function shown(reply: Reply): string | null | unknown[] {
  if (reply instanceof Error) return reply.message;
  if (Array.isArray(reply)) return reply.map(shown);
  return reply === null ? null : Buffer.isBuffer(reply) ? reply.toString('latin1') : String(reply);
}
