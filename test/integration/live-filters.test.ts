// Following with filters, maps, prefixes, expiries of every mode, and conflict policies: both sides are held against each other by
// what the flags say.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { assertSameSides, type SameSidesOptions } from '../support/live/compare.ts';
import { FEEDS, Following, PHASE, type FeedName } from '../support/live/model.ts';
import { Random, seedOf } from '../support/live/random.ts';
import { serverSide, type Side } from '../support/live/sides.ts';
import { commandsOf, RandomWriter } from '../support/live/writers.ts';
import { withOtherClock } from '../support/other-clock.ts';
import { assertDone } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import type { RumpResult } from '../support/rump.ts';
import { snapshot } from '../support/snapshot.ts';
import { longTest, variants } from '../support/tier.ts';

const DATABASES = [0, 1];
const RATE = 2000;
const BEFORE = 1500;
const FOLLOWING_MS = 500;
const LONGEST_MS = 60_000;

let servers: readonly [TestServer, TestServer];
let source: Side;
let target: Side;
let from: TestClient;
let to: TestClient;

before(async () => {
  servers = await Promise.all([startServer(), startServer()]);
  source = serverSide(() => servers[0], DATABASES);
  target = serverSide(() => servers[1], DATABASES);
  [from, to] = await Promise.all(
    servers.map((server) => server.client()) as [Promise<TestClient>, Promise<TestClient>],
  );
});
after(() => Promise.all(servers.map((server) => server.stop())));
beforeEach(() => Promise.all([from.send('FLUSHALL'), to.send('FLUSHALL')]));

interface RunOptions {
  readonly feed: FeedName;
  readonly args: readonly string[];
  readonly db?: string;
  readonly endpoints?: readonly string[];
}

function newRun(t: TestContext, { feed, args, db = '0', endpoints }: RunOptions): Following {
  const both = endpoints ?? ['--from', servers[0].url, '--to', servers[1].url];
  return new Following(t, { endpoints: both, feed, db, source, args });
}

/** In sync. */
async function follow(t: TestContext, options: RunOptions): Promise<Following> {
  const run = newRun(t, options).start();
  await run.reaches(PHASE.inSync);
  return run;
}

async function over(run: Following): Promise<RumpResult> {
  run.cutOver();
  return run.done();
}

/** Random writers on both databases, from before the start until the cutover. */
async function writeRandomly(t: TestContext, options: RunOptions): Promise<RumpResult> {
  const random = new Random(seedOf(t));
  const router = source.router();
  t.after(() => router.close());
  const knows = await commandsOf(await source.primaries(0));
  const common = { random, databases: DATABASES, isCluster: false, knows, large: false };
  const writer = new RandomWriter(router, { ...common, rate: RATE });
  await writer.write(BEFORE);
  const run = newRun(t, { ...options, db: '0,1' });
  writer.start();
  t.after(() => writer.stop());
  run.start();
  await run.reaches(PHASE.following);
  await Promise.all([sleep(FOLLOWING_MS), run.reaches(PHASE.inSync)]);
  await writer.stop();
  // What expires behind the cutover would uncover another key of its name.
  for (const db of DATABASES) {
    const [client] = await source.primaries(db);
    const names = (await client!.send('KEYS', '*')) as Buffer[];
    await client!.pipeline(names.map((name) => ['PERSIST', name]));
  }
  return over(run);
}

const filters: readonly [what: string, args: readonly string[], same: SameSidesOptions][] = [
  [
    'names in and out of scope, a prefix, and databases that change places',
    ['--exclude', 'list:*', '--exclude', 'number:*', '--add-prefix', 'new:', '--db-map', '0:1,1:0'],
    { databaseOf: (db) => 1 - db, nameOf: (name) => (/^(?:list|number):/.test(name) ? undefined : `new:${name}`) },
  ],
  ['a prefix that is taken away', ['--strip-prefix', 'string:'], { nameOf: (name) => name.replace(/^string:/, '') }],
];

for (const [feed, [what, args, same]] of variants(
  ...filters.flatMap((filter) => FEEDS.map((feed) => [feed, filter] as const)),
)) {
  test(`rump that follows by ${feed} has all that random writers leave, with ${what}`, async (t) => {
    assertDone(await writeRandomly(t, { feed, args }));
    assert.ok((await assertSameSides(source, target, same)) > 0);
  });
}

longTest('rump that follows by psync has the keys of one type that random writers leave', async (t) => {
  assertDone(await writeRandomly(t, { feed: 'psync', args: ['--type', 'hash'] }));
  for (const db of DATABASES) {
    const [[left], [right]] = [await source.primaries(db), await target.primaries(db)];
    const hashes = [...(await snapshot(left!))].filter(([, { type }]) => type === 'hash').map(([name]) => name);
    assert.deepEqual([...(await snapshot(right!)).keys()].toSorted(), hashes.toSorted());
  }
});

