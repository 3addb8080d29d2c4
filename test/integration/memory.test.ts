// Memory has a bound that neither the size of the values nor a target that does not take them can lift.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { basename, dirname, join } from 'node:path';
import { readFileSync, writeFileSync } from 'node:fs';
import type { TestClient } from '../support/client.ts';
import { callsOf, dumpsOf } from '../support/command-stats.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone } from '../support/outcome.ts';
import { bombString } from '../support/bombs.ts';
import { command, streamOf } from '../support/frames.ts';
import { cleanEnvironment, runRump, startRump } from '../support/rump.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startServer } from '../support/redis-server.ts';
import { startPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longOnly, longTest } from '../support/tier.ts';
import { snapshotOf } from '../support/rdb-file.ts';
import { folderOf } from '../support/resp-file.ts';
import * as build from '../src/rdb/payload-builder.ts';
import type { Usage } from '../bench/copy-process.ts';

const MIB = 2 ** 20;
/** Above the limits of most tests here, which Node itself has 60 MiB of. */
const LARGE_MB = 120;
const VALUES = 18;
const MOST_MIB = 300;
/** 16 MiB of budget, Node itself, and what it is slow to give back. */
const MOST_OF_SMALL_MIB = 150;
/** The same, and chunks of a pipe that were not collected yet: less than the value has. */
const MOST_OF_STREAM_MIB = 190;
/** As of a small one, and a value of 24 MB as it is made whole, and as it waits. */
const MOST_OF_WHOLE_MIB = 180;
/** Far longer than what may still be read takes. */
const STILL_MS = 300;
/** Counts the fields of the one hash that there is. */
const READ_PIECES = `
  import { newEntry } from ${JSON.stringify(new URL('../../src/flow/entry.js', import.meta.url).href)};
  import { newChannel } from ${JSON.stringify(new URL('../support/entries.js', import.meta.url).href)};
  import { snapshotSource } from ${JSON.stringify(new URL('../support/rdb-file.js', import.meta.url).href)};
  const channel = newChannel();
  const { source } = snapshotSource(process.argv.at(-1), { bigKey: 1_000_000 });
  const reading = source.read(channel);
  await channel.readable();
  const entry = newEntry();
  channel.take(entry);
  let fields = 0;
  for await (const piece of entry.large.pieces()) fields += piece.fields.length;
  channel.settle(entry.page, entry.key.length);
  await reading;
  console.log(fields);
`;
const HOOK = new URL('../bench/usage-hook.js', import.meta.url).href;

test('rump stays within its budget while one node of a target cluster takes nothing', async (t) => {
  const [source, cluster] = await Promise.all([startServer(), startCluster(t)]);
  t.after(() => source.stop());
  const keys = 200_000;
  const from = await source.client();
  await from.send('EVAL', "for i = 1, ARGV[1] do redis.call('SET', 'key:' .. i, i) end", 0, keys);
  const slow = cluster.nodes[1]!;
  const proxy = await startProxy({ port: slow.port });
  t.after(() => proxy.close());
  const nat = ['--to-nat', `127.0.0.1:${slow.port}=127.0.0.1:${proxy.port}`];
  const usageFile = join(slow.dir, 'usage');
  const running = startRump(['--from', source.url, '--to', cluster.url, ...nat, '--buffer', '16M'], {
    env: usageInto(usageFile),
  });
  await underWay(running, () => proxy.bytesUp > MIB);
  proxy.stall();
  await untilNothingIsRead(from);
  assert.equal(running.child.exitCode, null, 'The copy did not wait for the node that takes nothing');
  assert.ok((await dumpsOf(from)) < keys, 'Everything was read before the node that takes nothing was waited for');
  proxy.unstall();
  assertDone(await running.done);
  assert.equal(await sizeOf(...cluster.clients), keys);
  assertBelow(t, usageFile, MOST_OF_SMALL_MIB);
});

