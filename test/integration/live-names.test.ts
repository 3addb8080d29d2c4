// Following with names that several keys may get, with one type in scope, and with names of the target's own: who has a name, as
// keys come and go.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { FEEDS, Following, PHASE, type FeedName } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { runRump, type RumpResult } from '../support/rump.ts';
import { variants } from '../support/tier.ts';

const LONGEST_MS = 60_000;

let source: TestServer;
let target: TestServer;
let from: TestClient;
let other: TestClient;
let to: TestClient;

before(async () => {
  [source, target] = await Promise.all([borrow(), borrow()]);
  [from, other, to] = await Promise.all([source.client(0), source.client(1), target.client()]);
});
after(() => Promise.all([source, target].map(giveBack)));
beforeEach(() => Promise.all([from.send('FLUSHALL'), to.send('FLUSHALL')]));

/** In sync. */
async function follow(
  t: TestContext,
  feed: FeedName,
  db: string,
  args: readonly string[],
  to = target.url,
): Promise<Following> {
  const endpoints = ['--from', source.url, '--to', to];
  const run = new Following(t, { endpoints, feed, db, source: serverSide(() => source, [0]), args });
  run.start();
  await run.reaches(PHASE.inSync);
  return run;
}

async function over(run: Following): Promise<RumpResult> {
  run.cutOver();
  return run.done();
}

/** Waits for a value at the target; `null` for none. */
async function holds(key: string, value: string | null): Promise<void> {
  let found: unknown;
  for (const end = Date.now() + LONGEST_MS; Date.now() < end; await sleep(5)) {
    const reply = await to.send('GET', key);
    found = reply === null ? null : String(reply);
    if (found === value) return;
  }
  assert.equal(found, value, `of ${key}`);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + LONGEST_MS; !(await isSo()); await sleep(5)) assert.ok(Date.now() < end);
}

async function namesAt(client: TestClient): Promise<string[]> {
  return ((await client.send('KEYS', '*')) as Buffer[]).map(String).toSorted();
}

const ways = [
  {
    way: 'databases that are merged',
    db: '0,1',
    args: ['--db-map', '0:0,1:0'],
    first: 'x',
    second: 'x',
    isOther: true,
  },
  {
    way: 'a prefix that is taken away',
    db: '0',
    args: ['--strip-prefix', 'a:'],
    first: 'a:x',
    second: 'x',
    isOther: false,
  },
];

for (const [index, { way, db, args, first, second, isOther }] of ways.entries()) {
  for (const feed of variants(...(index === 0 ? FEEDS : FEEDS.toReversed()))) {
    test(`rump that follows by ${feed} gives a name to whichever key has it, with ${way}`, async (t) => {
      const also = isOther ? other : from;
      const run = await follow(t, feed, db, args);
      for (const [client, key] of [
        [from, first],
        [also, second],
        [from, first],
      ] as const) {
        await client.send('SET', key, `of ${key}`);
        await holds('x', `of ${key}`);
        await client.send('SET', key, 'changed');
        await holds('x', 'changed');
        await client.send('DEL', key);
        await holds('x', null);
      }
      assertDone(await over(run));
    });

    test(`rump that follows by ${feed} leaves a name to the first key until that goes, with ${way}`, async (t) => {
      const also = isOther ? other : from;
      await also.send('SET', second, 'second');
      const run = await follow(t, feed, db, args);
      await holds('x', 'second');
      await from.send('SET', first, 'first');
      await holds('x', 'first');
      await also.send('SET', second, 'second, changed');
      await from.send('SET', first, 'first, changed');
      await holds('x', 'first, changed');
      await from.send('DEL', first);
      await holds('x', 'second, changed');
      await from.send('SET', first, 'first again');
      await holds('x', 'first again');
      await from.send('PEXPIRE', first, 300);
      await holds('x', 'second, changed');
      await from.send('SET', first, 'last');
      await holds('x', 'last');
      // Only what the source still has is missing at the end.
      const isGone = feed === 'tracking';
      if (isGone) await also.send('DEL', second);
      const result = await over(run);
      await holds('x', 'last');
      assert.equal(result.code, isGone ? 0 : 1, result.stderr);
      assert.match(result.stderr, /another key of the source has got the same name/);
      assert.match(result.stderr, isGone ? / 0 failed/ : / 1 failed/);
    });
  }
}

