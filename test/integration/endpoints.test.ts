// The forms of an endpoint, through the command line: TLS, Unix sockets, Sentinel, a password of awkward characters.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { authority, certificates, otherAuthority } from '../support/certificates.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { assertDone, assertRefused } from '../support/outcome.ts';
import { startServer, type ServerOptions, type TestServer } from '../support/redis-server.ts';
import { startReplica } from '../support/replica.ts';
import { runRump, spawnRump } from '../support/rump.ts';
import { startSentinel, untilReplicaKnown } from '../support/sentinel.ts';

async function start(t: TestContext, options: ServerOptions): Promise<TestServer> {
  const server = await startServer(options);
  t.after(() => server.stop());
  return server;
}

test('rump copies through TLS in both directions, with a certificate of its own where one is asked for', async (t) => {
  const [source, target] = await Promise.all([start(t, { tls: 'server' }), start(t, { tls: 'mutual' })]);
  const [from, to] = await Promise.all([source.client(), target.client()]);
  await fillAllTypes(from);
  const { certFile, keyFile } = certificates.client;
  const trust = ['--from-tls-ca', authority.certFile, '--to-tls-ca', authority.certFile];
  const own = ['--to-tls-cert', certFile, '--to-tls-key', keyFile];
  assertDone(await runRump(['--from', source.url, '--to', target.url, ...trust, ...own]));
  await assertSameData(from, to);
});

const REFUSALS: Readonly<Record<string, { server: ServerOptions; args: string[]; error: RegExp }>> = {
  'an authority that is not trusted': {
    server: { tls: 'server' },
    args: ['--from-tls-ca', otherAuthority.certFile],
    error: /^rump: Cannot connect to 127\.0\.0\.1:\d+: .*certificate.*--from-tls-ca/,
  },
  'a certificate for another name': {
    server: { tls: 'server', certificate: certificates.otherName },
    args: ['--from-tls-ca', authority.certFile],
    error: /^rump: Cannot connect to 127\.0\.0\.1:\d+: .*--from-tls-servername/,
  },
  'an expired certificate': {
    server: { tls: 'server', certificate: certificates.expired },
    args: ['--from-tls-ca', authority.certFile],
    error: /^rump: Cannot connect to 127\.0\.0\.1:\d+: .*expired/,
  },
  'a server that asks for our certificate in vain': {
    server: { tls: 'mutual' },
    args: ['--from-tls-ca', authority.certFile],
    error: /^rump: Cannot connect to 127\.0\.0\.1:\d+: .*--from-tls-cert/,
  },
};

for (const [what, { server, args, error }] of Object.entries(REFUSALS)) {
  test(`rump refuses ${what}`, async (t) => {
    const [source, target] = await Promise.all([start(t, server), start(t, {})]);
    assertRefused(await runRump(['--from', source.url, '--to', target.url, ...args]), { error });
  });
}

test('rump --from-tls-insecure takes any certificate, and warns', async (t) => {
  const [source, target] = await Promise.all([
    start(t, { tls: 'server', certificate: certificates.expired }),
    start(t, {}),
  ]);
  await (await source.client()).send('SET', 'key', 'value');
  const result = await runRump(['--from', source.url, '--to', target.url, '--from-tls-insecure']);
  assertDone(result);
  assert.match(result.stderr, /^rump: warning: the certificate of the source is not looked at/m);
});

test('rump copies between Unix sockets', async (t) => {
  const [source, target] = await Promise.all([start(t, { unix: true }), start(t, { unix: true })]);
  const [from, to] = await Promise.all([source.client(), target.client()]);
  await fillAllTypes(from);
  assertDone(await runRump(['--from', `unix://${source.socket}`, '--to', `unix://${target.socket}`]));
  await assertSameData(from, to);
});

test('rump finds a primary through sentinels of which one is dead, and again after a failover', async (t) => {
  const [source, target] = await Promise.all([start(t, {}), start(t, {})]);
  const replica = await startReplica(target);
  t.after(() => replica.stop());
  const [first, second, third] = await Promise.all(
    [1, 2, 3].map(async () => {
      const sentinel = await startSentinel({ primary: target, service: 'main' });
      t.after(() => sentinel.stop());
      return sentinel;
    }),
  );
  await Promise.all([untilReplicaKnown(second!), untilReplicaKnown(third!)]);
  await first!.kill();
  const from = await source.client();
  await from.pipeline(Array.from({ length: 6000 }, (_, i) => ['SET', `key:${i}`, i]));
  const hosts = [first, second, third].map((sentinel) => `127.0.0.1:${sentinel!.port}`).join(',');
  const running = spawnRump(['--from', source.url, '--to', `redis+sentinel://${hosts}/main`, '--tpslimit', '1500']);
  const to = await target.client();
  while (((await to.send('DBSIZE')) as number) < 1000) assert.equal(running.child.exitCode, null, running.stderr);
  await target.kill();
  assertDone(await running.done);
  assert.equal(await (await replica.client()).send('DBSIZE'), 6000);
});
