// Rights that a user lacks: every one is named, of both sides in one message, before anything is written.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { startControlled } from '../support/controlled.ts';
import { FEEDS, Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { underWay } from '../support/mid-run.ts';
import { sectionOf } from '../support/pages.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { runRump, type RumpResult } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { longTest, variants } from '../support/tier.ts';

async function grant(client: TestClient, user: string, ...rights: string[]): Promise<void> {
  await client.send('ACL', 'SETUSER', user, 'reset', 'on', '>pw', '~*', ...rights);
}

function as(user: string, url: string): string {
  return url.replace('//', `//${user}:pw@`);
}

test('rump names what is missing on both sides in one message', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.send('SET', 'key', 'value');
  await grant(from, 'reader', '+@all', '-scan', '-dump', '-time');
  await grant(to, 'writer', '+@all', '-restore', '-info');
  const result = await runRump(['--from', as('reader', source.url), '--to', as('writer', target.url)]);
  const reader = `at 127\\.0\\.0\\.1:${source.port} as the source the user may not run TIME, SCAN, DUMP`;
  const writer = `at 127\\.0\\.0\\.1:${target.port} as the target the user may not run INFO, RESTORE`;
  assertRefused(result, { error: new RegExp(`^rump: Cannot copy: ${reader}; ${writer}`) });
  for (const right of ['+scan', '+dump', '+time', '+restore', '+info']) assert.ok(result.stderr.includes(right), right);
  assert.equal(await to.send('DBSIZE'), 0);
});

test('rump asks for no more than each kind of run needs', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline([
    ['SET', 'key', 'value'],
    ['RPUSH', 'list', 1],
  ]);
  const common = ['+info', '+time', '+dbsize', '+select'];
  await grant(from, 'reader', ...common, '+scan', '+dump', '+pttl');
  await grant(to, 'writer', ...common, '+restore');
  const ends = ['--from', as('reader', source.url), '--to', as('writer', target.url)];
  assertDone(await runRump([...ends, '--type', 'list']));
  assert.equal(await to.send('DBSIZE'), 1);
  for (const [args, missing] of [
    [['--dry-run'], ['TYPE']],
    [['--preserve-idle'], ['OBJECT IDLETIME', 'OBJECT FREQ']],
    [
      ['--preserve-idle', '--dry-run'],
      ['TYPE', 'OBJECT IDLETIME', 'OBJECT FREQ'],
    ],
  ] as const) {
    const error = new RegExp(`as the source the user may not run ${missing.join(', ')}( |$)`);
    const result = await runRump([...ends, ...args]);
    assertRefused(result, { error });
    for (const name of missing)
      assert.ok(result.stderr.includes(`+${name.toLowerCase().replace(' ', '|')}`), result.stderr);
  }
  assert.equal(await to.send('DBSIZE'), 1);
  await grant(from, 'reader', ...common, '+scan', '+dump', '+pttl', '+object', '+type', '+memory');
  assertDone(await runRump([...ends, '--preserve-idle']));
  const dry = await runRump([...ends, '--dry-run']);
  assert.equal(dry.code, 0, dry.stderr);
});

for (const feed of variants(...FEEDS)) {
  test(`rump follows by ${feed} as users with just the rights that README.md names`, async (t) => {
    const { source, from, target, to } = await startPair(t);
    const [reads, exact, writes, , live, psync, tracking, removes] = rightsInReadme();
    const [reader, writer] = [
      [...reads!, ...exact!, ...live!, ...(feed === 'psync' ? psync! : tracking!)],
      [...writes!, ...removes!],
    ];
    await Promise.all([grant(from, 'reader', ...reader), grant(to, 'writer', ...writer)]);
    await from.pipeline([
      ['SET', 'key', 'old'],
      ['SET', 'gone', 'soon'],
    ]);
    const endpoints = ['--from', as('reader', source.url), '--to', as('writer', target.url)];
    const run = new Following(t, { endpoints, feed, source: serverSide(() => source, [0]) }).start();
    await run.reaches(PHASE.inSync);
    await from.pipeline([['SET', 'key', 'new'], ['DEL', 'gone'], ['FLUSHDB'], ['SET', 'last', 1]]);
    run.cutOver();
    assertDone(await run.done());
    assert.deepEqual(((await to.send('KEYS', '*')) as Buffer[]).map(String), ['last']);
  });
}

