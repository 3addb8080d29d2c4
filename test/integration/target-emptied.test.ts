// A target that is flushed or swapped while a copy follows: what it had acknowledged is written again, long before the cutover.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { callsOf } from '../support/command-stats.ts';
import { assertSameData } from '../support/keyspace.ts';
import { Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { longOnly, longTest, variants } from '../support/tier.ts';

const KEYS = 500;

const WAYS: readonly (readonly (readonly string[])[])[] = [
  [['SWAPDB', '0', '3']],
  [['FLUSHDB']],
  [['FLUSHALL'], ['CONFIG', 'RESETSTAT']],
];

for (const way of variants(...WAYS))
  test(`A target has everything again before the cutover, though nobody writes, after ${way.join(' and ')}`, async (t) => {
    // Whose counts began anew before, as before many a migration, may have been called as often when they do once more.
    const { from, to, run } = await inSync(t, { before: [['CONFIG', 'RESETSTAT']] });
    await untilSeen(to);
    await to.pipeline(way);
    while ((await to.send('DBSIZE')) !== KEYS) await sleep(10);
    assert.equal(emptied(run), 1, run.stderr);
    run.cutOver();
    const result = await run.done();
    assert.equal(result.code, 0, result.stderr);
    await assertSameData(from, to);
  });

longOnly(() => {
  test('A small database of a target is copied anew, though no key of it was to be looked for', async (t) => {
    const { source, target, run } = await inSync(t, { args: ['--db', 'all'] });
    const [small, its] = await Promise.all([source.client(3), target.client(3)]);
    // Names as long as this one are not remembered.
    await small.send('SET', 'n'.repeat(5000), 'x');
    const until = async (keys: number): Promise<void> => {
      while ((await its.send('DBSIZE')) !== keys) await sleep(10);
    };
    await until(1);
    await its.send('FLUSHDB');
    await until(1);
    assert.equal(emptied(run), 1, run.stderr);
    run.cutOver();
    const result = await run.done();
    assert.equal(result.code, 0, result.stderr);
  });
});

longTest('A target that is swapped with a database of the same names has its own values again', async (t) => {
  const { target, to, from, run } = await inSync(t);
  await (await target.client(1)).pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, 'old']));
  await to.send('SWAPDB', 0, 1);
  while (String(await to.send('GET', 'key:7')) !== '7') await sleep(10);
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  await assertSameData(from, to);
});

test('A target that is flushed while the copy lingers is not done before it has everything', async (t) => {
  const { from, to, run } = await inSync(t, { args: ['--linger', '500ms'] });
  run.cutOver();
  await run.reaches(PHASE.lingering);
  await to.send('FLUSHALL');
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  await assertSameData(from, to);
});

test('A target of which another database is flushed has lost nothing', async (t) => {
  const { target, to, run } = await inSync(t);
  const other = await target.client();
  await untilLooked(to, () => other.pipeline([['SELECT', '5'], ['SET', 'own', 'x'], ['FLUSHDB']]));
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  assert.equal(emptied(run), 0, result.stderr);
});

test('A target of which another database was flushed once may lack keys later that somebody has deleted', async (t) => {
  const { target, from, to, run } = await inSync(t);
  for (let i = 0; i < 5; i++) {
    await from.send('SET', `late:${i}`, i);
    while ((await to.send('EXISTS', `late:${i}`)) !== 1) await sleep(5);
  }
  const other = await target.client(5);
  await untilLooked(to, () => other.send('FLUSHDB'));
  await to.send('DEL', 'late:3');
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /warning: the target .* lacks 1 of .*"late:3" in db 0.*: they were deleted there/);
});

longTest('A target that was flushed, and may not be asked for keys, gets all of them again', async (t) => {
  const { from, to, run } = await inSync(t, { rights: ['~*', '+@all', '-exists'] });
  await to.send('FLUSHALL');
  while ((await to.send('DBSIZE')) !== KEYS) await sleep(10);
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  await assertSameData(from, to);
});

/** Does it, and waits until rump has asked for keys behind it. */
async function untilLooked(to: TestClient, work: () => Promise<unknown>): Promise<void> {
  const asked = async (): Promise<number> => (await callsOf(to)).get('exists') ?? 0;
  const before = await asked();
  await work();
  while ((await asked()) === before) await sleep(10);
}

/** Waits until rump has looked at it twice: where its counts begin anew, nothing else tells what was there before. */
async function untilSeen(to: TestClient): Promise<void> {
  const asked = async (): Promise<number> => (await callsOf(to)).get('info') ?? 0;
  const before = await asked();
  // Each of the questions counts as well.
  for (let own = 1; (await asked()) < before + own + 2; own++) await sleep(10);
}

function emptied({ stderr }: Following): number {
  return stderr.match(/warning: the target .* was replaced, restarted or emptied/g)?.length ?? 0;
}

interface How {
  readonly args?: readonly string[];
  /** Of a user who writes to the target; by default it is one that may do all. */
  readonly rights?: readonly string[];
  /** What the target is told before rump begins. */
  readonly before?: readonly (readonly string[])[];
}

async function inSync(
  t: TestContext,
  { args = [], rights, before = [] }: How = {},
): Promise<ServerPair & { run: Following }> {
  const pair = await startPair(t);
  const { source, target, from, to } = pair;
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
  if (rights !== undefined) await to.send('ACL', 'SETUSER', 'writer', 'reset', 'on', '>pw', ...rights);
  await to.pipeline(before);
  const endpoints = [
    '--from',
    source.url,
    '--to',
    rights === undefined ? target.url : target.url.replace('//', '//writer:pw@'),
  ];
  const run = new Following(t, { endpoints, feed: 'psync', source: serverSide(() => source, [0]), args });
  await run.start().reaches(PHASE.inSync);
  return { ...pair, run };
}
