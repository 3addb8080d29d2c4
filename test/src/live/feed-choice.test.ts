// Which feed is chosen for which source, by what real servers let which users do; and that the look leaves nothing behind.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chooseFeed, type FeedChoice } from '../../../src/live/feed-choice.ts';
import type { FeedKind } from '../../../src/live/feed.ts';
import type { TestClient } from '../../support/client.ts';
import { openSource, type DeploymentChoice } from '../../support/deployment.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';
import { startReplica } from '../../support/replica.ts';
import { startSentinel } from '../../support/sentinel.ts';
import { present, servers } from '../../support/server-versions.ts';
import { startProxy } from '../../support/tcp-proxy.ts';
import { variants } from '../../support/tier.ts';

const POLL_MS = 5;
const PASSWORD = 'pw';
/** What a copy needs. */
const COPIES = ['+info', '+time', '+dbsize', '+select', '+ping', '+scan', '+dump', '+pttl'];

async function choose(
  port: number,
  asked: FeedKind | 'auto' = 'auto',
  choice: DeploymentChoice = {},
): Promise<FeedChoice> {
  const { deployment } = await openSource(port, choice);
  try {
    return await chooseFeed(deployment, asked);
  } finally {
    deployment.close();
  }
}

function codesOf({ warnings }: FeedChoice): string[] {
  return warnings.map(({ code }) => code);
}

async function grant(client: TestClient, user: string, ...rights: string[]): Promise<DeploymentChoice> {
  await client.send('ACL', 'SETUSER', user, 'reset', 'on', `>${PASSWORD}`, '~*', ...COPIES, ...rights);
  return { username: user, password: PASSWORD };
}

async function snapshotsOf(client: TestClient): Promise<unknown[]> {
  const info = String(await client.send('INFO', 'everything'));
  return [
    'total_forks',
    'sync_full',
    'sync_partial_ok',
    'sync_partial_err',
    'connected_slaves',
    'repl_backlog_active',
  ].map((field) => new RegExp(`${field}:(\\d+)`).exec(info)?.[1]);
}

for (const { name, binary } of servers('redis-7.0', 'redis-8.0', 'redict-7.3', 'valkey-8.1', 'valkey-9.1')) {
  const TRACKING = ['+client|tracking', '+client|id', '+subscribe', '&__redis__:invalidate'];

  describe(`chooseFeed() (${name})`, () => {
    let server: TestServer;
    let client: TestClient;
    before(async () => {
      server = await startServer({ binary });
      client = await server.client();
    });
    after(() => server.stop());

    test('takes psync with an empty snapshot where there is no backlog, and tries it without a trace', async () => {
      const before = await snapshotsOf(client);
      const choice = await choose(server.port);
      assert.equal(choice.kind, 'psync');
      assert.match(choice.why, /empty snapshot/);
      assert.deepEqual(codesOf(choice), ['FEED_DELAYS_SHUTDOWN']);
      assert.deepEqual(await snapshotsOf(client), before);
    });

    test('warns of what a server counts rump as, and not of what it does not', async () => {
      await client.send('CONFIG', 'SET', 'min-replicas-to-write', 1);
      await client.send('CONFIG', 'SET', 'shutdown-timeout', 0);
      const { warnings } = await choose(server.port);
      await client.send('CONFIG', 'SET', 'min-replicas-to-write', 0);
      await client.send('CONFIG', 'SET', 'shutdown-timeout', 10);
      const message = `127.0.0.1:${server.port} counts rump as one of its min-replicas-to-write`;
      assert.deepEqual(warnings, [{ code: 'FEED_COUNTED_AS_REPLICA', message }]);
    });

    test('takes tracking where the user may not run PSYNC, with just its rights', async () => {
      const rights = ['resetchannels', ...TRACKING];
      const user = await grant(client, 'tracker', ...rights);
      const choice = await choose(server.port, 'auto', user);
      assert.equal(choice.kind, 'tracking');
      assert.match(choice.why, /at 127\.0\.0\.1:\d+ the user may not run REPLCONF/);
      assert.deepEqual(codesOf(choice), ['FEED_GROUPS_UNTOLD']);
      const half = await grant(client, 'half', ...rights, '+replconf');
      assert.match((await choose(server.port, 'auto', half)).why, /the user may not run PSYNC/);
    });

    test('takes psync with just its rights', async () => {
      const user = await grant(client, 'replica', '+psync', '+replconf', '+ping', '+command', 'resetchannels');
      const choice = await choose(server.port, 'auto', user);
      assert.equal(choice.kind, 'psync');
      assert.deepEqual(codesOf(choice), ['FEED_DELAYS_SHUTDOWN', 'FEED_SEEN_BY_SENTINEL']);
      const half = await grant(client, 'half-replica', '+psync', '+replconf', '+ping', 'resetchannels', ...TRACKING);
      assert.match((await choose(server.port, 'auto', half)).why, /the user may not run COMMAND/);
    });

    test('names the rights of both where neither is granted, or of the one that is asked for', async () => {
      const poor = await grant(client, 'poor', '+subscribe', '+client|tracking', '+client|id', 'resetchannels');
      const at = `127\\.0\\.0\\.1:${server.port}`;
      const noPsync = `psync: at ${at} the user may not run REPLCONF`;
      const noTracking = `tracking: at ${at} the user may not use the channel __redis__:invalidate`;
      const tracks = '\\+client\\|tracking \\+client\\|id \\+subscribe \\+ping &__redis__:invalidate';
      for (const [asked, reasons, rights] of [
        ['auto', `${noPsync}; ${noTracking}`, `\\+psync \\+replconf \\+ping \\+command, or ${tracks}`],
        ['psync', noPsync, '\\+psync \\+replconf \\+ping \\+command'],
        ['tracking', noTracking, tracks],
      ] as const) {
        await assert.rejects(choose(server.port, asked, poor), {
          code: 'FEED',
          message: new RegExp(`^Cannot follow the source: ${reasons}$`),
          hint: new RegExp(`^grant the user ${rights}$`),
        });
      }
    });

    test('takes what is asked for, and says what tracking does not tell', async () => {
      const other = await server.client(3);
      await client.send('SET', 'key', '1');
      await other.send('SET', 'key', '1');
      const choice = await choose(server.port, 'tracking');
      assert.deepEqual([choice.kind, choice.why], ['tracking', '--feed tracking']);
      assert.deepEqual(codesOf(choice), ['FEED_GROUPS_UNTOLD', 'FEED_DATABASES_UNTOLD']);
      await client.send('FLUSHALL');
    });

    test('takes psync from the backlog where a replica has been', async () => {
      await client.send('SET', 'key', '1');
      const replica = await startReplica(server, { binary });
      const choice = await choose(server.port);
      await replica.stop();
      assert.equal(choice.kind, 'psync');
      assert.match(choice.why, /goes on from the backlog/);
    });
  });
}

