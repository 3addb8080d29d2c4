// The first copy by the snapshot that the source makes for its replicas: all that a scan brings, without a command a key.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { callsOf, dumpsOf, writesOf } from '../support/command-stats.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump, spawnRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { DEFAULT, present, serversWith, VERSIONS } from '../support/server-versions.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { isLong } from '../support/tier.ts';

const SNAPSHOT = ['--first-copy', 'snapshot'];
const MIB = 1024 * 1024;

async function onDatabase(client: TestClient, db: number, use: () => Promise<unknown>): Promise<void> {
  await client.send('SELECT', db);
  await use();
  await client.send('SELECT', 0);
}

for (const { name, binary } of isLong ? present(VERSIONS) : [DEFAULT]) {
  test(`A copy by snapshot brings every type from two databases of ${name}, and leaves the source as it was`, async (t) => {
    const { from, to, endpoints } = await startPair(t, { source: { binary }, target: { binary } });
    await fillAllTypes(from);
    await onDatabase(from, 3, () => fillAllTypes(from, { prefix: 'three:' }));
    await from.send('CONFIG', 'RESETSTAT');
    const result = await runRump([...endpoints, ...SNAPSHOT, '--db', '0,3', '--db-map', '3:5']);
    assertDone(result);
    assert.match(result.stderr, /^rump: warning: the source forks at 127\.0\.0\.1:\d+ to make its snapshot/m);
    const calls = await callsOf(from);
    assert.equal(calls.get('psync'), 1);
    // The look at the source asks once whether it is there.
    assert.ok((calls.get('scan') ?? 0) <= 1);
    assert.equal(await dumpsOf(from), 0);
    assert.deepEqual(await writesOf(from), []);
    assert.match(String(await from.send('INFO', 'replication')), /connected_slaves:0/);
    await assertSameData(from, to);
    await Promise.all([from.send('SELECT', 3), to.send('SELECT', 5)]);
    await assertSameData(from, to);
  });
}

for (const { name, binary } of serversWith('valkey-9.1')) {
  test(`A copy by snapshot brings hashes whose fields expire, as ${name} shows them to new servers alone`, async (t) => {
    const { from, to, endpoints } = await startPair(t, { source: { binary }, target: { binary } });
    await from.pipeline([
      ['HSET', 'hash', 'brief', '1', 'for ever', '2'],
      ['HEXPIRE', 'hash', 1000, 'FIELDS', 1, 'brief'],
    ]);
    const result = await runRump([...endpoints, ...SNAPSHOT]);
    assertDone(result);
    assert.doesNotMatch(result.stderr, /scanned instead/);
    const asked = ['HPEXPIRETIME', 'hash', 'FIELDS', 2, 'brief', 'for ever'] as const;
    assert.deepEqual(await to.send(...asked), await from.send(...asked));
  });
}

test('A copy by snapshot takes what is in scope, under the names that were asked for', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline([
    ['MSET', 'a:1', '1', 'a:2', '2', 'b:1', '3', 'a:out', '4'],
    ['SET', 'a:late', '5', 'PX', 1],
    ['EXPIRE', 'a:2', 1000],
    ['RPUSH', 'a:list', 'x'],
  ]);
  await onDatabase(from, 1, () => from.send('SET', 'a:elsewhere', '6'));
  const scope = [
    '--match',
    'a:*',
    '--exclude',
    '*out',
    '--type',
    'string',
    '--strip-prefix',
    'a:',
    '--add-prefix',
    'n:',
  ];
  assertDone(await runRump([...endpoints, ...SNAPSHOT, ...scope, '--no-ttl']));
  assert.deepEqual((await keysOf(to)).toSorted(), ['n:1', 'n:2']);
  assert.equal(await to.send('TTL', 'n:2'), -1);
  assert.match(String(await to.send('INFO', 'keyspace')), /^db0:keys=2,[^\n]*\s*$/m);
});

