// What stands in front of two servers leads one connection here and the next one there: what the feed tells of one server is
// read from that one, and from no other.
import assert from 'node:assert/strict';
import { createConnection, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { lend } from '../support/lent-servers.ts';
import { FEEDS, Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { withPeer } from '../support/peer.ts';
import { startServer } from '../support/redis-server.ts';
import { startPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { variants } from '../support/tier.ts';

const KEYS = 200;
const HOST = '127.0.0.1';

for (const feed of variants(...FEEDS)) {
  test(`What has changed at the server that ${feed} follows is read there, wherever new connections lead`, async (t) => {
    const { source, from, to, target } = await startPair(t);
    const other = await startServer();
    const door = await startProxy(source);
    t.after(() => Promise.all([door.close(), other.stop()]));
    await fill(from, 'old');
    const there = await other.client();
    await fill(there, 'foreign');
    const endpoints = ['--from', door.url, '--to', target.url];
    const run = new Following(t, { endpoints, feed, source: serverSide(() => source, [0]) }).start();
    await run.reaches(PHASE.inSync);

    door.leadTo(other.port);
    await loseReader(from);
    const connections = (): Promise<number> => statOf(there, 'total_connections_received');
    const reads = (): Promise<number> => statOf(there, 'keyspace_hits');
    const before = await connections();
    await fill(from, 'new');
    // It has looked there more than once, and read nothing.
    while ((await connections()) < before + 2 && (await reads()) === 0) await sleep(10);
    door.leadTo(source.port);
    await over(run);
    assert.deepEqual(await valuesOf(to), ['new']);
    assert.equal(await reads(), 0);
  });

  test(`The first copy, followed by ${feed}, comes from the server that is followed`, async (t) => {
    const { source, from, to, target } = await startPair(t);
    const other = await lend(t);
    const there = await other.client();
    await Promise.all([fill(from, 'one'), fill(there, 'another')]);
    let opened = 0;
    const byTurns = (socket: Socket): void => {
      const server = createConnection([source, other][opened++ % 2]!.port, HOST);
      for (const one of [socket, server]) one.on('error', () => {});
      server.on('close', () => socket.destroy());
      socket.on('close', () => server.destroy());
      socket.pipe(server).pipe(socket);
    };
    await withPeer(byTurns, async (port) => {
      const endpoints = ['--from', `redis://${HOST}:${port}`, '--to', target.url];
      const run = new Following(t, { endpoints, feed, source: serverSide(() => source, [0]) }).start();
      await run.reaches(PHASE.inSync);
      await Promise.all([from.send('SET', 'who', 'one'), there.send('SET', 'who', 'another')]);
      await over(run);
    });
    const followed = String(await to.send('GET', 'who'));
    assert.deepEqual(await valuesOf(to), [followed]);
  });
}

function keys(): string[] {
  return Array.from({ length: KEYS }, (_, i) => `key:${i}`);
}

async function fill(client: TestClient, value: string): Promise<void> {
  await client.pipeline(keys().map((key) => ['SET', key, value]));
}

async function valuesOf(client: TestClient): Promise<string[]> {
  return [...new Set(((await client.send('MGET', ...keys())) as Buffer[]).map(String))];
}

/** The feed keeps its own connections. */
async function loseReader(client: TestClient): Promise<void> {
  const list = String(await client.send('CLIENT', 'LIST')).split('\n');
  const readers = list.filter((line) => /\bname=rump .*\bcmd=(?:dump|pexpiretime|pttl|scan)\b/.test(line));
  assert.ok(readers.length > 0);
  for (const line of readers) await client.send('CLIENT', 'KILL', 'ID', /\bid=(\d+)/.exec(line)![1]!);
}

async function statOf(client: TestClient, name: string): Promise<number> {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(String(await client.send('INFO', 'stats')))![1]);
}

async function over(run: Following): Promise<void> {
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
}