test('chooseFeed() takes tracking where Sentinel watches the source, by whichever address it is reached', async (t) => {
  const server = await startServer();
  const sentinel = await startSentinel({ primary: server });
  t.after(() => Promise.all([server.stop(), sentinel.stop()]));
  const client = await server.client();
  while (String(await client.send('PUBSUB', 'CHANNELS')) === '') await sleep(POLL_MS);
  const hosts = [{ host: '127.0.0.1', port: sentinel.port }] as const;
  const address = { kind: 'sentinel', hosts, service: 'main', tls: false } as const;
  for (const choice of [{}, { address }]) {
    const { kind, why } = await choose(server.port, 'auto', choice);
    assert.equal(kind, 'tracking');
    assert.match(why, /^Sentinel watches the source/);
  }
  const byName = await choose(server.port, 'psync');
  assert.equal(byName.kind, 'psync');
  assert.ok(codesOf(byName).includes('FEED_SEEN_BY_SENTINEL'));
  await client.send('ACL', 'SETUSER', 'default', '-client|tracking');
  await assert.rejects(choose(server.port), { code: 'FEED', hint: /or take --feed psync all the same$/ });
});

test('chooseFeed() takes tracking where the server has no PSYNC', async (t) => {
  const server = await startServer({ args: ['--rename-command', 'PSYNC', ''] });
  t.after(() => server.stop());
  const { kind, why } = await choose(server.port);
  assert.equal(kind, 'tracking');
  assert.match(why, /the server does not take PSYNC: ERR unknown command/);
});

test('chooseFeed() refuses a proxy that hangs up on what it does not know', async (t) => {
  const server = await startServer();
  const proxy = await startProxy({ port: server.port });
  t.after(() => Promise.all([server.stop(), proxy.close()]));
  proxy.forbid('REPLCONF', 'up');
  const reason = `at 127\\.0\\.0\\.1:${proxy.port} the connection ends where it is asked for`;
  await assert.rejects(choose(proxy.port), {
    code: 'FEED',
    message: new RegExp(`psync: ${reason}; tracking: ${reason}`),
    retryable: false,
  });
});

for (const { name, binary } of present(variants('redis-6.0'))) {
  test(`chooseFeed() takes tracking where PSYNC would make a server save a snapshot (${name})`, async (t) => {
    const server = await startServer({ binary });
    t.after(() => server.stop());
    const client = await server.client();
    const before = await snapshotsOf(client);
    const choice = await choose(server.port);
    assert.equal(choice.kind, 'tracking');
    assert.match(choice.why, /would make 127\.0\.0\.1:\d+ save a snapshot/);
    const byName = await choose(server.port, 'psync');
    assert.deepEqual([byName.kind, codesOf(byName)], ['psync', ['FEED_NEEDS_SNAPSHOT']]);
    assert.deepEqual(await snapshotsOf(client), before);
    const replica = await startReplica(server, { binary });
    assert.equal((await choose(server.port)).kind, 'psync');
    await replica.stop();
  });
}
