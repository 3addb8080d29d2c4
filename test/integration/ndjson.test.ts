// Exports of real servers: what a line says of a key is what the server says of it, by its own commands.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { HashValue, Value } from '../../src/rdb/value.ts';
import type { TestClient } from '../support/client.ts';
import { dumpsOf } from '../support/command-stats.ts';
import { readExport, type ExportedKey } from '../support/exported.ts';
import { BIG_KEY, fillLarge, LARGE_TYPES } from '../support/large-keyspace.ts';
import { withOtherClock } from '../support/other-clock.ts';
import { assertDone, assertRefused } from '../support/outcome.ts';
import { fillByRecipes } from '../support/recipe-keyspace.ts';
import { startServer } from '../support/redis-server.ts';
import { folderOf, restores } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { servers, serversWith } from '../support/server-versions.ts';
import { assertSame, snapshot, type SameDataOptions, type Snapshot } from '../support/snapshot.ts';
import { fieldExpiries, plainValue } from '../src/rdb/plain-value.ts';
import { longTest } from '../support/tier.ts';

const FAR_AWAY = 4_102_444_800_123;

async function start(
  t: TestContext,
  binary?: string,
): Promise<{ url: string; port: number; from: TestClient; path: string; dir: string }> {
  const server = await startServer({ binary });
  t.after(() => server.stop());
  const from = await server.client();
  return { url: server.url, port: server.port, from, path: join(folderOf(t), 'f.ndjson'), dir: server.dir };
}

function exported(path: string): ExportedKey[] {
  const bytes = readFileSync(path);
  return readExport((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString());
}

function snapshotsOf(lines: readonly ExportedKey[]): Map<string, Snapshot> {
  const found = new Map<string, Snapshot>();
  for (const { key, type, value, expireAt } of lines) {
    assert.ok(!found.has(key.toString('latin1')), `${String(key)} has two lines`);
    const snapshot = { type, value: plainValue(value as Value), expireAt: expireAt === null ? null : Number(expireAt) };
    found.set(key.toString('latin1'), snapshot);
  }
  return found;
}

/** Lines of one database. */
async function assertExported(
  from: TestClient,
  lines: readonly ExportedKey[],
  options?: SameDataOptions,
): Promise<void> {
  assertSame(snapshotsOf(lines), await snapshot(from), options);
}

for (const { name, binary } of servers('redis-6.0', 'redis-8.0', 'redict-7.3', 'valkey-8.1', 'valkey-9.1')) {
  test(`rump --to x.ndjson writes of every encoding of ${name} what the server says of it`, async (t) => {
    const { url, from, path } = await start(t, binary);
    const names = await fillByRecipes(from);
    await from.send('SET', Buffer.of(0xff, 0x0a, 0x22), Buffer.of(0x80, 0), 'PX', 90_000_000);
    assertDone(await runRump(['--from', url, '--to', path]));
    const lines = exported(path);
    assert.equal(lines.length, names.length + 1);
    // It tells no more than what is left.
    await assertExported(from, lines, { ttl: name === 'redis-6.0' ? 'relative' : 'exact' });
  });
}

for (const { name, binary } of serversWith('redis-8.0', 'valkey-9.1')) {
  test(`rump --to x.ndjson writes when fields of ${name} expire`, async (t) => {
    const { url, port, from, path } = await start(t, binary);
    await from.send('HSET', 'hash', 'a', 1, 'b', 2, 'c', 3);
    await from.send('HPEXPIREAT', 'hash', FAR_AWAY, 'FIELDS', 1, 'b');
    for (const [source, options, ahead] of [
      [url, [], 0],
      [url, ['--big-key', '1'], 0],
      // Where its clock is another one, that of this machine counts.
      [await withOtherClock(t, port, 3600), [], 3_600_000],
    ] as const) {
      assertDone(await runRump(['--from', source, '--to', path, ...options]));
      const value = exported(path)[0]!.value as HashValue;
      assert.deepEqual(Object.keys(fieldExpiries(value)), ['b']);
      assert.ok(Math.abs(FAR_AWAY - ahead - fieldExpiries(value)['b']!) <= (ahead === 0 ? 0 : 1000));
      assert.equal(value.fields.length, 3);
    }
  });
}

longTest(
  'rump --to x.ndjson reads large values in pieces, has none dumped, and leaves nothing beside the file',
  async (t) => {
    const { url, from, path } = await start(t);
    await fillLarge(from);
    await from.send('SET', 'large:text', 'ü漢😀'.repeat(60_000));
    await from.send('ACL', 'SETUSER', 'reader', 'reset', 'on', '>pw', '~*', '&*', '+@all', '-watch');
    for (const [source, options] of [
      [url, BIG_KEY],
      [url, ['--max-latency', '5ms']],
      // Nobody says that a value has not changed: each is read twice.
      [url.replace('//', '//reader:pw@'), BIG_KEY],
    ] as const) {
      await from.send('CONFIG', 'RESETSTAT');
      assertDone(await runRump(['--from', source, '--to', path, ...options]));
      assert.equal(await dumpsOf(from), 0);
      assert.equal(exported(path).length, LARGE_TYPES.length + 1);
      await assertExported(from, exported(path), { byCommands: true });
      assert.deepEqual(readdirSync(dirname(path)), ['f.ndjson']);
    }
  },
);

test('rump --to x.ndjson comes to its end where the last line, or each that there is room for, is written before it is whole', async (t) => {
  const { url, from, path } = await start(t);
  for (const [bytes, keys, options] of [
    [300_000, 1, []],
    [1_500_000, 1, []],
    [1_200_000, 6, ['--buffer', '1M']],
  ] as const) {
    await from.send('FLUSHALL');
    for (let key = 0; key < keys; key++) await from.send('SET', `key:${key}`, String(key).repeat(bytes));
    assertDone(await runRump(['--from', url, '--to', path, ...options]));
    assert.equal(exported(path).length, keys);
  }
});

test('rump --to x.ndjson.gz takes every database, names and filters of a copy, and a snapshot or a stream as the source', async (t) => {
  const { url, from, path, dir } = await start(t);
  for (const db of [0, 7]) {
    await from.send('SELECT', db);
    await fillByRecipes(from);
  }
  await from.send('SAVE');
  const stream = join(dirname(path), 'f.resp');
  assertDone(await runRump(['--from', url, '--db', 'all', '--to', stream]));
  for (const source of [
    ['--from', url, '--db', 'all'],
    ['--from', join(dir, 'dump.rdb')],
    ['--from', stream],
  ]) {
    const options = ['--to', `${path}.gz`, '--add-prefix', 'p:', '--db-map', '7:3', '--no-ttl', '--big-key', '300'];
    assertDone(await runRump([...source, ...options]));
    const lines = exported(`${path}.gz`);
    for (const [db, target] of [
      [0, 0],
      [7, 3],
    ] as const) {
      await from.send('SELECT', db);
      const own = lines.filter((line) => line.db === target);
      assert.ok(own.every(({ key }) => key.subarray(0, 2).equals(Buffer.from('p:'))));
      const renamed = own.map((line) => ({ ...line, key: line.key.subarray(2) }));
      await assertExported(from, renamed, { ttl: 'none', byCommands: true });
    }
  }
});

test('rump --to -.ndjson writes to stdout, and what it says goes to stderr', async (t) => {
  const { url, from } = await start(t);
  await from.send('RPUSH', 'list', 'a"b', 'ü');
  const { code, stdout, stderr } = await runRump(['--from', url, '--to', '-.ndjson']);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, '{"db":0,"key":"list","type":"list","expireAt":null,"value":["a\\"b","ü"]}\n');
  assert.match(stderr, /Sync done\.\n/);
});

