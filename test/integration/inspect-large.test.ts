// rump inspect and what is too large to be dumped: whoever holds it, no more of it is read than is shown, and its type is told.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { authority } from '../support/certificates.ts';
import type { TestClient } from '../support/client.ts';
import { callsOf } from '../support/command-stats.ts';
import { simple } from '../support/frames.ts';
import { assertDone, assertFailed, linesOf } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { folderOf } from '../support/resp-file.ts';
import { runInspect, runRump, spawnRump } from '../support/rump.ts';
import { startOne } from '../support/server-pair.ts';
import { startSentinel } from '../support/sentinel.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longOnly } from '../support/tier.ts';

const BIG_KEY = ['--big-key', '10k'];
const ITEMS = 10_000;

interface Shown {
  readonly key: string;
  readonly type: string;
  readonly shown: number;
  readonly elements: number | null;
  readonly value: unknown;
  readonly error?: { readonly message: string };
}

/** `list` is large, by its server and by its payload. */
async function fill(client: TestClient): Promise<void> {
  const items = Array.from({ length: ITEMS }, (_, i) => `item ${i}`);
  await client.pipeline([
    ['RPUSH', 'list', ...items],
    ['SET', 'after', 'value'],
    ['ZADD', 'before', '-inf', 'least', 1, 'one', 'inf', 'most'],
  ]);
}

const WANTED = ['before', 'list', 'after', '--limit', '2', ...BIG_KEY];

function assertShown(stdout: string, length: string, more: string): void {
  const [before, least, one, rest, list, ...others] = linesOf(stdout);
  assert.match(before!, /^"before" in db 0: zset, \w+, 3 elements, \d+ bytes, /);
  assert.deepEqual([least, one, rest], ['    1) "least" -inf', '    2) "one" 1', '       and 1 more (--limit)']);
  assert.match(list!, new RegExp(`^"list" in db 0: list, ${length}[\\d.]+ KiB in .*, read in pieces, no expiry$`));
  assert.deepEqual(others.slice(0, 3), ['    1) "item 0"', '    2) "item 1"', `       and ${more}more (--limit)`]);
  assert.match(others[3]!, /^"after" in db 0: string, /);
  assert.equal(others.length, 5);
}

test('rump inspect shows large values of a server and of files in the order in which keys are named', async (t) => {
  const [server, client] = await startOne(t);
  await fill(client);
  await client.send('SAVE');
  const folder = folderOf(t);
  for (const name of ['f.resp', 'f.resp.gz'])
    assertDone(await runRump(['--from', server.url, '--to', join(folder, name)]));
  await client.send('CONFIG', 'RESETSTAT');
  const ofServer = await runInspect(server.url, ...WANTED);
  assert.deepEqual([ofServer.code, ofServer.stderr], [0, '']);
  assertShown(ofServer.stdout, '10,000 elements, ', '9,998 ');
  // Once for what is shown, and once for where it ends.
  assert.equal((await callsOf(client)).get('llen'), 2);
  for (const file of [join(folder, 'f.resp'), join(folder, 'f.resp.gz'), join(server.dir, 'dump.rdb')]) {
    const { code, stdout, stderr } = await runInspect(file, ...WANTED);
    assert.deepEqual([code, stderr], [0, ''], file);
    assertShown(stdout, '', '');
    const tables = await runInspect(file, ...BIG_KEY);
    assert.doesNotMatch(tables.stdout, /memory/);
  }
  const input = readFileSync(join(folder, 'f.resp'));
  const piped = await spawnRump(['inspect', '-', ...WANTED], { input }).done;
  assert.equal(piped.code, 0, piped.stderr);
  assertShown(piped.stdout, '', '');
});

