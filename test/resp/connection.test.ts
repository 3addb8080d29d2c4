// One connection: what it may send, who gets which reply, and that nothing is lost when it is closed.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from '../../resp/command.ts';
import { Connection, type ConnectionOptions } from '../../resp/connection.ts';
import { type ConnectionError, ReadOnlyError, ReplyError } from '../../resp/errors.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { READ_ONLY } from '../../src/server/read-only.ts';
import { bulk, command, simple } from '../support/frames.ts';
import { HOST, withPeer } from '../support/peer.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { count } from '../support/tier.ts';

const LARGE_MIB = count(20, 64);

let redis: TestServer;
before(async () => {
  redis = await startServer();
});
after(() => redis.stop());

function open(port: number, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const peer = { host: HOST, port };
  return Connection.open({ peer, connectTimeout: 5000, timeout: 5000, ...options });
}

test('Connection that only reads refuses every other command before a byte is sent', async () => {
  const received: Buffer[] = [];
  const answer = (socket: Socket): void =>
    void socket.on('data', (chunk) => {
      received.push(chunk);
      socket.write(simple('PONG'));
    });
  await withPeer(answer, async (port) => {
    const connection = await open(port, { readOnly: READ_ONLY });
    const names = 'SET,DEL,RESTORE,FLUSHALL,CLIENT KILL,CONFIG SET,EVAL,EXPIRE,MIGRATE,GETDEL,DISCARD,SHUTDOWN'.split(
      ',',
    );
    for (const name of names) {
      const refused = { name: 'ReadOnlyError', message: `Cannot send ${name}: this connection only reads` };
      await assert.rejects(connection.request(name, 'key', 'value'), refused);
      const silent: Receiver = { onReply: () => {}, onOks: () => {}, onFailure: () => {} };
      assert.throws(() => connection.begin(new Command(name, 0), silent), ReadOnlyError);
    }
    assert.equal(connection.inFlight, 0);
    assert.equal(String(await connection.request('PING')), 'PONG');
    assert.deepEqual(Buffer.concat(received), command('PING'));
    connection.close();
  });
});

test('Connection brings every reply to its sender, in order', async () => {
  const connection = await open(redis.port);
  const replies = await Promise.all(
    Array.from({ length: 1500 }, async (_, i): Promise<Reply> => {
      if (i % 5 === 0) return connection.request('SET', `key:${i}`, String(i));
      if (i % 5 === 1) return connection.request('GET', `key:${i - 1}`);
      if (i % 5 === 2) return connection.request('GET', 'missing');
      if (i % 5 === 3) return connection.request('STRLEN', `key:${i - 3}`);
      return connection.request('NOSUCH').catch((error: ReplyError) => error);
    }),
  );
  for (const [i, reply] of replies.entries()) {
    if (i % 5 === 0) assert.equal(String(reply), 'OK');
    if (i % 5 === 1) assert.equal(String(reply), String(i - 1));
    if (i % 5 === 2) assert.equal(reply, null);
    if (i % 5 === 3) assert.equal(reply, String(i - 3).length);
    if (i % 5 === 4) assert.ok(reply instanceof ReplyError && reply.code === 'ERR' && reply.port === redis.port);
  }
  assert.equal(connection.inFlight, 0);
  connection.close();
});

test('Connection counts OKs for the receiver that asked for them', async () => {
  const connection = await open(redis.port);
  let oks = 0;
  const receiver: Receiver = {
    onReply: () => assert.fail('an OK became an object'),
    onOks: (count) => (oks += count),
    onFailure: () => assert.fail('it failed'),
  };
  const set = new Command('SET', 2);
  for (let i = 0; i < 3000; i++) {
    const encoder = connection.begin(set, receiver);
    encoder.text(`many:${i}`);
    encoder.integer(i);
  }
  assert.equal(String(await connection.request('GET', 'many:2999')), '2999');
  assert.equal(oks, 3000);
  connection.close();
});

test(`Connection carries a value of ${LARGE_MIB} MiB both ways`, async () => {
  const connection = await open(redis.port);
  const value = Buffer.alloc(LARGE_MIB * 1024 * 1024, 'a value of some length, ');
  const stored = connection.request('SET', 'large', value);
  assert.equal(connection.full, true);
  assert.equal(String(await stored), 'OK');
  assert.equal(connection.full, false);
  assert.ok(((await connection.request('GET', 'large')) as Buffer).equals(value));
  assert.equal(await connection.request('DEL', 'large'), 1);
  connection.close();
});

