// Servers that the tests of a process have one after the other: to start one, and to end it, takes longer than most of what they
// are asked. Who gets one finds it as it was started; one that was changed in a way that cannot be taken back is ended.
import { readdirSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { TestClient } from './client.ts';
import { startServer, type TestServer } from './redis-server.ts';
import { isLong } from './tier.ts';

const idle: TestServer[] = [];
/** What each said of itself when it was started. */
const habits = new WeakMap<TestServer, string>();

/** For one test. */
export async function lend(t: TestContext): Promise<TestServer> {
  const server = await borrow();
  t.after(() => giveBack(server));
  return server;
}

/**
 * It is empty, nobody is connected to it, and it counts from nought. In the long tier everybody has one of his own: there it may
 * matter what a server has been through.
 */
export async function borrow(isLent = !isLong): Promise<TestServer> {
  if (!isLent) return startServer();
  for (let server = idle.pop(); server !== undefined; server = idle.pop()) {
    server.wake();
    // What a test that has ended has left running does not reach the next one.
    if (await isTidied(server)) return server;
    await server.stop();
  }
  const server = await startServer();
  const client = await server.client();
  habits.set(server, await habitsOf(client));
  await client.send('CONFIG', 'RESETSTAT');
  await client.close();
  return server;
}

export async function giveBack(server: TestServer): Promise<void> {
  if (!habits.has(server) || !server.isUntouched || readdirSync(server.dir).length > 0) return server.stop();
  await server.rest();
  idle.push(server);
}

/** @returns whether it has become as it was */
async function isTidied(server: TestServer): Promise<boolean> {
  const client = await server.client().catch(() => undefined);
  if (client === undefined) return false;
  const kinds = ['normal', 'pubsub', 'replica'];
  await client.pipeline(kinds.map((kind) => ['CLIENT', 'KILL', 'TYPE', kind, 'SKIPME', 'yes']));
  await client.pipeline([
    ['CLIENT', 'UNPAUSE'],
    ['FLUSHALL', 'SYNC'],
    ['SCRIPT', 'FLUSH'],
    ['FUNCTION', 'FLUSH'],
  ]);
  const isSame = (await habitsOf(client)) === habits.get(server);
  const logs = ['SLOWLOG', 'LATENCY'].map((log) => [log, 'RESET']);
  await client.pipeline([...logs, ['ACL', 'LOG', 'RESET'], ['CONFIG', 'RESETSTAT']]);
  await client.close();
  return isSame;
}

/** That of a server which refuses them is like no other. */
async function habitsOf(client: TestClient): Promise<string> {
  const replies = await client.pipeline([['CONFIG', 'GET', '*'], ['ACL', 'LIST'], ['ROLE']]);
  return replies.map(String).join('\n');
}
