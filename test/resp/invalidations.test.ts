// What a server in subscriber mode says unasked, however it is cut, between replies that find who asked.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { Connection } from '../../resp/connection.ts';
import { ConnectionError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { array, bulk, byteByByte, error, integer, nil, nilArray, randomSplits, simple } from '../support/frames.ts';
import { HOST, withPeer } from '../support/peer.ts';

const CHANNEL = '__redis__:invalidate';
const PONG = array(bulk('pong'), bulk(''));
const LONG_KEY = 'k'.repeat(200_000);

function message(content: Buffer, channel = CHANNEL): Buffer {
  return array(bulk('message'), bulk(channel), content);
}

function keys(...names: string[]): Buffer {
  return message(array(...names.map(bulk)));
}

const SAID = Buffer.concat([
  array(bulk('subscribe'), bulk(CHANNEL), integer(1)),
  keys('a'),
  PONG,
  keys('b', '', LONG_KEY, '\r\n$3\r\n', 'c'),
  message(nilArray),
  // So the flush comes from some servers, and the channel from others.
  message(nil, '__redict__:invalidat'),
  // Anybody may publish there.
  message(bulk('hello')),
  keys(),
  PONG,
  message(array(bulk('d')), '__redict__:invalidat'),
  error('BUSY running a script'),
  keys('e'),
  PONG,
]);
const TOLD = ['a', 'PONG', 'b', '', LONG_KEY, '\r\n$3\r\n', 'c', 'FLUSH', 'FLUSH', 'PONG', 'd', 'BUSY', 'e', 'PONG'];

/** A peer that says so as soon as it is spoken to, in these pieces. */
function saying(pieces: readonly Buffer[]): (socket: Socket) => void {
  return (socket) => {
    socket.setNoDelay(true);
    socket.once('data', () => {
      const next = (i: number): void => {
        if (i < pieces.length) socket.write(pieces[i]!, () => setImmediate(next, i + 1));
      };
      next(0);
    });
  };
}

function open(port: number): Promise<Connection> {
  return Connection.open({ peer: { host: HOST, port }, connectTimeout: 5000, timeout: 5000 });
}

for (const [how, pieces] of [
  ['whole', [SAID]],
  ['at random', randomSplits(SAID, 11)],
  ['byte by byte but for the long key', cutAroundLongKey()],
] as const) {
  test(`Connection.onInvalidated() hands out keys between replies that find who asked, cut ${how}`, async () => {
    await withPeer(saying(pieces), async (port) => {
      const connection = await open(port);
      const told: string[] = [];
      connection.onInvalidated({
        onKey: (key) => void told.push(key.toString()),
        onFlush: () => void told.push('FLUSH'),
      });
      const pinged = (reply: Reply): void => {
        assert.deepEqual((reply as readonly Buffer[]).map(String), ['pong', '']);
        told.push('PONG');
      };
      const [subscribed] = await Promise.all([
        connection.request('SUBSCRIBE', CHANNEL),
        connection.request('PING').then(pinged),
        connection.request('PING').then(pinged),
        connection.request('PING').catch(({ code }: { code: string }) => told.push(code)),
        connection.request('PING').then(pinged),
      ]);
      assert.deepEqual((subscribed as readonly Reply[]).map(String), ['subscribe', CHANNEL, '1']);
      // A promise is told a little later than a key is.
      assert.deepEqual(
        told.filter((one) => one !== 'PONG' && one !== 'BUSY'),
        TOLD.filter((one) => one !== 'PONG' && one !== 'BUSY'),
      );
      assert.equal(told.length, TOLD.length);
      assert.equal(connection.error, undefined);
      connection.close();
    });
  });
}

function cutAroundLongKey(): Buffer[] {
  const at = SAID.indexOf(LONG_KEY);
  const end = at + LONG_KEY.length;
  return [...byteByByte(SAID.subarray(0, at)), SAID.subarray(at, end), ...byteByByte(SAID.subarray(end))];
}

test('Connection.onInvalidated() makes no reply of a message that is longer than replies may be', async () => {
  const names = Array.from({ length: 50_000 }, (_, i) => `key:${i}`);
  await withPeer(saying([Buffer.concat([keys(...names), simple('PONG')])]), async (port) => {
    const limits = { maxReplyLength: 10_000, maxArrayLength: 100 };
    const connection = await Connection.open({
      peer: { host: HOST, port },
      connectTimeout: 5000,
      timeout: 5000,
      limits,
    });
    const told: string[] = [];
    connection.onInvalidated({ onKey: (key) => void told.push(key.toString()), onFlush: assert.fail });
    assert.equal(String(await connection.request('PING')), 'PONG');
    assert.deepEqual(told, names);
    connection.close();
  });
});

for (const [what, said, isHeard] of [
  ['a message while nobody listens', Buffer.concat([simple('PONG'), keys('a')]), false],
  ['a reply that nobody asked for', Buffer.concat([simple('PONG'), PONG]), true],
  ['a key that is no string', message(Buffer.from('*2\r\n$1\r\na\r\n:5\r\n')), true],
  ['a key that is null', message(array(nil)), true],
  [
    'a message that is cut off by another reply',
    Buffer.from('*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n*9\r\n+OK\r\n:1\r\n:2\r\n'),
    true,
  ],
] as const) {
  test(`Connection fails at ${what}`, { timeout: 10_000 }, async () => {
    await withPeer(saying([said]), async (port) => {
      const connection = await open(port);
      if (isHeard) connection.onInvalidated({ onKey: () => {}, onFlush: assert.fail });
      const failed = new Promise<void>((resolve) => {
        connection.onProgress(() => connection.error !== undefined && resolve());
      });
      connection.request('PING').catch((error: unknown) => assert.ok(!(error instanceof ConnectionError)));
      await failed;
      assert.match(String(connection.error), /ProtocolError: Cannot talk to/);
    });
  });
}