test('Connection.close() sends what was begun, and refuses what comes later', async () => {
  const connection = await open(redis.port);
  const begun = [
    connection.request('SET', 'begun', Buffer.alloc(4 * 1024 * 1024, 'b')),
    connection.request('SET', 'begun:last', 'small'),
  ];
  connection.close();
  const closed = { name: 'ConnectionError', code: 'CLOSED' };
  for (const each of begun) await assert.rejects(each, closed);
  await assert.rejects(connection.request('PING'), closed);
  const client = await redis.client();
  for (let i = 0; i < 200 && (await client.send('EXISTS', 'begun:last')) === 0; i++) await sleep(10);
  assert.equal(await client.send('STRLEN', 'begun'), 4 * 1024 * 1024);
  assert.equal(String(await client.send('GET', 'begun:last')), 'small');
});

test('Connection.close() sends what was begun, though the replies to it stay unread', async () => {
  const client = await redis.client();
  await client.send('SET', 'long', 'a value '.repeat(125));
  const connection = await open(redis.port);
  const failures: Error[] = [];
  const receiver: Receiver = { onReply: () => {}, onOks: () => {}, onFailure: (error) => failures.push(error) };
  const get = new Command('GET', 1);
  for (let i = 0; i < 20_000; i++) connection.begin(get, receiver).text('long');
  const set = connection.begin(new Command('SET', 2), receiver);
  set.text('behind');
  set.text('it');
  connection.close();
  assert.deepEqual(
    failures.map((error) => (error as ConnectionError).code),
    ['CLOSED'],
  );
  for (let i = 0; i < 200 && (await client.send('EXISTS', 'behind')) === 0; i++) await sleep(10);
  assert.equal(await client.send('EXISTS', 'behind'), 1);
});

test('Connection.close() hangs up in the end, though the peer never does', async () => {
  const sockets: Socket[] = [];
  const stay = (socket: Socket): void => {
    socket.allowHalfOpen = true;
    const writing = setInterval(() => socket.write(simple('PONG')), 100);
    sockets.push(socket.on('close', () => clearInterval(writing)).resume());
  };
  await withPeer(stay, async (port) => {
    const connection = await open(port);
    connection.close();
    while (sockets[0]?.closed !== true) await sleep(10);
  });
});

test('Connection.fail() tells everyone in flight, once, and those who come later', async () => {
  await withPeer(
    () => {},
    async (port) => {
      const connection = await open(port);
      const reason = new Error('stopped');
      const asked = [connection.request('PING'), connection.request('TIME')];
      connection.fail(reason);
      connection.fail(new Error('again'));
      for (const each of asked) await assert.rejects(each, reason);
      await assert.rejects(connection.request('PING'), reason);
      assert.equal(connection.error, reason);
    },
  );
});

test('Connection shows its tap every byte that goes either way, and tells all who listen of its progress', async () => {
  const sent: Buffer[] = [];
  const received: Buffer[] = [];
  const closed: (string | undefined)[] = [];
  const value = 'x'.repeat(3_000_000);
  const tap = {
    onSent: (bytes: Buffer) => void sent.push(Buffer.from(bytes)),
    onReceived: (bytes: Buffer) => void received.push(Buffer.from(bytes)),
    onClosed: (reason: Error | undefined) => void closed.push(reason?.message),
  };
  const connection = await open(redis.port, { tap });
  const progress = [0, 0];
  connection.onProgress(() => progress[0]!++);
  connection.onProgress(() => progress[1]!++);
  await connection.request('SET', 'key', value);
  await connection.request('GET', 'key');
  connection.close();
  assert.ok(Buffer.concat(sent).equals(Buffer.concat([command('SET', 'key', value), command('GET', 'key')])));
  assert.ok(Buffer.concat(received).equals(Buffer.concat([simple('OK'), bulk(value)])));
  assert.ok(progress[0]! > 0 && progress[0] === progress[1]);
  while (closed.length === 0) await sleep(1);
  assert.deepEqual(closed, [undefined]);
  const other = await open(redis.port, { tap });
  await other.request('QUIT');
  while (closed.length === 1) await sleep(1);
  assert.match(closed[1]!, /^Lost the connection to /);
});