longTest('rump brings the other nodes of a target cluster all of their keys while one stands still', async (t) => {
  // Nobody takes it for lost meanwhile.
  const patient = ['--cluster-node-timeout', '60000'];
  const [source, cluster] = await Promise.all([startServer(), startCluster(t, { args: patient })]);
  t.after(() => source.stop());
  const from = await source.client();
  const names = Array.from({ length: 24_000 }, (_, i) => `key:${i}`);
  await from.send('CONFIG', 'SET', 'rdbcompression', 'no');
  await from.pipeline(names.map((name, i) => ['SET', name, String(i % 10).repeat(1024)]));
  const [first, slow, last] = cluster.clients as [TestClient, TestClient, TestClient];
  const usageFile = join(source.dir, 'usage');
  const socket = join(source.dir, 'run.sock');
  const slowly = ['--bwlimit', '1M', '--control', socket];
  const args = ['--from', source.url, '--to', cluster.url, '--buffer', '16M', ...slowly];
  const running = startRump(args, { env: usageInto(usageFile) });
  await cluster.until('keys arrive', async () => (await sizeOf(slow)) > 0);
  cluster.nodes[1]!.pause();
  assert.equal((await runRump(['ctl', socket, 'bwlimit', '16M'])).code, 0);
  const theirs = names.filter((name) => cluster.homeOfKey(name) !== 1).length;
  await cluster.until('the others have all of theirs', async () => (await sizeOf(first, last)) === theirs);
  assert.equal(running.child.exitCode, null, 'The copy did not wait for the node that stands still');
  cluster.nodes[1]!.resume();
  assertDone(await running.done);
  assert.equal(await sizeOf(first, slow, last), names.length);
  assertBelow(t, usageFile, MOST_OF_SMALL_MIB);
});

test(`rump carries a value of ${LARGE_MB} MB in pieces, in little memory`, async (t) => {
  const { target, from, to, endpoints } = await startPair(t);
  const fields = LARGE_MB * 250;
  const script = "for i = 1, ARGV[1] do redis.call('HSET', 'large', 'field:' .. i, string.rep('v', 4000) .. i) end";
  await from.send('EVAL', script, 0, fields);
  const usageFile = join(target.dir, 'usage');
  assertDone(await runRump(endpoints, { env: usageInto(usageFile) }));
  assert.equal(await to.send('HLEN', 'large'), fields);
  assertBelow(t, usageFile, MOST_OF_SMALL_MIB);
});

longOnly(() => {
  test(`rump writes a value of ${LARGE_MB} MB as JSON, in little memory`, async (t) => {
    const { source, target, from } = await startPair(t);
    const fields = LARGE_MB * 250;
    const script = "for i = 1, ARGV[1] do redis.call('HSET', 'large', 'field:' .. i, string.rep('v', 4000) .. i) end";
    await from.send('EVAL', script, 0, fields);
    const [usageFile, path] = [join(target.dir, 'usage'), join(target.dir, 'f.ndjson')];
    assertDone(await runRump(['--from', source.url, '--to', path], { env: usageInto(usageFile) }));
    const lines = spawnSync('jq', ['.value | length', path], { encoding: 'utf8' });
    assert.equal(lines.stdout, `${fields}\n`);
    assertBelow(t, usageFile, MOST_OF_SMALL_MIB);
  });
});

longOnly(() => {
  test(`rump stays below ${MOST_MIB} MiB with six hashes of 20 MB at once`, async (t) => {
    const { target, from, to, endpoints } = await startPair(t);
    const script = "for i = 1, 10000 do redis.call('HSET', KEYS[1], 'field:' .. i, string.rep('v', 2000) .. i) end";
    for (let i = 0; i < 6; i += 1) await from.send('EVAL', script, 1, `large:${i}`);
    const usageFile = join(target.dir, 'usage');
    assertDone(await runRump(endpoints, { env: usageInto(usageFile) }));
    assert.equal(await to.send('DBSIZE'), 6);
    assert.equal(await to.send('HLEN', 'large:5'), 10_000);
    assertBelow(t, usageFile, MOST_MIB);
  });
});

longTest('rump holds what it makes whole again within its budget', async (t) => {
  const { target, from, to, endpoints } = await startPair(t);
  const script = "for i = 1, 30000 do redis.call('HSET', KEYS[1], 'field:' .. i, string.rep('v', 800) .. i) end";
  for (let i = 0; i < 6; i += 1) await from.send('EVAL', script, 1, `large:${i}`);
  const usageFile = join(target.dir, 'usage');
  const flags = ['--buffer', '32M', '--max-latency', '5ms'];
  assertDone(await runRump([...endpoints, ...flags], { env: usageInto(usageFile) }));
  assert.equal(await to.send('HLEN', 'large:5'), 30_000);
  // Each went as one payload, of 24 MB.
  assert.equal((await callsOf(to)).get('hset'), undefined);
  assertBelow(t, usageFile, MOST_OF_WHOLE_MIB);
});

