// Snapshots as the source: what a server saved comes to be on another one as it is on the first.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { snapshotOf } from '../support/rdb-file.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, startRump } from '../support/rump.ts';
import { startPair, type PairOptions, type ServerPair } from '../support/server-pair.ts';
import { servers } from '../support/server-versions.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import * as build from '../src/rdb/payload-builder.ts';
import { longTest } from '../support/tier.ts';

const DATABASES = [0, 3, 9];
const DEBUG = ['--enable-debug-command', 'yes'];
const HOUR_MS = 3_600_000;

interface SavedPair extends ServerPair {
  /** The snapshot of the source. */
  readonly path: string;
}

async function startSaved(
  t: TestContext,
  fill: (from: TestClient) => Promise<unknown>,
  options: PairOptions = {},
): Promise<SavedPair> {
  const pair = await startPair(t, options);
  await fill(pair.from);
  await pair.from.send('SAVE');
  return { ...pair, path: join(pair.source.dir, 'dump.rdb') };
}

async function fillDatabases(client: TestClient): Promise<void> {
  for (const db of DATABASES) {
    await client.send('SELECT', db);
    await fillAllTypes(client, { prefix: `db${db}:` });
  }
}

async function assertSameDatabase(from: TestClient, to: TestClient, db: number, targetDb = db): Promise<void> {
  await Promise.all([from.send('SELECT', db), to.send('SELECT', targetDb)]);
  await assertSameData(from, to);
}

for (const { name, binary } of servers('valkey-8.1')) {
  test(`rump copies a snapshot of ${name} as it was saved: every type, expiry and database`, async (t) => {
    const pair = await startSaved(t, fillDatabases, { source: { binary }, target: { binary } });
    const result = await runRump(['--from', pair.path, '--to', pair.target.url]);
    assertDone(result);
    for (const db of DATABASES) await assertSameDatabase(pair.from, pair.to, db);
  });
}

test('rump copies of a snapshot the databases that were asked for, to where they were sent', async (t) => {
  const { path, target, from, to } = await startSaved(t, fillDatabases);
  assertDone(await runRump(['--from', path, '--to', target.url, '--db', '3,9', '--db-map', '9:1']));
  await assertSameDatabase(from, to, 3);
  await assertSameDatabase(from, to, 9, 1);
  await to.send('SELECT', 0);
  assert.equal(await to.send('DBSIZE'), 0);
});

test('rump copies of a snapshot the keys in scope, under their new names', async (t) => {
  const { path, target, to } = await startSaved(t, async (from) => {
    for (const key of ['user:1', 'user:2', 'session:1']) await from.send('SET', key, key);
    await from.send('RPUSH', 'user:list', 'a');
  });
  const filters = ['--match', 'user:*', '--exclude', '*2', '--type', 'string'];
  assertDone(
    await runRump(['--from', path, '--to', target.url, ...filters, '--strip-prefix', 'user:', '--add-prefix', 'u/']),
  );
  assert.deepEqual(((await to.send('KEYS', '*')) as Buffer[]).map(String), ['u/1']);
  assert.equal(String(await to.send('GET', 'u/1')), 'user:1');
});