test('A copy by snapshot leaves alone what the target has under --on-conflict skip', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.send('MSET', 'one', '1', 'two', '2');
  await to.send('SET', 'two', 'own');
  const result = await runRump([...endpoints, ...SNAPSHOT, '--on-conflict', 'skip', '--verify']);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /^rump: 1 key, .* 1 skipped, /m);
  assert.equal(result.stderr.match(/forks/g)?.length, 1);
  assert.deepEqual(((await to.send('MGET', 'one', 'two')) as unknown[]).map(String), ['1', 'own']);
});

test('Values too large to be held are read by name behind the snapshot', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.send('SET', 'blob', randomBytes(3 * MIB));
  await from.pipeline(Array.from({ length: 40 }, (_, i) => ['HSET', 'hash', `f${i}`, randomBytes(32 * 1024)]));
  await fillAllTypes(from);
  await from.send('CONFIG', 'RESETSTAT');
  assertDone(await runRump([...endpoints, ...SNAPSHOT, '--buffer', '2M']));
  const named = await dumpsOf(from);
  assert.ok(named > 0, `${named} values were read by name`);
  await assertSameData(from, to);
});

test('A source that cuts its snapshot off is scanned, and that is told once', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const keys = 3000;
  await from.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, randomBytes(1024)]));
  const proxy = await startProxy(source);
  t.after(() => proxy.close());
  // The look at the source takes less.
  proxy.cutAfter(MIB, 'down');
  const result = await runRump(['--from', proxy.url, '--to', target.url, ...SNAPSHOT]);
  assertDone(result);
  assert.equal(
    result.stderr.match(/snapshot of \S+ is of no more use, and what it holds is scanned instead/g)?.length,
    1,
  );
  assert.ok(((await callsOf(from)).get('scan') ?? 0) > 0);
  await assertSameData(from, to);
});

test('A run that is stopped while it says that it is a replica asks for no snapshot, and waits for none', async (t) => {
  const { source, target } = await startPair(t);
  for (const args of [SNAPSHOT, ['--live', '--feed', 'psync', '--until-idle', '1m']]) {
    let interrupt!: () => Promise<void>;
    /** Before that it was only asked whether it is allowed. */
    let asked: number | undefined;
    const { url, calls } = await replyProxy(t, source.port, async ([name, option]) => {
      if (name === 'REPLCONF' && option === 'capa') await interrupt();
      return undefined;
    });
    const running = spawnRump(['--from', url, '--to', target.url, ...args]);
    interrupt = async () => {
      asked = calls.get('PSYNC');
      running.child.kill('SIGINT');
      await underWay(running, () => /interrupted by/.test(running.stderr));
    };
    assertFailed(await running.done, { code: 130, error: /^rump: Stopped by Ctrl-C/m });
    assert.equal(calls.get('PSYNC'), asked);
  }
});

test('A user who may not PSYNC is told what is missing, and nothing is written', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.send('SET', 'key', 'value');
  await from.send('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '&*', '+@all', '-psync');
  const url = `redis://reader:secret@127.0.0.1:${source.port}`;
  const error =
    /^rump: Cannot take the snapshot of \S+: NOPERM [^\n]* \(grant the user \+psync \+replconf \+ping, or copy with --first-copy scan/m;
  assertFailed(await runRump(['--from', url, '--to', target.url, ...SNAPSHOT]), { error });
  assert.equal(await to.send('DBSIZE'), 0);
});

test('A snapshot is refused where there is none, or it is of no use', async (t) => {
  const { endpoints, target } = await startPair(t);
  for (const [args, error] of [
    [['--from', 'x.rdb', '--to', target.url], /Cannot use --first-copy snapshot: x\.rdb is a file/],
    [[...endpoints, '--dry-run'], /with --dry-run the source would fork for nothing/],
    [[...endpoints, '--resume', 'target'], /with --resume a snapshot comes as a whole, or not at all/],
  ] as const) {
    assertFailed(await runRump([...args, ...SNAPSHOT]), { code: 2, error });
  }
});

async function keysOf(client: TestClient): Promise<string[]> {
  return ((await client.send('KEYS', '*')) as unknown[]).map(String);
}
