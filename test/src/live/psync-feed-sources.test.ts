// The feed of a replica, where the source is another one than before, is a replica itself, or lets nobody in but with rights.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RespError } from '../../../resp/errors.ts';
import { PsyncFeed } from '../../../src/live/psync-feed.ts';
import { authority, certificates } from '../../support/certificates.ts';
import type { TestClient } from '../../support/client.ts';
import { Followed, type FollowOptions } from '../../support/followed.ts';
import { slotOfKey } from '../../support/cluster-slot.ts';
import { startCluster } from '../../support/redis-cluster.ts';
import { present } from '../../support/server-versions.ts';
import { withPeer } from '../../support/peer.ts';
import { startServer } from '../../support/redis-server.ts';
import { startReplica } from '../../support/replica.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

const ARGS = ['--repl-diskless-sync-delay', '0'];

async function follow(options: FollowOptions): Promise<Followed> {
  const followed = await Followed.open((...args) => new PsyncFeed(...args), options);
  await followed.feed.attach();
  return followed;
}

async function infoOf(client: TestClient, field: string, section = 'replication'): Promise<string> {
  const text = String(await client.send('INFO', section));
  return new RegExp(`^${field}:(.*)\r$`, 'm').exec(text)?.[1] ?? '';
}

/** Whether a change of the key was told, in its database or in any. */
function has(told: readonly string[], db: number, key: string): boolean {
  return told.includes(`${db}:${key}`) || told.includes(`?:${key}`);
}

test('PsyncFeed follows by TLS, with the rights that it names and no other', async (t) => {
  const server = await startServer({ tls: 'mutual', args: ARGS });
  t.after(() => server.stop());
  const client = await server.client();
  const rights = ['+psync', '+replconf', '+ping', '+info', '+command', '+client|id'];
  const walk = ['+scan', '+dump', '+pttl', '+pexpiretime', '+time', '+dbsize', '~*'];
  await client.send('ACL', 'SETUSER', 'follower', 'on', '>secret123', ...walk, ...rights);
  const { cert, key } = certificates.client;
  const options = {
    port: server.port,
    username: 'follower',
    password: 'secret123',
    tls: { ca: authority.cert, cert, key },
  };
  const followed = await follow(options);
  await client.send('SET', 'a', 1);
  assert.deepEqual(await followed.caughtUp(), ['0:a']);
  followed.feed.detach();
  for (const right of ['psync', 'replconf', 'command']) {
    await client.send('ACL', 'SETUSER', 'follower', `-${right}`);
    await assert.rejects(follow(options), (error: RespError) => {
      assert.equal(error.code, 'NOPERM');
      assert.match(error.hint ?? '', new RegExp(`\\+${right}`));
      return true;
    });
    await client.send('ACL', 'SETUSER', 'follower', `+${right}`);
  }
});

test('PsyncFeed goes on at a replica that has become the primary, from where it was', async (t) => {
  const primary = await startServer({ args: ARGS });
  const replica = await startReplica(primary, { args: ARGS });
  const proxy = await startProxy({ port: primary.port });
  t.after(() => Promise.all([primary.stop(), replica.stop(), proxy.close()]));
  const [old, next] = [await primary.client(), await replica.client()];
  const followed = await follow({ port: proxy.port });
  await old.send('SET', 'before', 1);
  await followed.feed.caughtUp();
  await old.send('SET', 'last', 1);
  await old.send('WAIT', 1, 0);
  const { replicationId } = followed.feed.position!;
  await next.send('REPLICAOF', 'NO', 'ONE');
  proxy.leadTo(replica.port);
  await primary.kill();
  await next.send('SET', 'after', 1);
  const told = await followed.caughtUp();
  for (const key of ['before', 'last', 'after']) assert.ok(has(told, 0, key), told.join(' '));
  assert.deepEqual(followed.gaps, []);
  assert.notEqual(followed.feed.position!.replicationId, replicationId);
  followed.feed.detach();
});

test('PsyncFeed follows a replica, which stays in its place while it is followed', async (t) => {
  const primary = await startServer({ args: ARGS });
  const replica = await startReplica(primary, { args: ARGS });
  t.after(() => Promise.all([primary.stop(), replica.stop()]));
  const [client, witness] = [await primary.client(), await replica.client()];
  const followed = await follow({ port: replica.port });
  await client.send('SET', 'chained', 1);
  await client.send('WAIT', 1, 0);
  assert.ok(has(await followed.caughtUp(), 0, 'chained'));
  // It becomes a primary, and with that its history has another id.
  await witness.send('REPLICAOF', 'NO', 'ONE');
  await witness.send('SET', 'alone', 1);
  assert.ok(has(await followed.caughtUp(), 0, 'alone'));
  assert.equal(followed.feed.position!.replicationId, await infoOf(witness, 'master_replid'));
  assert.deepEqual(followed.gaps, []);
  followed.feed.detach();
});