test('rump leaves a file of JSON as it was where the copy fails', async (t) => {
  const folder = folderOf(t);
  const [path, stream] = [join(folder, 'f.ndjson'), join(folder, 'f.resp')];
  writeFileSync(path, 'old\n');
  writeFileSync(stream, restores(3).subarray(0, -5));
  const { code } = await runRump(['--from', stream, '--to', path]);
  assert.equal(code, 1);
  assert.equal(readFileSync(path, 'utf8'), 'old\n');
  assert.deepEqual(readdirSync(folder).toSorted(), ['f.ndjson', 'f.resp']);
});

test('rump refuses to read a file of JSON, and what has no place in one', async () => {
  const server = 'redis://127.0.0.1:1';
  const unread =
    /^rump: Cannot read f\.ndjson: what rump writes as JSON is for other tools \(a file that can be read back ends in \.resp\)$/;
  for (const [args, error] of [
    [['--from', 'f.ndjson', '--to', server], unread],
    [['check', '--from', 'f.ndjson', '--to', server], unread],
    [['check', '--from', server, '--to', 'f.ndjson'], unread],
    [['--from', server, '--to', 'f.ndjson', '--verify'], /^rump: Cannot use --verify: f\.ndjson is for other tools, /],
    [
      ['--from', server, '--to', 'f.ndjson', '--preserve-idle'],
      /^rump: Cannot use --preserve-idle: f\.ndjson says noth/,
    ],
    [['--from', server, '--to', 'f.ndjson', '--resume', 'p'], /^rump: Cannot use --resume: f\.ndjson is a file, /],
    [['--from', server, '--to', 'f.ndjson', '--live', '--until-idle', '1s'], /^rump: Cannot use --live: f\.ndjson is /],
    [['--from', server, '--to', '-.ndjson', '--json'], /^rump: Cannot use --json: with --to -\.ndjson stdout belongs /],
  ] as const)
    assertRefused(await runRump(args), { code: 2, error });
});
