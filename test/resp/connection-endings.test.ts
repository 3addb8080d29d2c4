// How a connection fails: peers that are not there, that stall, hang up or speak another language, and how soon it says so.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from '../../resp/command.ts';
import { connectFailure } from '../../resp/connect-failure.ts';
import { Connection, type ConnectionOptions } from '../../resp/connection.ts';
import { ConnectionError, ProtocolError, TimeoutError } from '../../resp/errors.ts';
import { bulk } from '../support/frames.ts';
import { HOST, withPeer } from '../support/peer.ts';
import { startServer } from '../support/redis-server.ts';

const TIMEOUT = 300;

function open(port: number, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const peer = { host: HOST, port };
  return Connection.open({ peer, connectTimeout: 5000, timeout: 5000, ...options });
}

/** Resolves with the error that ends the connection. */
function failureOf(connection: Connection): Promise<Error> {
  return new Promise((resolve) => {
    connection.onProgress(() => {
      if (connection.error !== undefined) resolve(connection.error);
    });
  });
}

test('Connection.open() says that nothing listens at a port', async () => {
  let closed = 0;
  await withPeer(
    () => {},
    async (port) => void (closed = port),
  );
  await assert.rejects(open(closed), {
    name: 'ConnectionError',
    code: 'ECONNREFUSED',
    host: HOST,
    port: closed,
    retryable: true,
    message: `Cannot connect to 127.0.0.1:${closed}: connection refused, nothing listens there`,
  });
});

test('Where a process has no file left to connect by, that is said, and what to do', () => {
  const cause = Object.assign(new Error('connect EMFILE 127.0.0.1:1 - Local (undefined:undefined)'), {
    code: 'EMFILE',
  });
  const attempt = { peer: { host: HOST, port: 1 }, tls: undefined, hints: undefined, connected: false };
  const { message, hint } = connectFailure(cause, attempt);
  assert.equal(message, 'Cannot connect to 127.0.0.1:1: too many files are open');
  assert.equal(hint, 'raise ulimit -n');
});

test('Connection.open() says that there is no such host', async () => {
  const peer = { host: 'no-such-host.invalid', port: 6379 };
  await assert.rejects(open(0, { peer }), (error: ConnectionError) => {
    assert.ok(error instanceof ConnectionError);
    assert.match(error.code, /^(ENOTFOUND|EAI_AGAIN)$/);
    assert.equal(error.retryable, true);
    assert.match(error.message, /^Cannot connect to no-such-host\.invalid:6379: /);
    return true;
  });
});

/** A server whose queue of connections is full, so that the system leaves further ones without an answer. */
async function withSilentPort(run: (port: number) => Promise<void>): Promise<void> {
  const silent = await startServer({ args: ['--tcp-backlog', '1'] });
  const waiting: Connection[] = [];
  try {
    silent.pause();
    for (;;) waiting.push(await open(silent.port, { connectTimeout: 250 }));
  } catch (error) {
    assert.ok(error instanceof TimeoutError, String(error));
    await run(silent.port);
  } finally {
    for (const connection of waiting) connection.fail(new Error('the test is over'));
    await silent.stop();
  }
}

test('Connection.open() gives up after the time for the connect, and at once when it is aborted', async () => {
  await withSilentPort(async (port) => {
    const start = performance.now();
    await assert.rejects(open(port, { connectTimeout: 400 }), {
      name: 'TimeoutError',
      code: 'TIMEOUT',
      message: `Cannot connect to 127.0.0.1:${port}: no answer within 0.4 s`,
    });
    assert.ok(performance.now() - start >= 395);
    const controller = new AbortController();
    const reason = new Error('interrupted');
    const opening = open(port, { signal: controller.signal, connectTimeout: 60_000 });
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(opening, reason);
    await assert.rejects(open(port, { signal: AbortSignal.abort(reason) }), reason);
  });
});

test('Connection gives up on a peer that does not reply, and no sooner than allowed', async () => {
  await withPeer(
    () => {},
    async (port) => {
      const connection = await open(port, { timeout: TIMEOUT });
      await sleep(TIMEOUT * 2);
      assert.equal(connection.error, undefined);
      const start = performance.now();
      await assert.rejects(connection.request('PING'), {
        name: 'TimeoutError',
        message: `Gave up on 127.0.0.1:${port}: for 0.3 s it does not reply`,
      });
      assert.ok(performance.now() - start >= TIMEOUT * 0.85);
    },
  );
});

test('Connection gives up on a peer that takes no data', async () => {
  await withPeer(
    (socket) => socket.pause(),
    async (port) => {
      const connection = await open(port, { timeout: TIMEOUT });
      const failure = failureOf(connection);
      connection.request('SET', 'key', Buffer.alloc(64 * 1024 * 1024)).catch(() => {});
      assert.match((await failure).message, /it takes no data$/);
    },
  );
});

/** Replies to so many commands, one after the other, each well within the time that is allowed. */
async function answerSlowly(socket: Socket, replies: number): Promise<void> {
  for (let i = 0; i < replies; i++) {
    await sleep(TIMEOUT / 3);
    socket.write(bulk(`slow ${i}`));
  }
}