test('PsyncFeed has its link at the process that it asks, where the next connection leads to a replica of that', async (t) => {
  const primary = await startServer({ args: ARGS });
  const replica = await startReplica(primary, { args: ARGS });
  t.after(() => Promise.all([primary.stop(), replica.stop()]));
  const [client, witness] = [await primary.client(), await replica.client()];
  let opened = 0;
  const byTurns = (socket: Socket): void => {
    const server = connect([primary, replica][opened++ % 2]!.port, '127.0.0.1').on('error', () => {});
    server.on('close', () => socket.destroy());
    socket.on('close', () => server.destroy());
    socket.pipe(server).pipe(socket);
  };
  await withPeer(byTurns, async (port) => {
    const followed = await follow({ port });
    await client.send('SET', 'told', 1);
    assert.ok(has(await followed.caughtUp(), 0, 'told'));
    assert.equal(followed.feed.process, await infoOf(client, 'run_id', 'server'));
    assert.deepEqual([await infoOf(client, 'connected_slaves'), await infoOf(witness, 'connected_slaves')], ['2', '0']);
    assert.deepEqual(followed.gaps, []);
    followed.feed.detach();
  });
});

test('PsyncFeed.caughtUp() waits for what was written before, and not for what is written meanwhile', async (t) => {
  const server = await startServer({ args: ARGS });
  t.after(() => server.stop());
  const [client, writer] = [await server.client(), await server.client()];
  const followed = await follow({ port: server.port });
  const over = new AbortController();
  const load = (async (): Promise<void> => {
    const commands = Array.from({ length: 500 }, (_, i) => ['SET', `load:${i}`, 'x'.repeat(100)]);
    while (!over.signal.aborted) await writer.pipeline(commands);
  })();
  for (let i = 0; i < 20; i++) {
    await client.send('SET', `mine:${i}`, i);
    assert.ok(has(await followed.caughtUp(), 0, `mine:${i}`));
  }
  over.abort();
  await load;
  followed.feed.detach();
});

test('PsyncFeed takes a restart without a file for a gap', async (t) => {
  const server = await startServer({ args: ARGS });
  const other = await startServer({ args: ARGS });
  const proxy = await startProxy({ port: server.port });
  t.after(() => Promise.all([server.stop(), other.stop(), proxy.close()]));
  const followed = await follow({ port: proxy.port });
  proxy.leadTo(other.port);
  await server.kill();
  await followed.feed.caughtUp();
  assert.match(followed.gaps[0]!.reason, /history/);
  followed.feed.detach();
});

test('PsyncFeed is lost for good once there were enough tries, and caughtUp() says so', async (t) => {
  const server = await startServer({ args: ARGS });
  t.after(() => server.stop());
  const followed = await follow({ port: server.port, retries: 1 });
  const isCaughtUp = followed.feed.caughtUp();
  await isCaughtUp;
  await server.kill();
  await assert.rejects(followed.feed.caughtUp(), { code: 'ECONNREFUSED' });
  assert.equal(followed.failed?.code, 'ECONNREFUSED');
});

interface Filter {
  port: number;
  /** Nothing of the stream of a replica passes. */
  isMute: boolean;
  /** A replica is cut off as soon as it may go on. */
  cuts: boolean;
  /** A reply, in place of which comes another one. */
  misanswers: string;
  /** How often either has happened. */
  met: number;
  /** How often the source was asked how far it is. */
  asked: number;
}

async function startFilter(t: TestContext, to: number): Promise<Filter> {
  const state = { port: 0, isMute: false, cuts: false, misanswers: '', met: 0, asked: 0 };
  const listener = createServer((client) => {
    const server = connect(to, '127.0.0.1').on('error', () => {});
    let isReplica = false;
    client.on('data', (data) => {
      isReplica ||= data.includes('PSYNC');
      if (data.includes('replication')) state.asked++;
      server.write(data);
    });
    server.on('data', (data) => {
      const isCut = state.cuts && data.includes('+CONTINUE');
      if (isReplica && (state.isMute || isCut)) state.met++;
      else if (state.misanswers === '') client.write(data);
      else client.write(data.toString('latin1').replace(state.misanswers, '+OK\r\n'), 'latin1');
      if (isCut) client.end(data);
    });
    client.on('error', () => {}).on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  });
  t.after(() => listener.close());
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  state.port = (listener.address() as AddressInfo).port;
  return state;
}

