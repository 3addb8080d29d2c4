// A dry run: what it tells is right, and neither side is any different afterwards.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { TestClient } from '../support/client.ts';
import { callsOf, writesOf } from '../support/command-stats.ts';
import { fillAllTypes, snapshot } from '../support/keyspace.ts';
import { lend } from '../support/lent-servers.ts';
import { startMemoryServer } from '../support/memory-server/memory-server.ts';
import { assertDone, assertRefused, linesOf } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, type RumpResult } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';

interface Count {
  readonly keys: number;
  readonly bytes: number | null;
}

async function startFilled(t: TestContext): Promise<ServerPair> {
  const pair = await startPair(t);
  await fillAllTypes(pair.from);
  await pair.to.send('SET', 'mine', 'stays');
  return pair;
}

/** By type, as `--json` tells it. */
function countsOf({ stdout }: RumpResult): Record<string, Count> {
  const events = linesOf(stdout).map(
    (line) => JSON.parse(line) as { event: string; types: ({ type: string } & Count)[] },
  );
  const found = events.filter(({ event }) => event === 'dry-run');
  assert.equal(found.length, 1, stdout);
  return Object.fromEntries(found[0]!.types.map(({ type, keys, bytes }) => [type, { keys, bytes }]));
}

/** Key by key, asked of the server by other means. */
async function expectedOf(client: TestClient, sizeOf: 'MEMORY' | 'DUMP', isIn = (_key: string): boolean => true) {
  const expected: Record<string, { keys: number; bytes: number }> = {};
  for (const [key, { type }] of await snapshot(client)) {
    if (!isIn(key)) continue;
    const name = Buffer.from(key, 'latin1');
    const size =
      sizeOf === 'MEMORY'
        ? ((await client.send('MEMORY', 'USAGE', name)) as number)
        : name.length + ((await client.send('DUMP', name)) as Buffer).length;
    const count = (expected[type] ??= { keys: 0, bytes: 0 });
    count.keys += 1;
    count.bytes += size;
  }
  return expected;
}

function assertCounts(actual: Record<string, Count>, expected: Record<string, { keys: number; bytes: number }>): void {
  assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(expected).toSorted());
  for (const [type, { keys, bytes }] of Object.entries(expected)) {
    assert.equal(actual[type]!.keys, keys, type);
    assert.ok(Math.abs(actual[type]!.bytes! - bytes) <= bytes / 10, `${type}: ${actual[type]!.bytes} is not ${bytes}`);
  }
}

test('A key of which MEMORY USAGE says nothing is there all the same: it is counted, and copied', async (t) => {
  const source = await startMemoryServer();
  t.after(() => source.stop());
  const target = await lend(t);
  const from = await TestClient.connect({ port: source.port });
  t.after(() => from.close());
  await from.send('SET', 'key', 'value');
  const ends = ['--from', source.url, '--to', target.url];
  const counted = await runRump([...ends, '--dry-run', '--json']);
  assert.deepEqual(countsOf(counted), { string: { keys: 1, bytes: null } });
  // Every key is measured where all of them together could be one that is large.
  assertDone(await runRump([...ends, '--big-key', '1k']));
  assert.equal(String(await (await target.client()).send('GET', 'key')), 'value');
});

test('rump --dry-run counts the keys by type, says what both sides are, and writes nothing', async (t) => {
  const { source, target, from, to, endpoints } = await startFilled(t);
  const expected = await expectedOf(from, 'MEMORY');
  await to.send('CONFIG', 'RESETSTAT');
  const changes = await changesOf(to);
  const [words, json] = await Promise.all([
    runRump([...endpoints, '--dry-run']),
    runRump([...endpoints, '-n', '--json']),
  ]);
  for (const { code, stdout } of [words, json]) {
    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /Sync done/);
  }
  assert.equal(words.stdout, '');
  for (const line of linesOf(words.stderr)) assert.match(line, /^rump: /);
  const keys = (await from.send('DBSIZE')) as number;
  const version = /^(?:valkey|redis)_version:(\S+)/m;
  for (const [role, { port, url }, client, count] of [
    ['source', source, from, `${keys} keys`],
    ['target', target, to, '1 key'],
  ] as const) {
    const info = String(await client.send('INFO', 'server'));
    const number = /^valkey_version:(\S+)/m.exec(info)?.[1] ?? version.exec(info)![1]!;
    assert.match(words.stderr, new RegExp(`^rump: ${role} ${url}(/0)?: server, ${count}$`, 'm'));
    assert.match(words.stderr, new RegExp(`^rump: +127\\.0\\.0\\.1:${port} +\\w+ ${number} +primary `, 'm'));
  }
  assert.match(words.stderr, /^rump: warning: the target database 0 is not empty: it has 1 keys?$/m);
  assert.match(words.stderr, new RegExp(`^rump: total +${keys} `, 'm'));
  assert.match(words.stderr, /^rump: nothing was written, as --dry-run asks$/m);
  assertCounts(countsOf(json), expected);
  // RESTORE is tried once by each run, with a TTL that no server takes.
  assert.ok((await writesOf(to)).every((name) => name === 'restore'));
  assert.ok(((await callsOf(to)).get('restore') ?? 0) <= 2);
  assert.equal(await changesOf(to), changes);
  assert.equal(await to.send('DBSIZE'), 1);
});