test('Connection waits for a peer that is slow but never silent for too long', async () => {
  await withPeer(
    (socket) => void answerSlowly(socket, 6),
    async (port) => {
      const connection = await open(port, { timeout: TIMEOUT });
      const replies = await Promise.all(Array.from({ length: 6 }, () => connection.request('GET', 'key')));
      assert.equal(String(replies[5]), 'slow 5');
      connection.close();
    },
  );
});

test('Connection waits for a long reply as long as much of it comes', async () => {
  const mib = 1024 * 1024;
  const sendSlowly = async (socket: Socket): Promise<void> => {
    socket.write(`$${8 * mib}\r\n`);
    for (let i = 0; i < 8; i++) {
      await sleep(TIMEOUT / 6);
      socket.write(Buffer.alloc(mib));
    }
    socket.write('\r\n');
  };
  await withPeer(
    (socket) => void sendSlowly(socket),
    async (port) => {
      const connection = await open(port, { timeout: TIMEOUT });
      assert.equal(((await connection.request('GET', 'key')) as Buffer).length, 8 * mib);
      connection.close();
    },
  );
});

function drip(socket: Socket): void {
  socket.write('$1000\r\n');
  const timer = setInterval(() => socket.write('x'), TIMEOUT / 10);
  socket.once('close', () => clearInterval(timer));
}

test('Connection gives up on a peer that sends one byte after the other', async () => {
  await withPeer(drip, async (port) => {
    const connection = await open(port, { timeout: TIMEOUT });
    await assert.rejects(connection.request('GET', 'key'), { name: 'TimeoutError', message: /it does not reply$/ });
  });
});

test('Connection takes what a receiver throws for no fault of the peer', async () => {
  const mistake = new Error('a mistake of our own');
  const redis = await startServer();
  for (const isLong of [false, true]) {
    const connection = await open(redis.port);
    const failure = failureOf(connection);
    const receiver = {
      onReply: () => {
        throw mistake;
      },
      onOks: () => {
        throw mistake;
      },
      onFailure: () => {},
    };
    // A short reply comes out of the parser, `+OK`s and long ones by ways of their own.
    const value = Buffer.alloc(isLong ? 1_000_000 : 1);
    const set = connection.begin(new Command('SET', 2), isLong ? { ...receiver, onOks: () => {} } : receiver);
    set.bulk(Buffer.from('key'));
    set.bulk(value);
    connection.begin(new Command('GET', 1), receiver).bulk(Buffer.from('key'));
    assert.equal(await failure, mistake);
  }
  await redis.stop();
});

test('Connection takes no silence of its own making for a stall', async () => {
  const redis = await startServer();
  const connection = await open(redis.port, { timeout: TIMEOUT });
  connection.pause();
  const reply = connection.request('PING');
  await sleep(TIMEOUT * 3);
  assert.equal(connection.error, undefined);
  connection.resume();
  assert.equal(String(await reply), 'PONG');
  connection.close();
  await redis.stop();
});

const ENDINGS: readonly (readonly [what: string, behave: (socket: Socket) => unknown, expected: object])[] = [
  [
    'closes',
    (socket) => socket.end(),
    { name: 'ConnectionError', code: 'CLOSED', retryable: true, message: /: the peer closed it$/ },
  ],
  [
    'closes in the middle of a reply',
    (socket) => socket.end('$100\r\nabc'),
    { name: 'ConnectionError', code: 'CLOSED' },
  ],
  [
    'resets',
    (socket) => socket.resetAndDestroy(),
    { name: 'ConnectionError', code: 'ECONNRESET', retryable: true, message: /: ECONNRESET$/ },
  ],
  [
    'answers in HTTP',
    (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Type: text/secret\r\n\r\n<html>'),
    {
      name: 'ProtocolError',
      message: /^Cannot talk to [\d.:]+: it does not answer in RESP2 \(got "H" as reply type byte\)$/,
    },
  ],
  [
    'sends more replies than were asked for',
    (socket) => socket.write('+OK\r\n+OK\r\n:1\r\n'),
    { name: 'ProtocolError', message: /: it sends replies that nobody asked for$/ },
  ],
];

for (const [what, behave, expected] of ENDINGS) {
  test(`Connection fails, and says why, when the peer ${what}`, async () => {
    await withPeer(
      (socket) => void socket.once('data', () => behave(socket)),
      async (port) => {
        const connection = await open(port);
        const failure = failureOf(connection);
        const [first, second] = [connection.request('PING'), connection.request('DUMP', 'key')];
        await Promise.allSettled([first, second]);
        assert.throws(() => {
          throw connection.error;
        }, expected);
        assert.equal(await failure, connection.error);
        assert.equal(connection.inFlight, 0);
      },
    );
  });
}

test('Connection fails on a reply to nothing at all', async () => {
  await withPeer(
    (socket) => void socket.write('+HELLO\r\n'),
    async (port) => {
      const error = await failureOf(await open(port));
      assert.ok(error instanceof ProtocolError);
      assert.deepEqual([error.host, error.port], [HOST, port]);
    },
  );
});