for (const feed of variants(...FEEDS)) {
  test(`rump --type that follows by ${feed} removes what it wrote, and nothing of another type`, async (t) => {
    await from.pipeline([
      ['RPUSH', 'turned', 'a'],
      ['RPUSH', 'gone', 'a'],
      ['RPUSH', 'hot', 'a'],
      ['SET', 'string', 'out of scope'],
    ]);
    await to.pipeline([
      ['SET', 'string', 'mine'],
      ['SET', 'new', 'mine'],
      ['RPUSH', 'own', 'mine'],
    ]);
    const run = await follow(t, feed, '0', ['--type', 'list']);
    assert.equal(await to.send('EXISTS', 'turned', 'gone', 'hot'), 3);
    await to.send('SET', 'later', 'mine');
    await from.pipeline([
      ['SET', 'turned', 'a string'],
      ['DEL', 'gone'],
      ['SET', 'new', 'a string'],
      ['SET', 'later', 'a string'],
      ['SET', 'own', 'a string'],
      ['DEL', 'string'],
      ...Array.from({ length: 200 }, (_, i) => [
        ['DEL', 'hot'],
        ['RPUSH', 'hot', i],
      ]).flat(),
    ]);
    assertDone(await over(run));
    assert.equal(await to.send('EXISTS', 'turned', 'gone'), 0);
    const own = ['string', 'new', 'later'].map((key) => to.send('GET', key));
    assert.deepEqual((await Promise.all(own)).map(String), ['mine', 'mine', 'mine']);
    assert.deepEqual(((await to.send('LRANGE', 'own', 0, -1)) as Buffer[]).map(String), ['mine']);
    assert.deepEqual(((await to.send('LRANGE', 'hot', 0, -1)) as Buffer[]).map(String), ['199']);
  });
}

test('rump follows a database into another one of the same server', async (t) => {
  await from.send('SET', 'a', 'old');
  const run = await follow(t, 'psync', '0', [], `${source.url}/1`);
  await from.pipeline([
    ['SET', 'a', 'new'],
    ['SET', 'b', 'x'],
    ['DEL', 'b'],
    ['RPUSH', 'c', 'x'],
  ]);
  await other.send('SET', 'own', 'mine');
  assertDone(await over(run));
  assert.equal(String(await other.send('GET', 'a')), 'new');
  assert.deepEqual(await namesAt(other), ['a', 'c', 'own']);
});

for (const [what, db, args, words] of [
  ['by tracking', '/2', ['--feed', 'tracking'], /own: tracking does not tell .*--feed psync/],
  ['with all of its databases', '', ['--db', 'all', '--db-map', '0:2'], /own: those that are written .*--db/],
] as const) {
  test(`rump refuses to follow a server into itself ${what}`, async () => {
    await from.send('SET', 'a', 'old');
    const result = await runRump([
      '--from',
      source.url,
      '--to',
      `${source.url}${db}`,
      '--live',
      '--until-idle',
      '1s',
      ...args,
    ]);
    assertRefused(result, { error: words });
  });
}

for (const feed of variants(...FEEDS)) {
  test(`rump --db all that follows by ${feed} takes in a database that gets its first key later`, async (t) => {
    const [seven, its, nine] = await Promise.all([source.client(7), target.client(7), target.client(9)]);
    await from.send('SET', 'a', 'old');
    await its.pipeline([
      ['SET', 'own', 'mine'],
      ['SET', 'both', 'mine'],
    ]);
    const run = await follow(t, feed, 'all', ['--db-map', '8:9']);
    await seven.pipeline([
      ['SET', 'first', 'x'],
      ['SET', 'both', 'new'],
    ]);
    await until(async () => (await its.send('DBSIZE')) === 3);
    await seven.pipeline([
      ['DEL', 'first'],
      ['SET', 'second', 'x'],
      ['RPUSH', 'third', 'x'],
    ]);
    await until(async () => (await its.send('EXISTS', 'first', 'second', 'third')) === 2);
    await (await source.client(8)).send('SET', 'just', 'now');
    const result = await over(run);
    assertDone(result);
    assert.match(result.stderr, /database 7 of the source has got its first keys/);
    assert.deepEqual(await namesAt(its), ['both', 'own', 'second', 'third']);
    assert.equal(String(await its.send('GET', 'both')), 'new');
    assert.equal(String(await nine.send('GET', 'just')), 'now');
    assert.deepEqual(await namesAt(to), ['a']);
  });
}

test('A database that comes later takes no name of one that goes to the same place', async (t) => {
  const [three, four, its] = await Promise.all([source.client(3), source.client(4), target.client(7)]);
  await three.send('SET', 'a', 'three');
  const run = await follow(t, 'psync', 'all', ['--db-map', '3:7,4:7,7:3']);
  await four.pipeline([
    ['SET', 'a', 'four'],
    ['SET', 'b', 'four'],
  ]);
  await until(async () => (await its.send('EXISTS', 'b')) === 1);
  assertFailed(await over(run), { error: /^rump: 1 key was not copied$/ });
  assert.equal(String(await its.send('GET', 'a')), 'three');
});

test('rump --db all says which database it cannot follow, and does not call it done', async (t) => {
  const small = await startServer({ args: ['--databases', '2'] });
  t.after(() => small.stop());
  await from.send('SET', 'a', 'x');
  const run = await follow(t, 'psync', 'all', [], small.url);
  await (await source.client(5)).send('SET', 'lost', 'x');
  await from.send('SET', 'b', 'x');
  const result = await over(run);
  assertFailed(result, {
    error: /^rump: Cannot follow database 5 of the source, which got its first keys after the start: .*out of range/,
  });
  const there = await small.client();
  assert.deepEqual(await namesAt(there), ['a', 'b']);
});