longOnly(() => {
  test(`rump stays below ${MOST_MIB} MiB while the target takes none of ${VALUES} values of 16 MB`, async (t) => {
    const { source, target, from, to } = await startPair(t);
    await from.send('CONFIG', 'SET', 'rdbcompression', 'no');
    const value = randomBytes(16_000_000);
    for (let i = 0; i < VALUES; i += 1) await from.send('SET', `key:${i}`, value);

    const slow = await startProxy({ port: target.port });
    t.after(() => slow.close());
    const usageFile = join(target.dir, 'usage');
    const running = startRump(['--from', source.url, '--to', slow.url], {
      env: usageInto(usageFile),
    });
    await underWay(running, () => slow.bytesUp > MIB);
    slow.stall();
    await untilNothingIsRead(from);
    assert.equal(running.child.exitCode, null, 'The copy did not wait for its target');
    slow.unstall();
    assertDone(await running.done);

    assert.equal(await to.send('DBSIZE'), VALUES);
    for (let i = 0; i < VALUES; i += 1) {
      assert.ok(value.equals((await to.send('GET', `key:${i}`)) as Buffer), `key:${i} came out otherwise`);
    }
    assertBelow(t, usageFile, MOST_MIB);
  });
});

test(`rump stays below ${MOST_OF_SMALL_MIB} MiB while it reads a snapshot of ${LARGE_MB} MB`, async (t) => {
  const path = join(folderOf(t), 'large.rdb');
  const record = Buffer.concat([Buffer.of(0), build.string('key'), build.string(randomBytes(1_000_000))]);
  writeFileSync(path, snapshotOf('REDIS0011', ...Array.from({ length: LARGE_MB }, () => record)));
  const usageFile = join(dirname(path), 'usage');
  const result = await runRump(
    ['--dry-run', '--from', path, '--to', join(dirname(path), 'f.resp'), '--buffer', '16M'],
    {
      env: usageInto(usageFile),
    },
  );
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, new RegExp(`^rump: string +${LARGE_MB} `, 'm'));
  assertBelow(t, usageFile, MOST_OF_SMALL_MIB);
});

longTest(`RdbSource stays below ${MOST_OF_SMALL_MIB} MiB while it reads a hash of ${LARGE_MB} MB in pieces`, (t) => {
  const path = join(folderOf(t), 'large.rdb');
  const field = Buffer.concat([build.string('field:name'), build.string(randomBytes(2000))]);
  const fields = Buffer.concat(Array.from({ length: LARGE_MB * 500 }, () => field));
  writeFileSync(path, snapshotOf('REDIS0011', [4], build.string('key'), build.length(LARGE_MB * 500), fields));
  const usageFile = join(dirname(path), 'usage');
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', READ_PIECES, '--', path], {
    encoding: 'utf8',
    env: { ...cleanEnvironment(), ...usageInto(usageFile) },
  });
  assert.equal(stdout, `${LARGE_MB * 500}\n`, stderr);
  assertBelow(t, usageFile, MOST_OF_SMALL_MIB);
});

longOnly(() => {
  test(`rump stays below ${MOST_OF_SMALL_MIB} MiB while it converts 2 MB that are ${LARGE_MB} MB unpacked, or less, and checks them`, async (t) => {
    const { target, to } = await startPair(t);
    // Of 8.4 MB each.
    const bombs = 14;
    // Of Redis 7.4, in a form that no older server takes.
    const fields = Array.from({ length: bombs }, (_, i) =>
      Buffer.concat([build.length(0), build.string(`field:${i}`), bombString(Buffer.from('abcdefg'), 31_775)]),
    );
    const payload = build.payload(12, 24, build.milliseconds(4_102_444_800_000), build.length(bombs), ...fields);
    const [path, other] = [join(target.dir, 'bomb.resp'), join(target.dir, 'other.resp')];
    writeFileSync(path, command('RESTORE', 'hash', 0, payload, 'REPLACE'));
    // The same value, an expiry that nothing has aside.
    const same = build.payload(12, 24, build.milliseconds(4_102_444_800_001), build.length(bombs), ...fields);
    writeFileSync(other, command('RESTORE', 'hash', 0, same, 'REPLACE'));
    for (const args of [
      ['--from', path, '--to', target.url],
      ['check', '--from', path, '--to', other],
      ['--from', path, '--to', join(target.dir, 'bomb.ndjson'), '--progress', 'none'],
    ]) {
      const usageFile = join(target.dir, `usage of ${args.length}`);
      const result = await runRump(args, { env: usageInto(usageFile) });
      assert.equal(result.code, 0, result.stderr);
      assertBelow(t, usageFile, MOST_OF_SMALL_MIB);
    }
    assert.equal(await to.send('HSTRLEN', 'hash', `field:${bombs - 1}`), 7 + 31_775 * 264);
  });
});