test('rump inspect tells how many elements there are, and shows as many, and of groups and consumers, as --limit says', async (t) => {
  const [server, client] = await startOne(t);
  await fill(client);
  const { code, stdout } = await runInspect(server.url, ...WANTED, '--json');
  const keys = linesOf(stdout).map((line) => JSON.parse(line) as Shown);
  assert.equal(code, 0);
  assert.deepEqual(
    keys.map(({ key, type, shown, elements }) => [key, type, shown, elements]),
    [
      ['before', 'zset', 2, 3],
      ['list', 'list', 2, ITEMS],
      ['after', 'string', 5, 5],
    ],
  );
  assert.deepEqual(keys[0]!.value, [
    ['least', '-inf'],
    ['one', 1],
  ]);
  await client.pipeline([
    ...[1, 2, 3, 4].map((id) => ['XADD', 'stream', `${id}-1`, 'field', 'value']),
    ...['one', 'other', 'third'].map((group) => ['XGROUP', 'CREATE', 'stream', group, 0]),
    ...['me', 'them', 'us', 'you'].map((name) => [
      'XREADGROUP',
      'GROUP',
      'one',
      name,
      'COUNT',
      1,
      'STREAMS',
      'stream',
      '>',
    ]),
  ]);
  const { stdout: groups } = await runInspect(server.url, 'stream', '--limit', '2');
  assert.match(groups, /group "one" .*, consumers "me" "them" and 2 more \(--limit\)\n/);
  assert.match(groups, /group "other" .*, consumers none\n +and 1 more group \(--limit\)\n$/);
});

test('rump inspect reads no more of a server once nobody reads what it prints', async (t) => {
  const [server, client] = await startOne(t);
  const item = 'x'.repeat(10_000);
  await client.pipeline(Array.from({ length: 1000 }, () => ['RPUSH', 'list', item]));
  await client.send('CONFIG', 'RESETSTAT');
  const running = spawnRump(['inspect', server.url, 'list', '--limit', '0', '--json', ...BIG_KEY]);
  running.child.stdout.once('data', () => running.child.stdout.destroy());
  const { code, stderr } = await running.done;
  assert.deepEqual([code, stderr], [0, '']);
  const sent = Number(/total_net_output_bytes:(\d+)/.exec(String(await client.send('INFO', 'stats')))?.[1]);
  assert.ok(sent > 10_000 && sent < 5_000_000, `${sent} bytes`);
});

test('rump inspect --json ends its object where a large value was not read to its end', async (t) => {
  const [server, client] = await startOne(t);
  await fill(client);
  const proxy = await startProxy({ port: server.port });
  t.after(() => proxy.close());
  proxy.cutAfter(60_000, 'down');
  const result = await runInspect(proxy.url, 'list', '--limit', '0', ...BIG_KEY, '--retries', '0', '--json');
  assertFailed(result, { code: 75, error: /^rump: (?:Lost|Cannot reach) .*127\.0\.0\.1:\d+/ });
  const [list] = linesOf(result.stdout).map((line) => JSON.parse(line) as Shown);
  assert.equal(list!.elements, null);
  assert.ok(list!.shown > 0 && list!.shown < ITEMS);
  assert.equal(list!.error?.message, 'It could not be read to its end');
});

test('rump inspect says of a key that it may not read that it failed, and not that it is missing', async (t) => {
  const [server, client] = await startOne(t);
  await client.pipeline([
    ['SET', 'open', 'value'],
    ['SET', 'closed', 'value'],
    ['ACL', 'SETUSER', 'reader', 'on', '>canary', '~open', '~absent', '~rump*', '+@all'],
  ]);
  const url = server.url.replace('//', '//reader:canary@');
  const { code, stdout, stderr } = await runInspect(url, 'closed', 'open', 'absent');
  assert.equal(code, 1);
  assert.match(stdout, /^"open" in db 0: string, .*\n +"value"\n$/);
  assert.match(stderr, /^rump: key "closed" in db 0: NOPERM /m);
  assert.deepEqual(
    linesOf(stderr).filter((line) => line.includes('there is no key')),
    ['rump: there is no key "absent"'],
  );
  assert.doesNotMatch(stdout + stderr, /canary/);
});

test('rump inspect says of a large key that has gone by the time that its type is asked for that it is not there', async (t) => {
  const [server, client] = await startOne(t);
  await fill(client);
  const { url } = await replyProxy(t, server.port, ([name]) => (name === 'TYPE' ? simple('none') : undefined));
  const { code, stdout, stderr } = await runInspect(url, 'list', 'after', ...BIG_KEY);
  assert.match(stdout, /^"after" in db 0: string, .*\n.*\n$/);
  assert.deepEqual([code, stderr], [1, 'rump: there is no key "list"\n']);
});

