// Copies that follow their source, are killed, and go on from what was kept: what was written while nobody listened is there at
// the end, and what was deleted is gone.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileFor, kill, setAll, sizeOf } from '../support/broken-off.ts';
import type { TestClient } from '../support/client.ts';
import { dumpsOf } from '../support/command-stats.ts';
import { assertSameData } from '../support/keyspace.ts';
import { FEEDS, Following, PHASE, type FeedName } from '../support/live/model.ts';
import { Random, seedOf } from '../support/live/random.ts';
import { serverSide } from '../support/live/sides.ts';
import { Standing } from '../support/live/standing.ts';
import { assertFailed } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longOnly, longTest, variants } from '../support/tier.ts';
import { runRump, type RumpResult } from '../support/rump.ts';

const KEYS = 500;
/** A snapshot is sent at once, and a backlog that a test fills holds nothing for long. */
const SMALL_BACKLOG = ['--repl-backlog-size', '16kb'];
const LONG_VALUE = 'v'.repeat(1000);

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;

before(async () => {
  [source, target] = await Promise.all([startServer({ args: SMALL_BACKLOG }), startServer()]);
  [from, to] = await Promise.all([source.client(), target.client()]);
});

after(() => Promise.all([source.stop(), target.stop()]));

beforeEach(async () => {
  await Promise.all([from, to].map((client) => client.send('FLUSHALL')));
  await from.pipeline(setAll(KEYS));
});

for (const where of variants('a file', 'the target')) {
  test(`What was written and deleted while rump was down follows without reading all again (progress: ${where})`, async (t) => {
    const file = where === 'a file' ? fileFor(t) : 'target';
    await from.pipeline([
      ['XADD', 'stream', '1-1', 'field', 'value'],
      ['XGROUP', 'CREATE', 'stream', 'group', 0],
      ['XREADGROUP', 'GROUP', 'group', 'consumer', 'STREAMS', 'stream', '>'],
    ]);
    const run = await inSync(t, 'psync', file);
    await kill(run.running);
    await changeSome();
    await from.send('CONFIG', 'RESETSTAT');
    await run.start().reaches(PHASE.inSync);
    assert.ok((await dumpsOf(from)) < 50, 'everything was read again');
    // No feed tells of this, and the part that goes on has not read the stream.
    await from.send('XREADGROUP', 'GROUP', 'group', 'consumer', 'STREAMS', 'stream', 0);
    const result = await cutOver(run);
    assertDone(result);
    assert.match(result.stderr, /^rump: warning: the copy goes on from .*: [\d,]+ keys are done$/m);
    assert.doesNotMatch(result.stderr, /read once more/);
    await assertSameData(from, to);
    const [pending] = (await to.send('XPENDING', 'stream', 'group', '-', '+', 10)) as unknown[][];
    assert.equal(pending![3], 2);
    assert.equal(existsSync(file), false);
    assert.deepEqual(await to.send('KEYS', 'rump:*'), []);
  });
}

for (const feed of variants(...FEEDS)) {
  test(`What was deleted while rump was down is gone where ${feed} cannot go on`, async (t) => {
    const run = await inSync(t, feed, fileFor(t));
    await kill(run.running);
    await changeSome();
    await miss();
    await run.start().reaches(PHASE.inSync);
    const result = await cutOver(run);
    assertDone(result);
    assert.match(result.stderr, /^rump: warning: (?:the source no longer holds|what was written).*read once more$/m);
    await assertSameData(from, to);
  });
}

for (const where of variants('a file', 'the target')) {
  test(`A database that has lost all of its keys while rump was down is empty at the target as well (progress: ${where})`, async (t) => {
    const file = where === 'a file' ? fileFor(t) : 'target';
    const [first, later] = await Promise.all([source.client(3), source.client(4)]);
    await first.pipeline(setAll(5));
    const run = await inSync(t, 'psync', file, ['--db', 'all']);
    await later.pipeline(setAll(5));
    const arrived = await target.client(4);
    while ((await sizeOf(arrived)) < 5 && run.running.child.exitCode === null) await sleep(20);
    await kept(file, /"databases":\[\[0,0\],\[3,3\],\[4,4\]\]/);
    await kill(run.running);
    await first.send('FLUSHDB');
    await later.send('UNLINK', ...setAll(5).map(([, key]) => key!));
    await run.start().reaches(PHASE.inSync);
    assertDone(await cutOver(run));
    for (const db of [3, 4]) assert.deepEqual(await (await target.client(db)).send('KEYS', '*'), []);
    await assertSameData(from, to);
  });
}