longOnly(() => {
  test(`rump stays below ${MOST_OF_SMALL_MIB} MiB while it unpacks a snapshot of ${LARGE_MB} MB that has 200 KB`, async (t) => {
    const path = join(folderOf(t), 'large.rdb.gz');
    const record = Buffer.concat([Buffer.of(0), build.string('key'), build.string(Buffer.alloc(1_000_000))]);
    writeFileSync(
      path,
      gzipSync(snapshotOf('REDIS0011', ...Array.from({ length: LARGE_MB }, () => record)), { level: 1 }),
    );
    const usageFile = join(dirname(path), 'usage');
    const result = await runRump(
      ['--dry-run', '--from', path, '--to', join(dirname(path), 'f.resp'), '--buffer', '16M'],
      {
        env: usageInto(usageFile),
      },
    );
    assert.equal(result.code, 0, result.stderr);
    assertBelow(t, usageFile, MOST_OF_SMALL_MIB);
  });
});

longOnly(() => {
  test(`rump stays below ${MOST_OF_STREAM_MIB} MiB while it takes a value of ${LARGE_MB} MB out of a stream, wherever that comes from`, async (t) => {
    const { target, to } = await startPair(t);
    const fields = Array.from({ length: LARGE_MB * 250 }, (_, i) =>
      Buffer.concat([build.string(`field:${i}`), build.string('v'.repeat(4000) + i)]),
    );
    const payload = build.payload(9, 4, build.length(fields.length), Buffer.concat(fields));
    const stream = streamOf(command('RESTORE', 'large', 0, payload), 1);
    const [path, packed] = [join(target.dir, 'f.resp'), join(target.dir, 'f.resp.gz')];
    writeFileSync(path, stream);
    writeFileSync(packed, gzipSync(stream, { level: 1 }));
    for (const [from, options] of [
      [packed, []],
      [path, ['--big-key', '8M']],
      ['-', ['--big-key', '8M']],
    ] as const) {
      const usageFile = join(target.dir, `usage of ${basename(from)}`);
      const input = from === '-' ? stream : '';
      assertDone(await runRump(['--from', from, '--to', target.url, ...options], { env: usageInto(usageFile), input }));
      assert.equal(await to.send('HLEN', 'large'), fields.length);
      assert.equal(
        String(await to.send('HGET', 'large', `field:${fields.length - 1}`)),
        `${'v'.repeat(4000)}${fields.length - 1}`,
      );
      assert.equal(await to.send('UNLINK', 'large'), 1);
      assertBelow(t, usageFile, MOST_OF_STREAM_MIB);
    }
  });
});

/** Resolves once rump asks its source for no more. */
async function untilNothingIsRead(from: TestClient): Promise<void> {
  for (let before = -1; ;) {
    const now = await dumpsOf(from);
    if (now === before) return;
    before = now;
    await sleep(STILL_MS);
  }
}

function usageInto(file: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${HOOK}`, BENCH_USAGE_FILE: file };
}

async function sizeOf(...clients: TestClient[]): Promise<number> {
  const sizes = await Promise.all(clients.map((client) => client.send('DBSIZE')));
  return sizes.reduce<number>((sum, size) => sum + (size as number), 0);
}

function assertBelow(t: TestContext, usageFile: string, most: number): void {
  const { peakRss } = JSON.parse(readFileSync(usageFile, 'utf8')) as Usage;
  t.diagnostic(`rump needed ${Math.round(peakRss / MIB)} MiB`);
  assert.ok(peakRss < most * MIB, `rump needed ${Math.round(peakRss / MIB)} MiB`);
}