/** Each list of rights that the page names, in its order. */
function rightsInReadme(): string[][] {
  const lists = sectionOf('Endpoints').matchAll(/`(\+[^`]+)`/g);
  return Array.from(lists, ([, rights]) => rights!.split(/\s+/));
}

test('rump names the rights that the nodes of a cluster ask for, of either side', async (t) => {
  const [cluster, { source, target, from, to }] = await Promise.all([startCluster(t, { primaries: 2 }), startPair(t)]);
  await from.send('SET', 'key', 'value');
  await cluster.pipeline([['SET', 'other', 'value']]);
  const url = as('app', cluster.url);
  for (const [rights, names] of [
    [['-cluster'], ['CLUSTER SLOTS', 'CLUSTER NODES']],
    [['-asking'], ['ASKING']],
    [
      ['-cluster', '-asking', '-dbsize'],
      ['DBSIZE', 'CLUSTER SLOTS', 'CLUSTER NODES', 'ASKING'],
    ],
  ] as const) {
    for (const client of cluster.clients) await grant(client, 'app', '+@all', ...rights);
    const [read, written] = await Promise.all([
      runRump(['--from', url, '--to', target.url]),
      runRump(['--from', source.url, '--to', url]),
    ]);
    for (const [result, role] of [
      [read, 'source'],
      [written, 'target'],
    ] as const) {
      assertRefused(result, { error: new RegExp(`as the ${role} the user may not run ${names.join(', ')}( |;|$)`) });
      for (const name of names) assert.ok(result.stderr.includes(`+${name.toLowerCase().replace(' ', '|')}`));
    }
  }
  assert.equal(await to.send('DBSIZE'), 0);
  // One node may grant less than the other.
  for (const client of cluster.clients) await grant(client, 'app', '+@all');
  await grant(cluster.clients[1]!, 'app', '+@all', '-dump');
  const second = cluster.nodes[1]!.port;
  const result = await runRump(['--from', url, '--to', target.url]);
  assertRefused(result, { error: new RegExp(`at 127\\.0\\.0\\.1:${second} as the source the user may not run DUMP`) });
});

/** A copy that is slow until something happens to it when a part of it is written, and fast behind that. */
async function copyWhile(
  t: TestContext,
  ends: readonly string[],
  from: TestClient,
  to: TestClient,
  happen: () => Promise<unknown>,
): Promise<RumpResult> {
  await from.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `key:${i}`, i]));
  const { running, tell } = await startControlled(t, [...ends, '--tpslimit', '300']);
  await underWay(running, async () => ((await to.send('DBSIZE')) as number) > 0);
  await happen();
  await tell('tpslimit', '0');
  return running.done;
}

longTest('rump names the source that does not say any more who it is', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await grant(from, 'reader', '+@all');
  const ends = ['--from', as('reader', source.url), '--to', target.url];
  const result = await copyWhile(t, ends, from, to, () => grant(from, 'reader', '+@all', '-info'));
  assertFailed(result, { error: new RegExp(`^rump: Cannot read from 127\\.0\\.0\\.1:${source.port}: NOPERM `, 'm') });
});

longTest('rump vouches for no target that was flushed and does not say which keys are there', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await grant(to, 'writer', '+@all', '-exists');
  const ends = ['--from', source.url, '--to', as('writer', target.url)];
  const result = await copyWhile(t, ends, from, to, () => to.send('FLUSHALL'));
  assertFailed(result, { error: /was flushed or swapped .* and does not say whether they are there/ });
});