test('PsyncFeed finds a link on which nothing comes of what the source has, and a quiet source is none', async (t) => {
  const server = await startServer({ args: [...ARGS, '--repl-ping-replica-period', '3600'] });
  t.after(() => server.stop());
  const client = await server.client();
  const filter = await startFilter(t, server.port);
  const followed = await follow({ port: filter.port, timeout: 400 });
  // It looks once a second.
  for (const asked = filter.asked; filter.asked < asked + 2;) await sleep(5);
  assert.equal(followed.reconnects, 0);
  filter.isMute = true;
  await client.send('SET', 'a', 1);
  while (followed.reconnects === 0) await sleep(5);
  assert.ok(filter.met > 0);
  filter.isMute = false;
  assert.ok(has(await followed.caughtUp(), 0, 'a'));
  assert.deepEqual(followed.gaps, []);
  followed.feed.detach();
});

test('PsyncFeed gives up on a source that cuts each link off before it has brought anything', async (t) => {
  const server = await startServer({ args: ARGS });
  t.after(() => server.stop());
  const filter = await startFilter(t, server.port);
  const followed = await follow({ port: filter.port, retries: 3 });
  filter.cuts = true;
  await (await server.client()).send('CLIENT', 'KILL', 'TYPE', 'replica');
  while (followed.failed === undefined) await sleep(5);
  assert.equal(followed.failed.code, 'CLOSED');
  assert.ok(filter.met >= 3);
});

// It tells its replicas whose the slot is, where it has any of its own.
for (const { name, binary } of present(['valkey-8.1'])) {
  test(`PsyncFeed tells the keys of a slot that a cluster moves key by key, and misses nothing by it, on ${name}`, async (t) => {
    const cluster = await startCluster(t, { binary, primaries: 2, replicas: 1, args: ARGS });
    const slot = slotOfKey('a');
    const home = cluster.homeOf(slot);
    await cluster.clients[home]!.send('SET', 'a', 1);
    const followed = await Promise.all(
      [home, 1 - home].map((i) => follow({ port: cluster.nodes[0]!.port, nodeAt: cluster.nodes[i]!.port })),
    );
    await cluster.moveSlot(slot, home, 1 - home);
    for (const one of followed) {
      assert.ok((await one.caughtUp()).some((key) => key.endsWith(':a')));
      assert.deepEqual(one.gaps, []);
      one.feed.detach();
    }
  });
}

for (const { name, binary } of present(['valkey-9.1'])) {
  test(`PsyncFeed tells the keys of slots that a cluster moves as a whole, and a slot that is emptied, on ${name}`, async (t) => {
    const cluster = await startCluster(t, { binary, primaries: 2, args: ARGS });
    const slot = slotOfKey('a');
    const home = cluster.homeOf(slot);
    const [at, other] = [cluster.clients[home]!, cluster.clients[1 - home]!];
    await at.send('SET', 'a', 1);
    const [from, to] = await Promise.all(
      [home, 1 - home].map((i) => follow({ port: cluster.nodes[0]!.port, nodeAt: cluster.nodes[i]!.port })),
    );
    await at.send(
      'CLUSTER',
      'MIGRATESLOTS',
      'SLOTSRANGE',
      slot,
      slot,
      'NODE',
      (await other.send('CLUSTER', 'MYID')) as Buffer,
    );
    await cluster.until('the slot has moved', async () => String(await other.pipeline([['GET', 'a']])) === '1');
    await cluster.until('the source has let it go', async () =>
      (await from!.caughtUp()).some((key) => key.endsWith(':a')),
    );
    assert.ok((await to!.caughtUp()).some((key) => key.endsWith(':a')));
    await other.send('CLUSTER', 'FLUSHSLOT', slot);
    await to!.feed.caughtUp();
    assert.deepEqual([from!.gaps, to!.gaps.map(({ slots }) => slots)], [[], [[slot]]]);
    for (const { feed } of [from!, to!]) feed.detach();
  });
}

test('PsyncFeed is lost where the source answers COMMAND GETKEYS with something else, and waits for no more', async (t) => {
  const server = await startServer({ args: ARGS });
  t.after(() => server.stop());
  const [client, filter] = [await server.client(), await startFilter(t, server.port)];
  const followed = await follow({ port: filter.port, retries: 2 });
  filter.misanswers = '*2\r\n$4\r\nfrom\r\n$2\r\nto\r\n';
  await client.pipeline([
    ['RPUSH', 'from', 2, 1],
    ['SORT', 'from', 'STORE', 'to'],
  ]);
  await assert.rejects(followed.feed.caughtUp(), /COMMAND GETKEYS/);
  followed.feed.detach();
});
