// What was sent on a connection that is lost, and comes behind what is written on the next one, as through a tunnel: real servers
// behind a proxy that hands it on late.
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LargeValue } from '../../../src/flow/entry.ts';
import type { TestClient } from '../../support/client.ts';
import { callsOf } from '../../support/command-stats.ts';
import { entryOf } from '../../support/entries.ts';
import { handFeed, type HandFedTarget } from '../../support/hand-fed-target.ts';
import { borrow, giveBack, lend } from '../../support/lent-servers.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

const KEYS = 500;
/** Longer than any test. */
const NEVER_MS = 600_000;

let server: TestServer;
let client: TestClient;
const payloads = new Map<string, Buffer>();

before(async () => {
  server = await borrow();
  client = await server.client();
  for (const value of ['old', 'new']) {
    await client.send('SET', 'made', value);
    payloads.set(value, (await client.send('DUMP', 'made')) as Buffer);
  }
});
after(() => giveBack(server));

interface Fed extends HandFedTarget {
  readonly proxy: TcpProxy;
}

async function start(t: TestContext, live: boolean): Promise<Fed> {
  await client.send('FLUSHALL');
  const proxy = await startProxy({ port: server.port });
  t.after(() => proxy.close());
  const options = live ? { live: { ownNames: undefined, keeps: false } } : {};
  const target = await handFeed(t, proxy.port, { renames: false, ...options });
  await target.write(entryOf('first', payloads.get('new')!));
  return { ...target, proxy };
}

function push({ channel }: HandFedTarget, value: string): void {
  for (let i = 0; i < KEYS; i++) channel.push(entryOf(`key:${i}`, payloads.get(value)!));
}

/** Old values are on their way when the connection is lost, new ones are written on the next, and then the old ones come. */
async function writeOver(target: Fed): Promise<() => Promise<number>> {
  const { proxy, channel } = target;
  proxy.delayUp(NEVER_MS);
  push(target, 'old');
  while (proxy.waiting < KEYS * 20) await sleep(1);
  proxy.delayUp(0);
  const deliver = proxy.abandon();
  while (target.told.filter((words) => words.startsWith('again')).length < KEYS) await sleep(1);
  push(target, 'new');
  await channel.settled();
  assert.deepEqual(await valuesThere(), ['new']);
  return deliver;
}

async function valuesThere(): Promise<string[]> {
  const names = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
  const values = (await client.send('MGET', ...names)) as (Buffer | null)[];
  return [...new Set(values.map(String))];
}

async function connections(): Promise<string[]> {
  return String(await client.send('CLIENT', 'LIST')).match(/^id=\d+/gm) ?? [];
}

test('RedisTarget has the server end a connection that was lost with something unanswered, before it writes again', async (t) => {
  const target = await start(t, true);
  await client.send('CONFIG', 'RESETSTAT');
  const deliver = await writeOver(target);
  await deliver();
  assert.deepEqual(await valuesThere(), ['new']);
  assert.equal((await callsOf(client)).get('client|kill'), 1);
  assert.equal(target.unanswered().length, 0);
  assert.equal(target.told.filter((words) => words.startsWith('again')).length, KEYS);
});

test('RedisTarget names what may be overwritten where it may not end that connection', async (t) => {
  const target = await start(t, true);
  await client.send('ACL', 'SETUSER', 'default', '-client|kill');
  t.after(() => client.send('ACL', 'SETUSER', 'default', '+client|kill'));
  const deliver = await writeOver(target);
  await deliver();
  assert.deepEqual(await valuesThere(), ['old'], 'the fault is there');
  const keys = target.unanswered();
  assert.equal(new Set(keys.map(({ key }) => String(key))).size, KEYS);
  assert.equal(target.unanswered().length, 0);
  for (const { db, key } of keys) target.channel.push(entryOf(key, payloads.get('new')!, { db }));
  await target.channel.settled();
  assert.deepEqual(await valuesThere(), ['new']);
});

test('RedisTarget has what may be overwritten read once more when all else is read', async (t) => {
  const target = await start(t, false);
  await client.send('ACL', 'SETUSER', 'default', '-client|kill');
  t.after(() => client.send('ACL', 'SETUSER', 'default', '+client|kill'));
  const deliver = await writeOver(target);
  await deliver();
  const before = target.told.length;
  assert.equal(target.channel.endsLater(), true);
  assert.equal(new Set(target.told.slice(before)).size, KEYS);
  assert.equal(target.channel.endsLater(), false);
});

test('RedisTarget has a connection ended on which a value went by commands', async (t) => {
  const target = await start(t, true);
  const large: LargeValue = {
    type: 'string',
    reading: 'same',
    length: 3,
    async *pieces() {
      yield { type: 'string', value: Buffer.from('old') };
      // All but the last words have been said.
      target.proxy.delayUp(NEVER_MS);
    },
  };
  target.channel.push(entryOf('key:0', null, { kind: 'large', large }));
  while (target.proxy.waiting === 0) await sleep(1);
  target.proxy.delayUp(0);
  await client.send('CONFIG', 'RESETSTAT');
  const deliver = target.proxy.abandon();
  await target.channel.settled();
  target.channel.push(entryOf('key:0', payloads.get('new')!));
  await target.channel.settled();
  await deliver();
  assert.equal(String(await client.send('GET', 'key:0')), 'new');
  assert.ok(((await callsOf(client)).get('client|kill') ?? 0) > 0);
});

test('RedisTarget ends nothing where a connection is lost on which all was answered', async (t) => {
  const target = await start(t, true);
  const before = await connections();
  await client.send('CONFIG', 'RESETSTAT');
  target.proxy.cut();
  // What is written before the loss is seen is not answered.
  while ((await connections()).every((id) => before.includes(id))) await sleep(1);
  await target.write(entryOf('second', payloads.get('new')!));
  assert.equal((await callsOf(client)).get('client|kill'), undefined);
});

test('RedisTarget ends no connection of another process that has the same number', async (t) => {
  const other = await lend(t);
  const there = await other.client();
  const target = await start(t, true);
  target.proxy.delayUp(NEVER_MS);
  push(target, 'old');
  while (target.proxy.waiting < KEYS * 20) await sleep(1);
  target.proxy.delayUp(0);
  target.proxy.leadTo(other.port);
  target.proxy.abandon();
  await target.write(entryOf('second', payloads.get('new')!));
  assert.equal((await callsOf(there)).get('client|kill'), undefined);
  assert.ok(target.told.includes('replaced'));
  assert.equal(target.unanswered().length, 0);
});

test('RedisTarget.waitReplicas() says how many replicas have all that was written', async (t) => {
  const target = await start(t, true);
  assert.equal(await target.waitReplicas(1, 50), 0);
  const replica = await startServer({ args: ['--replicaof', '127.0.0.1', String(server.port)] });
  t.after(() => replica.stop());
  assert.equal(await target.waitReplicas(1, 20_000), 1);
  await target.write(entryOf('second', payloads.get('new')!));
  assert.equal(await target.waitReplicas(1, 20_000), 1);
  const there = await replica.client();
  assert.equal(String(await there.send('GET', 'second')), 'new');
  // Of what was written on a connection before.
  replica.pause();
  await target.write(entryOf('third', payloads.get('new')!));
  target.proxy.cut();
  assert.equal(await target.waitReplicas(1, 50), 0);
  replica.resume();
  assert.equal(await target.waitReplicas(1, 20_000), 1);
  assert.equal(String(await there.send('GET', 'third')), 'new');
  // What was written for that is gone at once.
  while (((await client.send('KEYS', 'rump:*')) as Buffer[]).length > 0);
});