test('rump --dry-run counts what the filters let through', async (t) => {
  const { from, endpoints } = await startFilled(t);
  const [matched, typed] = await Promise.all([
    runRump([...endpoints, '--dry-run', '--json', '--match', '*:expiring', '--exclude', 'z*']),
    runRump([...endpoints, '--dry-run', '--json', '--type', 'stream']),
  ]);
  const all = await expectedOf(from, 'MEMORY');
  assertCounts(
    countsOf(matched),
    await expectedOf(from, 'MEMORY', (key) => key.endsWith(':expiring') && !key.startsWith('z')),
  );
  assertCounts(countsOf(typed), { stream: all['stream']! });
});

test('rump --dry-run counts what is in a file, and makes none', async (t) => {
  const { source, target, from, to } = await startFilled(t);
  const folder = folderOf(t);
  const path = join(folder, 'f.resp');
  const missing = join(folder, 'none.resp');
  const none = await runRump(['--dry-run', '--from', source.url, '--to', missing]);
  assert.equal(none.code, 0, none.stderr);
  assert.match(none.stderr, /none\.resp: file$/m);
  assert.equal(existsSync(missing), false);
  assertDone(await runRump(['--from', source.url, '--to', path]));
  const ends = ['--from', path, '--to', target.url];
  const expected = await expectedOf(from, 'DUMP', (key) => !key.startsWith('hash:'));
  for (const options of [[], ['--big-key', '2k']]) {
    const result = await runRump(['--dry-run', '--json', ...ends, '--exclude', 'hash:*', ...options]);
    assert.equal(result.code, 0, result.stderr);
    assertCounts(countsOf(result), expected);
  }
  assert.equal(await to.send('DBSIZE'), 1);
});

test('rump tells what a target holds where only a file says which databases there will be', async (t) => {
  const { source, target, to } = await startFilled(t);
  const path = join(folderOf(t), 'f.resp');
  assertDone(await runRump(['--from', source.url, '--to', path]));
  await to.pipeline([['SELECT', 5], ...Array.from({ length: 1234 }, (_, i) => ['SET', `key:${i}`, 'value'])]);
  const { code, stderr } = await runRump(['--dry-run', '--from', path, '--to', target.url]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^rump: target .*: server, 1,235 keys$/m);
  assert.match(stderr, /^rump: databases: those of the file$/m);
  assert.match(stderr, /^rump: warning: the target database 0 is not empty: it has 1 key$/m);
  assert.match(stderr, /^rump: warning: the target database 5 is not empty: it has 1,234 keys$/m);
});

test('rump --dry-run finds what the copy would be refused for', async (t) => {
  const { source, target, from, to } = await startFilled(t);
  await grantAllBut(from, 'typeless', '-type');
  await grantAllBut(from, 'blind', '-memory');
  await grantAllBut(to, 'reader', '-restore');
  const [typeless, reader, same, blind] = await Promise.all([
    dry(as('typeless', source.url), target.url),
    dry(source.url, as('reader', target.url)),
    dry(source.url, source.url),
    dry(as('blind', source.url), target.url),
  ]);
  assertRefused(typeless, { error: new RegExp(`127.0.0.1:${source.port} as the source .*\\bTYPE\\b`) });
  assertRefused(reader, { error: new RegExp(`127.0.0.1:${target.port} as the target .*\\bRESTORE\\b`) });
  assertRefused(same, { error: /the same database 0/ });
  assert.equal(blind.code, 0, blind.stderr);
  assert.match(blind.stderr, /^rump: string +\d+ +unknown$/m);
});

async function grantAllBut(client: TestClient, user: string, right: string): Promise<void> {
  await client.send('ACL', 'SETUSER', user, 'on', '>pw', '~*', '+@all', right);
}

function as(user: string, url: string): string {
  return url.replace('//', `//${user}:pw@`);
}

function dry(from: string, to: string): Promise<RumpResult> {
  return runRump(['--dry-run', '--from', from, '--to', to]);
}

async function changesOf(client: TestClient): Promise<string | undefined> {
  return /^rdb_changes_since_last_save:(\d+)/m.exec(String(await client.send('INFO', 'persistence')))?.[1];
}
