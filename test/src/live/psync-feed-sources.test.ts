// The feed of a replica, where the source is another one than before, is a replica itself, or lets nobody in but with rights.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RespError } from '../../../resp/errors.ts';
import { PsyncFeed } from '../../../src/live/psync-feed.ts';
import { authority, certificates } from '../../support/certificates.ts';
import type { TestClient } from '../../support/client.ts';
import { Followed, type FollowOptions } from '../../support/followed.ts';
import { startServer } from '../../support/redis-server.ts';
import { startReplica } from '../../support/replica.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

const ARGS = ['--repl-diskless-sync-delay', '0'];

async function follow(options: FollowOptions): Promise<Followed> {
  const followed = await Followed.open((...args) => new PsyncFeed(...args), options);
  await followed.feed.attach();
  return followed;
}

async function infoOf(client: TestClient, field: string): Promise<string> {
  const text = String(await client.send('INFO', 'replication'));
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
  const rights = ['+psync', '+replconf', '+ping', '+info', '+command'];
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
