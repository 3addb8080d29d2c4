// Connections to a Unix socket, and why there may be none.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Connection, type ConnectionOptions } from '../../resp/connection.ts';
import { RespError } from '../../resp/errors.ts';
import { handshake } from '../../resp/handshake.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';

let redis: TestServer;
before(async () => {
  redis = await startServer({ unix: true });
});
after(() => redis.stop());

function open(path: string, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  return Connection.open({ peer: { path }, connectTimeout: 5000, timeout: 5000, ...options });
}

test('Connection over a Unix socket logs in, selects and carries large values both ways', async () => {
  const connection = await open(redis.socket);
  await handshake(connection, { db: 3 });
  const value = randomBytes(16 * 1024 * 1024);
  assert.equal(String(await connection.request('SET', 'large', value)), 'OK');
  assert.ok(((await connection.request('GET', 'large')) as Buffer).equals(value));
  const witness = await redis.client(3);
  assert.equal(await witness.send('STRLEN', 'large'), value.length);
  connection.close();
});

test('Connection over a Unix socket names it by its path when the server is gone', async () => {
  const server = await startServer({ unix: true });
  const connection = await open(server.socket);
  assert.equal(String(await connection.request('PING')), 'PONG');
  const lost = {
    name: 'ConnectionError',
    retryable: true,
    message: new RegExp(`^Lost the connection to ${server.socket}: `),
  };
  await Promise.all([assert.rejects(connection.request('BLPOP', 'nothing', '0'), lost), server.kill()]);
  await assert.rejects(open(server.socket), {
    code: 'ECONNREFUSED',
    retryable: true,
    message: `Cannot connect to ${server.socket}: connection refused, nothing listens there`,
  });
  await server.stop();
});

test('Connection over a Unix socket gives up on a server that does not reply', async (t) => {
  const connection = await open(redis.socket, { timeout: 300 });
  redis.pause();
  t.after(() => redis.resume());
  await assert.rejects(connection.request('PING'), {
    name: 'TimeoutError',
    message: `Gave up on ${redis.socket}: for 0.3 s it does not reply`,
  });
});

test('Connection.open() says that there is no such socket', async () => {
  const path = join(redis.dir, 'none.sock');
  await assert.rejects(open(path), (error: RespError) => {
    assert.ok(error instanceof RespError);
    assert.equal(error.message, `Cannot connect to ${path}: no such socket`);
    assert.deepEqual([error.code, error.retryable, error.peer], ['ENOENT', false, { path }]);
    assert.match(error.hint ?? '', /unixsocket/);
    return true;
  });
});

/** Root may open whatever it likes, so it is nobody for that time. */
async function asNobody(run: () => Promise<void>): Promise<void> {
  const { geteuid, seteuid } = process;
  const isRoot = geteuid?.() === 0;
  if (isRoot) seteuid?.(65_534);
  try {
    await run();
  } finally {
    if (isRoot) seteuid?.(0);
  }
}

test('Connection.open() says that it may not use the socket', async (t) => {
  chmodSync(redis.socket, 0o000);
  t.after(() => chmodSync(redis.socket, 0o700));
  await asNobody(() =>
    assert.rejects(open(redis.socket), (error: RespError) => {
      assert.ok(error instanceof RespError);
      assert.equal(error.message, `Cannot connect to ${redis.socket}: no permission to use the socket`);
      assert.deepEqual([error.code, error.retryable], ['EACCES', false]);
      assert.match(error.hint ?? '', /unixsocketperm/);
      return true;
    }),
  );
});

test('Connection.open() may be tried again where too many wait to connect', async (t) => {
  const server = await startServer({ unix: true, args: ['--tcp-backlog', '1'] });
  const waiting: Connection[] = [];
  t.after(() => {
    for (const connection of waiting) connection.fail(new Error('the test is over'));
    return server.stop();
  });
  const fill = async (): Promise<never> => {
    for (;;) waiting.push(await open(server.socket));
  };
  server.pause();
  await assert.rejects(fill(), (error: RespError) => {
    assert.ok(error instanceof RespError);
    // Other systems than Linux say that the connection is refused.
    if (error.code === 'EAGAIN') assert.match(error.message, /: too many wait to connect$/);
    else assert.equal(error.code, 'ECONNREFUSED');
    assert.equal(error.retryable, true);
    return true;
  });
});
