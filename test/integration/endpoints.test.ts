// The ways to a server: TLS and what is wrong with it, Unix sockets, and passwords with any character in them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authority, certificates, otherAuthority, type Certificate } from '../support/certificates.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { assertDone, assertRefused } from '../support/outcome.ts';
import { startServer, type ServerOptions } from '../support/redis-server.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

function withCa(side: 'from' | 'to', certFile = authority.certFile): string[] {
  return [`--${side}-tls-ca`, certFile];
}

function shown(side: 'from' | 'to', { certFile, keyFile }: Certificate): string[] {
  return [`--${side}-tls-cert`, certFile, `--${side}-tls-key`, keyFile];
}

test('rump copies over TLS on both sides, with a certificate of its own where one is asked for', async (t) => {
  const pair = await startPair(t, { source: { tls: 'server' }, target: { tls: 'mutual' } });
  const { source, from, to, endpoints } = pair;
  assert.match(source.url, /^rediss:/);
  await fillAllTypes(from);
  const target = [...withCa('to'), ...shown('to', certificates.client)];
  assertDone(await runRump([...endpoints, ...withCa('from'), ...target]));
  await assertSameData(from, to);
});

for (const { what, server, args, error } of [
  {
    what: 'that no authority has signed which it was told of',
    server: {},
    args: [],
    error: /signed by nobody that is trusted/,
  },
  {
    what: 'of another authority',
    server: {},
    args: withCa('from', otherAuthority.certFile),
    error: /signed by nobody that is trusted/,
  },
  {
    what: 'for another name',
    server: { certificate: certificates.otherName },
    args: withCa('from'),
    error: /certificate is .*other\.example/,
  },
  {
    what: 'that has expired',
    server: { certificate: certificates.expired },
    args: withCa('from'),
    error: /certificate .*(expired|valid until)/,
  },
] satisfies { what: string; server: ServerOptions; args: string[]; error: RegExp }[]) {
  test(`rump refuses a certificate ${what}, unless it is told to take any`, async (t) => {
    const { source, from, to, endpoints } = await startPair(t, { source: { tls: 'server', ...server } });
    await from.send('SET', 'key', 'value');
    const result = await runRump([...endpoints, ...args]);
    assertRefused(result, { error: new RegExp(`^rump: Cannot connect to 127\\.0\\.0\\.1:${source.port}: `) });
    assert.match(result.stderr, error);
    assert.equal(await to.send('DBSIZE'), 0);
    const insecure = await runRump([...endpoints, '--from-tls-insecure']);
    assertDone(insecure);
    const warnings = insecure.stderr.match(/^rump: warning: .*/gm) ?? [];
    assert.equal(warnings.length, 1, insecure.stderr);
    assert.match(warnings[0], /the certificate of the source is not looked at/);
    assert.equal(await to.send('DBSIZE'), 1);
  });
}

test('rump warns by code of each side whose certificate is not checked, and --from-tls-servername needs no such thing', async (t) => {
  const secure = { tls: 'server', certificate: certificates.otherName } as const;
  const { from, to, endpoints } = await startPair(t, { source: secure, target: secure });
  await from.send('SET', 'key', 'value');
  const both = await runRump([...endpoints, '--from-tls-insecure', '--to-tls-insecure', '--json']);
  assert.equal(both.code, 0, both.stderr);
  assert.equal(both.stdout.match(/"event":"warning".*"code":"TLS_INSECURE"/g)?.length, 2, both.stdout);
  await to.send('FLUSHALL');
  const named = ['from', 'to'].flatMap((side) => [`--${side}-tls-servername`, 'other.example']);
  const result = await runRump([...endpoints, ...withCa('from'), ...withCa('to'), ...named]);
  assertDone(result);
  assert.doesNotMatch(result.stderr, /warning/);
});

test('rump says that the server wants a certificate, where it shows none or that of a stranger', async (t) => {
  const { source, from, to, endpoints } = await startPair(t, { source: { tls: 'mutual' } });
  await from.send('SET', 'key', 'value');
  const [none, stranger] = await Promise.all([
    runRump([...endpoints, ...withCa('from'), '--retries', '0']),
    runRump([...endpoints, ...withCa('from'), ...shown('from', certificates.stranger), '--retries', '0']),
  ]);
  assertRefused(none, { error: new RegExp(`127\\.0\\.0\\.1:${source.port}: .*certificate`) });
  assertRefused(stranger, { error: new RegExp(`127\\.0\\.0\\.1:${source.port}: .*certificate`) });
  assert.equal(await to.send('DBSIZE'), 0);
});

test('rump copies through Unix sockets on both sides, between databases as well', async (t) => {
  const { source, target, from, to } = await startPair(t, { source: { unix: true }, target: { unix: true } });
  await fillAllTypes(from);
  assertDone(await runRump(['--from', `unix://${source.socket}`, '--to', `unix://${target.socket}`]));
  await assertSameData(from, to);
  assertDone(await runRump(['--from', `unix://${source.socket}?db=0`, '--to', `unix://${target.socket}?db=5`]));
  await assertSameData(from, await target.client(5));
  const same = await runRump(['--from', `unix://${source.socket}`, '--to', source.url]);
  assertRefused(same, { error: /the same database 0/ });
  const missing = await runRump(['--from', `unix://${source.socket}.gone`, '--to', target.url]);
  assertRefused(missing, { error: /^rump: Cannot connect to .*\.sock\.gone: / });
});

test('rump takes a password with any character as it is, in the URL of either kind', async (t) => {
  const password = 'p#@:/%?&=%zz[]';
  const locked = { unix: true, args: ['--requirepass', password] };
  const [source, target] = await Promise.all([startServer(locked), startServer(locked)]);
  t.after(() => Promise.all([source.stop(), target.stop()]));
  const [from, to] = await Promise.all([source.client(), target.client()]);
  for (const client of [from, to]) await client.send('AUTH', password);
  await fillAllTypes(from);
  const raw = (url: string): string => url.replace('//', () => `//:${password}@`);
  const encoded = target.url.replace('//', () => `//default:${encodeURIComponent(password)}@`);
  const plain = await runRump(['--from', raw(source.url), '--to', encoded]);
  assertDone(plain);
  assert.ok(!plain.stderr.includes('p#@'), 'It shows the password');
  await assertSameData(from, to);
  await to.send('FLUSHALL');
  assertDone(
    await runRump(['--from', raw(`unix://${source.socket}`), '--to', raw(`redis://127.0.0.1:${target.port}/0`)]),
  );
  await assertSameData(from, to);
});