for (const feed of FEEDS) {
  longTest(`rump that follows by ${feed} has the first of all keys of a name that random writers leave`, async (t) => {
    const result = await writeRandomly(t, { feed, args: ['--db-map', '0:0,1:0'] });
    assert.equal(result.code, 1, result.stderr);
    const [[first], [second], [all]] = [
      await source.primaries(0),
      await source.primaries(1),
      await target.primaries(0),
    ];
    const expected = new Map([...(await snapshot(second!)), ...(await snapshot(first!))]);
    const found = await snapshot(all!);
    // What expires goes at any time.
    const lasting = (name: string): boolean => (expected.get(name) ?? found.get(name))?.expireAt === null;
    const differing = [...new Set([...expected.keys(), ...found.keys()])].filter(
      (name) => lasting(name) && JSON.stringify(expected.get(name)?.value) !== JSON.stringify(found.get(name)?.value),
    );
    assert.deepEqual(differing.map((name) => [name, expected.get(name), found.get(name)]).slice(0, 3), []);
    assert.ok(expected.size > 100);
  });
}

test('rump keeps no expiries with --no-ttl, and removes what expires at the source', async (t) => {
  await from.pipeline([
    ['SET', 'brief', 'x', 'PX', 500],
    ['SET', 'long', 'x', 'EX', 1000],
  ]);
  const run = await follow(t, { feed: 'psync', args: ['--no-ttl'] });
  await from.pipeline([
    ['SET', 'later', 'x', 'EX', 1000],
    ['SET', 'gone', 'x', 'PX', 50],
    ['PEXPIRE', 'long', 900_000],
  ]);
  await until(async () => (await from.send('EXISTS', 'brief', 'gone')) === 0);
  assertDone(await over(run));
  assert.equal(await to.send('EXISTS', 'brief', 'gone'), 0);
  assert.deepEqual(
    await to.pipeline([
      ['TTL', 'long'],
      ['TTL', 'later'],
    ]),
    [-1, -1],
  );
});

test('rump that follows over clocks that are apart carries the time that is left', async (t) => {
  const url = await withOtherClock(t, servers[1].port, 3600);
  const endpoints = ['--from', servers[0].url, '--to', url];
  await from.pipeline([
    ['SET', 'old', 'x', 'PX', 600_000],
    ['SET', 'brief', 'x', 'PX', 600],
  ]);
  const run = await follow(t, { feed: 'psync', args: [], endpoints });
  await from.pipeline([
    ['SET', 'new', 'x', 'PX', 300_000],
    ['PEXPIRE', 'old', 400_000],
    ['SET', 'gone', 'x', 'PX', 30],
  ]);
  await until(async () => (await from.send('EXISTS', 'brief', 'gone')) === 0);
  assertDone(await over(run));
  await assertSameSides(
    serverSide(() => servers[0], [0]),
    serverSide(() => servers[1], [0]),
    { ttl: 'relative' },
  );
});

test('rump follows names of 1 MB, and renames in and out of scope', async (t) => {
  const [long, out] = [`in:${'x'.repeat(1_000_000)}`, `out:${'y'.repeat(1_000_000)}`];
  await from.pipeline([
    ['SET', 'in:a', 'a'],
    ['SET', 'out:b', 'b'],
    ['SET', long, 'long'],
    ['SET', out, 'out'],
  ]);
  const run = await follow(t, { feed: 'tracking', args: ['--match', 'in:*', '--preserve-idle'] });
  await from.pipeline([
    ['RENAME', 'in:a', 'out:a'],
    ['RENAME', 'out:b', 'in:b'],
    ['RENAME', long, 'out:long'],
  ]);
  await until(async () => (await to.send('DBSIZE')) === 1);
  await from.pipeline([
    ['RENAME', 'out:a', 'in:a'],
    ['RENAME', 'out:long', long],
    ['APPEND', long, '!'],
  ]);
  assertDone(await over(run));
  assert.deepEqual(((await to.send('MGET', 'in:a', 'in:b', long)) as Buffer[]).map(String), ['a', 'b', 'long!']);
  assert.equal(await to.send('DBSIZE'), 3);
});

for (const [policy, code] of [
  // Told of one that the source still has in the end.
  ['skip', 0],
  ['fail', 1],
] as const) {
  test(`rump --on-conflict ${policy} leaves a name of the target's own, however often the source changes it`, async (t) => {
    await to.pipeline([
      ['SET', 'own', 'mine'],
      ['SET', 'later', 'mine'],
    ]);
    await from.pipeline([
      ['SET', 'own', 'its'],
      ['SET', 'other', 'its'],
    ]);
    const run = await follow(t, { feed: 'psync', args: ['--on-conflict', policy] });
    for (let i = 0; i < 5; i++) {
      await from.pipeline([
        ['SET', 'own', i],
        ['SET', 'later', i],
        ['DEL', 'own'],
        ['DEL', 'later'],
        ['SET', 'other', i],
      ]);
      await until(async () => String(await to.send('GET', 'other')) === String(i));
    }
    await from.send('FLUSHALL');
    await until(async () => (await to.send('EXISTS', 'other')) === 0);
    await from.pipeline([
      ['SET', 'own', 'its'],
      ['SET', 'other', 'its'],
    ]);
    const result = await over(run);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, policy === 'skip' ? / [12] skipped,.* 0 failed/ : / 0 skipped,.* 1 failed/);
    assert.deepEqual(((await to.send('MGET', 'own', 'later', 'other')) as Buffer[]).map(String), [
      'mine',
      'mine',
      'its',
    ]);
    assert.equal(await to.send('DBSIZE'), 3);
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + LONGEST_MS; !(await isSo()); await sleep(5)) assert.ok(Date.now() < end);
}