longTest('What rump has written stays its own where it is killed while it attaches, and misses changes', async (t) => {
  const proxy = await startProxy({ port: source.port });
  t.after(() => proxy.close());
  const file = fileFor(t);
  const run = follow(t, 'psync', file, ['--retries', '100'], proxy.url).startProcess();
  await run.reaches(PHASE.inSync);
  await kept(file);
  await kill(run.running);
  await changeSome();
  await miss();
  // The source announces a snapshot, and none comes.
  proxy.hold('$EOF:', 'down');
  run.startProcess();
  await kept(file, /"isGapOpen":true/);
  await kill(run.running);
  assert.ok(proxy.met > 0);
  proxy.letPass();
  await run.start().reaches(PHASE.inSync);
  const result = await cutOver(run);
  assertDone(result);
  assert.doesNotMatch(result.stderr, /may be the target's own/);
  await assertSameData(from, to);
});

for (const feed of variants(...FEEDS)) {
  test(`A copy that follows by ${feed} and is killed before all is copied ends as one clean run`, async (t) => {
    const seed = seedOf(t);
    const random = new Random(seed);
    const file = fileFor(t);
    // All that is left by the second time takes some seconds more.
    const slow = follow(t, feed, file, ['--tpslimit', '100']);
    for (let kills = 0; kills < 2; kills++) {
      slow.startProcess();
      const size = (await sizeOf(to)) + random.between(1, KEYS / 10);
      while ((await sizeOf(to)) < size) await from.send('SET', `key:${random.below(KEYS)}`, random.below(1000));
      await kill(slow.running);
      await from.pipeline([
        ['DEL', ...(await someOf(from, random))],
        ['SET', `key:${random.below(KEYS)}`, 'while down'],
      ]);
    }
    const run = follow(t, feed, file, []).startProcess();
    await run.reaches(PHASE.inSync);
    assertDone(await cutOver(run), `seed ${seed}`);
    await assertSameData(from, to);
  });
}

test('What the target holds of its own is left alone where nothing was missed, and is in doubt where something was', async (t) => {
  const file = fileFor(t);
  await to.send('SET', 'own', 1);
  const first = await inSync(t, 'psync', file);
  await kill(first.running);
  await changeSome();
  await first.startProcess().reaches(PHASE.inSync);
  await kill(first.running);
  await miss();
  await first.start().reaches(PHASE.inSync);
  const result = await cutOver(first);
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, /^rump: warning: the target has "own" in db 0, which the source does not have.*stays$/m);
  assert.match(result.stderr, /^rump: warning: the same command goes on from here/m);
  assert.equal(await to.send('EXISTS', 'own'), 1);
  const skipping = await runRump([...first.args, '--on-conflict', 'skip']);
  assertFailed(skipping, { error: /another copy: it was written without --on-conflict/ });
  const removing = await runRump([...first.args, '--delete', '--linger', '0s']);
  assertDone(removing);
  await assertSameData(from, to);
});

longTest('Under skip, a copy goes on where the target was empty, and not where own keys are forgotten', async (t) => {
  const file = fileFor(t);
  const skip = ['--on-conflict', 'skip'];
  const run = await inSync(t, 'psync', file, skip);
  await kill(run.running);
  await changeSome();
  await run.start().reaches(PHASE.inSync);
  assertDone(await cutOver(run));
  await assertSameData(from, to);
  await to.pipeline([['FLUSHALL'], ['SET', 'own', 1]]);
  const other = await inSync(t, 'psync', file, skip);
  await kill(other.running);
  other.start();
  assertFailed(await other.done(), {
    error: /^rump: Cannot go on with --on-conflict skip: the target held keys of its own/,
  });
});

test('A target that was restarted with its data has what its own checkpoint says: nothing is in doubt, or read once more', async (t) => {
  const standing = await Standing.start(t, { keeps: true });
  const endpoints = ['--from', source.url, '--to', standing.url];
  const options = { endpoints, feed: 'psync', source: serverSide(() => source, [0]) } as const;
  const run = new Following(t, { ...options, args: ['--resume', 'target'] }).startProcess();
  await run.reaches(PHASE.inSync);
  await kept('target', undefined, await standing.server.client());
  await kill(run.running);
  await changeSome();
  await from.send('CONFIG', 'RESETSTAT');
  await standing.restart();
  await run.start().reaches(PHASE.inSync);
  const result = await cutOver(run);
  assertDone(result);
  assert.match(result.stderr, /^rump: warning: the copy goes on from the checkpoint in database 0 /m);
  assert.doesNotMatch(result.stderr, /once more|looked for|may be its own/);
  assert.ok((await dumpsOf(from)) < 50, 'everything was read again');
  await assertSameData(from, await standing.server.client());
});