test('rump counts keys of a snapshot that have expired by now, and keeps expiries to the millisecond, or drops them', async (t) => {
  const expireAt = Date.now() + HOUR_MS + 123;
  const pair = await startSaved(
    t,
    async (from) => {
      await from.send('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
      for (const key of ['gone', 'gone too']) await from.send('SET', key, 'value', 'PX', 1);
      await from.send('SET', 'stays', 'value', 'PXAT', expireAt);
      await sleep(10);
    },
    { source: { args: DEBUG } },
  );
  // The target may have a key of that name.
  await pair.to.send('SET', 'gone', 'here');
  for (const [args, expected] of [
    [[], expireAt],
    [['--no-ttl'], -1],
  ] as const) {
    const result = await runRump(['--from', pair.path, '--to', pair.target.url, ...args]);
    assertDone(result);
    assert.match(result.stderr, /^rump: 1 key, .* 2 expired on the way/m);
    assert.equal(await pair.to.send('PEXPIRETIME', 'stays'), expected);
    assert.equal(String(await pair.to.send('GET', 'gone')), 'here');
    assert.equal(await pair.to.send('EXISTS', 'gone too'), 0);
  }
});

for (const [policy, option, value] of [
  ['allkeys-lru', 'IDLETIME', 1_000_000],
  ['allkeys-lfu', 'FREQ', 200],
] as const) {
  test(`rump --preserve-idle carries what a snapshot has of it under ${policy}`, async (t) => {
    const evicting = { args: ['--maxmemory-policy', policy] };
    const { path, target, to } = await startSaved(
      t,
      async (from) => {
        await from.send('SET', 'key', 'value');
        await from.send('RESTORE', 'used', 0, (await from.send('DUMP', 'key')) as Buffer, option, value);
      },
      { source: evicting, target: evicting },
    );
    assertDone(await runRump(['--from', path, '--to', target.url]));
    const fresh = (await to.send('OBJECT', option, 'used')) as number;
    assert.ok(fresh < 100, `${fresh}`);
    assertDone(await runRump(['--from', path, '--to', target.url, '--preserve-idle']));
    const carried = (await to.send('OBJECT', option, 'used')) as number;
    assert.ok(Math.abs(carried - value) <= 100, `${carried}`);
  });
}

test('rump names the libraries of functions that it leaves out, and says where a snapshot has no checksum', async (t) => {
  const { path, target, to } = await startSaved(
    t,
    async (from) => {
      for (const name of ['mylib', 'other']) {
        const code = `#!lua name=${name}\nredis.register_function('${name}', function() return 1 end)`;
        await from.send('FUNCTION', 'LOAD', code);
      }
      await from.send('SET', 'key', 'value');
    },
    { source: { args: ['--rdbchecksum', 'no'] } },
  );
  const result = await runRump(['--from', path, '--to', target.url]);
  assertDone(result);
  assert.match(
    result.stderr,
    /^rump: warning: the snapshot has functions \((mylib, other|other, mylib)\), which a copy leaves out$/m,
  );
  assert.match(result.stderr, /^rump: warning: the snapshot has no checksum \(rdbchecksum no\): /m);
  assert.deepEqual(await to.send('FUNCTION', 'LIST'), []);
});

test('rump --dry-run counts the keys of a snapshot by type, and writes nothing', async (t) => {
  const { path, target, to } = await startSaved(t, fillDatabases);
  const result = await runRump(['--dry-run', '--from', path, '--to', target.url, '--type', 'hash']);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /^rump: source .*dump\.rdb: file/m);
  assert.match(result.stderr, /^rump: hash +\d+ /m);
  assert.doesNotMatch(result.stderr, /^rump: string/m);
  assert.equal(String(await to.send('INFO', 'keyspace')).includes('keys='), false);
});

longTest('rump --big-key copies the larger values of a snapshot in pieces', async (t) => {
  const numbers = Array.from({ length: 5000 }, (_, i) => i);
  const { path, target, from, to } = await startSaved(t, async (from) => {
    await from.send('CONFIG', 'SET', 'rdbcompression', 'no');
    await fillAllTypes(from);
    await from.send('SET', 'large:string', Buffer.alloc(700_000, 'x'), 'PXAT', Date.now() + HOUR_MS);
    await from.send('RPUSH', 'large:list', ...numbers.map((i) => `item ${i}`));
    await from.send('SADD', 'large:set', ...numbers.map((i) => `member ${i}`));
    await from.send('HSET', 'large:hash', ...numbers.map((i) => `field ${i}`));
    await from.send('ZADD', 'large:zset', ...numbers.flatMap((i) => [i / 3, `member ${i}`]));
    await from.pipeline(numbers.map((i) => ['XADD', 'large:stream', `${i + 1}-1`, 'field', `value ${i}`]));
    await from.send('XGROUP', 'CREATE', 'large:stream', 'group', '17-1');
  });
  const result = await runRump(['--from', path, '--to', target.url, '--big-key', '12k']);
  assertDone(result);
  await assertSameData(from, to);
  // Into a stream they go whole.
  const stream = join(folderOf(t), 'f.resp');
  assertDone(await runRump(['--from', path, '--to', stream, '--big-key', '12k']));
  await to.send('FLUSHALL');
  assertDone(await runRump(['--from', stream, '--to', target.url]));
  await assertSameData(from, to);
});

longTest('rump turns a snapshot into a stream of RESTORE commands', async (t) => {
  const { path, target, from, to } = await startSaved(t, fillDatabases);
  const stream = join(folderOf(t), 'f.resp.gz');
  assertDone(await runRump(['--from', path, '--to', stream]));
  assertDone(await runRump(['--from', stream, '--to', target.url]));
  for (const db of DATABASES) await assertSameDatabase(from, to, db);
});