test('The tables of rump inspect tell the types of large values, and what each database takes', async (t) => {
  const [server, client] = await startOne(t);
  await fill(client);
  await client.pipeline([
    ...Array.from({ length: 150 }, (_, i) => ['HSET', `hash:${i}`, 'field', 'x'.repeat(20_000)]),
    ['SELECT', 5],
    ['SET', 'other', 'v', 'EX', 1000],
  ]);
  const { code, stdout, stderr } = await runInspect(server.url, '--db', 'all', ...BIG_KEY);
  assert.deepEqual([code, stderr], [0, '']);
  assert.doesNotMatch(stdout, /unknown/);
  assert.match(stdout, /^ *150 +[\d.]+ MiB +\d+ % +0 {2}hash$/m);
  assert.match(stdout, /^ *1 +[\d.]+ KiB +\d+ % +0 {2}list$/m);
  assert.match(
    stdout,
    /^keys +bytes +share +expiring +database\n *153 +[\d.]+ MiB +100 % +0 {2}0\n *1 +\d+ B +0 % +1 {2}5$/m,
  );
  // The most that is shown ends within a character.
  await client.send('SET', 'text', `x${'ä'.repeat(40_000)}`);
  const [text] = linesOf((await runInspect(server.url, 'text', '--db', '5', '--json')).stdout);
  const { value, shown, elements } = JSON.parse(text!) as Shown;
  assert.deepEqual([value, shown, elements], [`x${'ä'.repeat(32_767)}`, 65_535, 80_001]);
  await client.send('DEL', 'text');
  const rights = [
    '+info',
    '+time',
    '+dbsize',
    '+select',
    '+scan',
    '+dump',
    '+pttl',
    '+pexpiretime',
    '+memory',
    '+exists',
  ];
  await client.send('ACL', 'SETUSER', 'least', 'on', '>canary', '~*', ...rights);
  const least = await runInspect(server.url.replace('//', '//least:canary@'), ...BIG_KEY);
  assert.equal(least.code, 0, least.stderr);
  assert.match(least.stdout, /^ *151 +[\d.]+ MiB +\d+ % +0 {2}unknown$/m);
});

test('rump inspect refuses with keys what is about all keys', async () => {
  for (const words of [
    ['--match', 'a*'],
    ['--depth', '2'],
    ['--type', 'string'],
  ])
    assertFailed(await runInspect('redis://127.0.0.1:1', 'key', ...words), {
      code: 2,
      error: new RegExp(`^rump: Cannot use ${words[0]} with keys`),
    });
});

longOnly(() => {
  test('rump inspect keeps the order of keys of a cluster, small and large', async (t) => {
    const cluster = await startCluster(t);
    const names = Array.from({ length: 200 }, (_, i) => `key:${(i * 77) % 200}`);
    await cluster.pipeline(names.map((name, i) => ['SET', name, 'x'.repeat(i)]));
    const { code, stdout } = await runInspect(cluster.nodes[0]!.url, ...names);
    assert.equal(code, 0);
    const shown = linesOf(stdout).flatMap((line) => /^"(key:\d+)" in db 0, slot/.exec(line)?.[1] ?? []);
    assert.deepEqual(shown, names);
  });

  test('rump inspect reaches a server by a sentinel, and by TLS', async (t) => {
    const [server, client] = await startOne(t);
    await client.send('SET', 'key', 'value');
    const sentinel = await startSentinel({ primary: server });
    t.after(() => sentinel.stop());
    const bySentinel = await runInspect(`redis+sentinel://127.0.0.1:${sentinel.port}/main`, 'key');
    assert.match(bySentinel.stdout, /^"key" in db 0: string, .*\n +"value"\n$/);
    const [secure, secureClient] = await startOne(t, { tls: 'server' });
    await secureClient.send('SET', 'key', 'secret');
    const byTls = await runInspect(secure.url, 'key', '--from-tls-ca', authority.certFile);
    assert.match(byTls.stdout, /^"key" in db 0: string, .*\n +"secret"\n$/, byTls.stderr);
    const tables = await runInspect(secure.url, '--from-tls-ca', authority.certFile);
    assert.match(tables.stdout, /^1 key, /);
  });
});
