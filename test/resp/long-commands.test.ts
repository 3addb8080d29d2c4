// Commands that are longer than what the system takes at once: they go out part by part, and what was sent can be let go.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '../../resp/connection.ts';
import { Parts } from '../../resp/parts.ts';
import { command, simple } from '../support/frames.ts';
import { HOST, withPeer } from '../support/peer.ts';

const TIMEOUT = 1500;
const MIB = 2 ** 20;

/** What it was sent, and how: a pause behind each chunk, and `+OK` when so many bytes have come. */
interface Reader {
  readonly received: Buffer[];
  readonly behave: (socket: Socket) => void;
}

function reader(bytes: number, pause: number): Reader {
  const received: Buffer[] = [];
  let left = bytes;
  const behave = (socket: Socket): void =>
    void socket.on('data', (chunk) => {
      received.push(chunk);
      left -= chunk.length;
      if (left === 0) socket.write(simple('OK'));
      if (pause === 0) return;
      socket.pause();
      setTimeout(() => socket.resume(), pause);
    });
  return { received, behave };
}

function open(port: number): Promise<Connection> {
  return Connection.open({ peer: { host: HOST, port }, connectTimeout: 5000, timeout: TIMEOUT });
}

test('Connection waits for a peer that takes its time over a long command', async () => {
  const value = Buffer.alloc(20 * MIB);
  const { behave } = reader(command('SET', 'key', value).length, TIMEOUT / 150);
  await withPeer(behave, async (port) => {
    const connection = await open(port);
    const begin = performance.now();
    assert.equal(String(await connection.request('SET', 'key', value)), 'OK');
    assert.ok(performance.now() - begin > 2 * TIMEOUT, 'it was no long command');
    connection.close();
  });
});

test('Connection sends all of a long command, and what was begun behind it, although it is closed meanwhile', async () => {
  const value = Buffer.alloc(8 * MIB, 'v');
  const sent = Buffer.concat([command('SET', 'key', value), command('PING')]);
  const { behave, received } = reader(sent.length, 1);
  await withPeer(behave, async (port) => {
    const connection = await open(port);
    connection.request('SET', 'key', value).catch(() => {});
    connection.request('PING').catch(() => {});
    connection.close();
    while (received.reduce((bytes, { length }) => bytes + length, 0) < sent.length) await sleep(1);
    assert.ok(Buffer.concat(received).equals(sent));
  });
});

test('Connection sends an argument in parts as one, and tells when it is let go', async () => {
  const all = [Buffer.alloc(5, 'a'), Buffer.alloc(3 * MIB, 'b'), Buffer.alloc(0), Buffer.alloc(7, 'c')];
  const sent = command('SET', 'key', Buffer.concat(all), 'XX');
  const { behave, received } = reader(sent.length, 0);
  await withPeer(behave, async (port) => {
    const connection = await open(port);
    const parts = new Parts(all);
    let calls = 0;
    parts.letGoWhenSent(() => calls++);
    assert.equal(parts.isSpent, false);
    const reply = connection.request('SET', 'key', parts, 'XX');
    assert.deepEqual([parts.isSpent, parts.length, calls], [true, 3 * MIB + 12, 0]);
    assert.equal(String(await reply), 'OK');
    assert.ok(Buffer.concat(received).equals(sent));
    assert.equal(calls, 1);
    connection.close();
  });
});

test('Connection lets an argument in parts go when it fails, and keeps one that may be sent again', async () => {
  await withPeer(
    (socket) => socket.pause(),
    async (port) => {
      const connection = await open(port);
      const parts = new Parts([Buffer.alloc(32 * MIB)]);
      const letGo = new Promise<void>((resolve) => parts.letGoWhenSent(resolve));
      const kept = new Parts([Buffer.alloc(MIB)]);
      const replies = [connection.request('SET', 'key', parts), connection.request('SET', 'key', kept)];
      setImmediate(() => connection.fail(new Error('it is over')));
      for (const reply of replies) await assert.rejects(reply, /it is over/);
      await letGo;
      assert.deepEqual([parts.isSpent, kept.isSpent], [true, false]);
    },
  );
});