longOnly(() => {
  test('A source that was killed and began again is followed on, and what was missed is made good', async (t) => {
    const standing = await Standing.start(t, { keeps: true, args: SMALL_BACKLOG });
    const client = await standing.server.client();
    await client.pipeline(setAll(KEYS));
    const endpoints = ['--from', standing.url, '--to', target.url];
    const options = { endpoints, feed: 'psync', source: standing.side } as const;
    const file = fileFor(t);
    const run = new Following(t, { ...options, args: ['--resume', file] }).startProcess();
    await run.reaches(PHASE.inSync);
    await kept(file);
    await kill(run.running);
    await client.send('DEL', 'key:1', 'key:2');
    await standing.restart();
    await run.start().reaches(PHASE.inSync);
    assertDone(await cutOver(run));
    await assertSameData(await standing.server.client(), to);
  });

  test('A target that was emptied meanwhile gets everything once more', async (t) => {
    const run = await inSync(t, 'psync', fileFor(t));
    await kill(run.running);
    await changeSome();
    await to.send('FLUSHALL');
    await run.start().reaches(PHASE.inSync);
    const result = await cutOver(run);
    assertDone(result);
    assert.match(result.stderr, /warning: the target .* was flushed.*: all of it is copied once more$/m);
    await assertSameData(from, to);
  });
});

test('A cutover that was said before rump was killed holds, and one that was said before the first run does not', async (t) => {
  const run = await inSync(t, 'psync', fileFor(t), ['--linger', '10s']);
  run.cutOver();
  await run.reaches(PHASE.lingering);
  await kill(run.running);
  await from.send('SET', 'late', 1);
  const brief = run.args.map((arg) => (arg === '10s' ? '0s' : arg));
  assertDone(await runRump(brief));
  await assertSameData(from, to);
  const next = await runRump(run.args);
  assertFailed(next, { error: /^rump: Cannot use --cutover-file .*: it is there already \(remove it/ });
});

test('A copy that follows is not gone on with by one that does not', async (t) => {
  const file = fileFor(t);
  const run = await inSync(t, 'psync', file);
  await kill(run.running);
  const endpoints = ['--from', source.url, '--to', target.url];
  const without = await runRump([...endpoints, '--resume', file]);
  assertFailed(without, {
    error: /^rump: Cannot go on from .*: it was written with --live yes, and it is not given now/,
  });
});

/** Some of the first keys, by name. */
async function someOf(client: TestClient, random: Random): Promise<string[]> {
  const [, names] = (await client.send('SCAN', 0, 'COUNT', 20)) as [Buffer, Buffer[]];
  return names.slice(0, random.between(1, 10)).map(String);
}

/** More than the backlog holds. */
async function miss(): Promise<void> {
  await from.pipeline(Array.from({ length: 40 }, () => ['SET', 'long', LONG_VALUE]));
}

async function changeSome(): Promise<void> {
  await from.pipeline([
    ['DEL', 'key:1', 'key:2'],
    ['SET', 'key:3', 'changed'],
    ['SET', 'new', 1],
  ]);
}

async function inSync(t: TestContext, feed: FeedName, file: string, args: readonly string[] = []): Promise<Following> {
  const run = follow(t, feed, file, args).startProcess();
  await run.reaches(PHASE.inSync);
  await kept(file);
  return run;
}

function follow(t: TestContext, feed: FeedName, file: string, args: readonly string[], url = source.url): Following {
  const endpoints = ['--from', url, '--to', target.url];
  return new Following(t, {
    endpoints,
    feed,
    source: serverSide(() => source, [0]),
    args: ['--resume', file, ...args],
  });
}

/** Waits until what is kept says so: that all is copied, or something else. */
async function kept(file: string, what = /"isOver":true/, client = to): Promise<void> {
  for (;;) {
    const text =
      file === 'target' ? String(await atTarget(client)) : existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (what.test(text)) return;
    await sleep(10);
  }
}

async function atTarget(client: TestClient): Promise<unknown> {
  const [name] = (await client.send('KEYS', 'rump:checkpoint:*')) as Buffer[];
  return name && client.send('GET', name);
}

async function cutOver(run: Following): Promise<RumpResult> {
  run.cutOver();
  return run.done();
}

function assertDone({ code, stdout, stderr }: RumpResult, message = ''): void {
  assert.equal(code, 0, message + stderr);
  assert.match(stdout, /Sync done\.\n$/);
}