test('rump applies what is whole of a snapshot that is cut off or damaged, counts it, and says at which byte it ends', async (t) => {
  const { path, target, to } = await startSaved(t, (from) =>
    from.pipeline(Array.from({ length: 1000 }, (_, i) => ['SET', `key:${i}`, `value of ${i}`])),
  );
  const bytes = readFileSync(path);
  // Before the name stand its length and the type byte.
  const starts = [...bytes.toString('latin1').matchAll(/key:\d+/g)].map(({ index }) => index - 2);
  const half = starts[500]!;
  const damaged = Buffer.from(bytes);
  damaged[half] = 201;
  const summed = Buffer.from(bytes);
  summed[bytes.length - 1]! ^= 1;
  const end = bytes.length - 8;
  for (const [name, content, keys, error] of [
    ['cut.rdb', bytes.subarray(0, half + 4), 500, 'the file is cut off, \\d of \\d+ bytes follow, at byte \\d+'],
    ['damaged.rdb', damaged, 500, `no value of RDB version 10 has type byte 201, at byte ${half}`],
    ['summed.rdb', summed, 1000, `the checksum is not that of the file, .* at byte ${end}`],
  ] as const) {
    await to.send('FLUSHALL');
    const file = join(folderOf(t), name);
    writeFileSync(file, content);
    const result = await runRump(['--from', file, '--to', target.url]);
    assertFailed(result, { error: new RegExp(`^rump: Cannot read .*${name}: ${error}$`) });
    assert.match(result.stderr, new RegExp(`^rump: ${keys.toLocaleString('en-US')} keys, `, 'm'));
    assert.equal(await to.send('DBSIZE'), keys);
  }
});

test('rump says so where there is no snapshot to be read, and writes none', async (t) => {
  const { target } = await startPair(t);
  const folder = folderOf(t);
  mkdirSync(join(folder, 'folder.rdb'));
  for (const [name, error] of [
    ['none.rdb', 'there is no such file \\(ENOENT\\)'],
    ['folder.rdb', 'it is a directory \\(EISDIR\\)'],
  ] as const) {
    const result = await runRump(['--from', join(folder, name), '--to', target.url]);
    assertFailed(result, { error: new RegExp(`^rump: Cannot read .*${name}: ${error}$`) });
  }
  assertRefused(await runRump(['--from', target.url, '--to', join(folder, 'x.rdb')]), {
    code: 2,
    error: /^rump: Cannot write a snapshot: an \.rdb file can only be a source$/,
  });
});

test('rump stops on SIGINT while the target takes nothing of a snapshot', async (t) => {
  const { path, target, to } = await startSaved(t, async (from) => {
    await from.send('CONFIG', 'SET', 'rdbcompression', 'no');
    const value = Buffer.alloc(10_000, 'x');
    await from.pipeline(Array.from({ length: 3000 }, (_, i) => ['SET', `key:${i}`, value]));
  });
  const proxy = await startProxy({ port: target.port });
  t.after(() => proxy.close());
  const running = startRump(['--from', path, '--to', `redis://127.0.0.1:${proxy.port}`, '--buffer', '1M']);
  await underWay(running, () => proxy.bytesUp > 1_000_000);
  proxy.stall();
  running.child.kill('SIGINT');
  while (!/interrupted by/.test(running.stderr)) await sleep(5);
  proxy.unstall();
  const result = await running.done;
  assertFailed(result, { code: 130, error: /^rump: Stopped by Ctrl-C/ });
  const there = (await to.send('DBSIZE')) as number;
  assert.match(result.stderr, new RegExp(`^rump: ${there.toLocaleString('en-US')} keys?, `, 'm'));
  assert.ok(there < 3000);
});

test('rump copies a snapshot of version 3, from before Redis 2.6', async (t) => {
  const { target, to } = await startPair(t);
  const path = join(folderOf(t), 'old.rdb');
  const parts = [Buffer.of(254, 0, 0), build.strings('key', 'value'), Buffer.of(255)];
  writeFileSync(path, Buffer.concat([Buffer.from('REDIS0003'), ...parts]));
  assertDone(await runRump(['--from', path, '--to', target.url]));
  assert.equal(String(await to.send('GET', 'key')), 'value');
  writeFileSync(path, snapshotOf('REDIS0099'));
  assertFailed(await runRump(['--from', path, '--to', target.url]), { error: /: Redis has no RDB version 99/ });
});
