// A target that is a replica for a while, and so loses what it had acknowledged with no restart and no flush.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileFor, keptIn, kill } from '../support/broken-off.ts';
import type { TestClient } from '../support/client.ts';
import { assertSameData } from '../support/keyspace.ts';
import { Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { underWay } from '../support/mid-run.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { isInStep } from '../support/replica.ts';
import { runRump, startRump } from '../support/rump.ts';
import { longTest } from '../support/tier.ts';

const KEYS = 500;
/** A snapshot is sent at once. */
const SOON = ['--repl-diskless-sync-delay', '0'];

let source: TestServer;
let target: TestServer;
let empty: TestServer;
let from: TestClient;
let to: TestClient;
let witness: TestClient;

function start(): Promise<TestServer> {
  return startServer({ args: SOON });
}

before(async () => {
  [source, target, empty] = await Promise.all([start(), start(), start()]);
  [from, to, witness] = await Promise.all([source.client(), target.client(), empty.client()]);
});

after(() => Promise.all([source, target, empty].map((server) => server.stop())));

beforeEach(async () => {
  for (const client of [from, to, witness]) await client.send('FLUSHALL');
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
});

test('A target that gets a replica, and loses it, has lost nothing', async (t) => {
  const file = fileFor(t);
  const run = await inSync(t, ['--resume', file], 'startProcess');
  const before = await replicationIdOf(to);
  await becomeReplica(witness, target);
  await witness.send('REPLICAOF', 'NO', 'ONE');
  assert.notEqual(await replicationIdOf(to), before);
  while (keptIn(file) < KEYS) await sleep(20);
  await kill(run.running);
  await run.start().reaches(PHASE.inSync);
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /the copy goes on from/);
  assert.doesNotMatch(result.stderr, /may have lost|copied once more/);
});

test('A target that was a replica of an empty server for a moment has everything at the end', async (t) => {
  const run = await inSync(t);
  await loseAll();
  // As many as the keys that are looked for at the end, so that these alone would not tell.
  await from.pipeline(Array.from({ length: 20 * KEYS }, (_, i) => ['SET', `later:${i}`, i]));
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /^rump: warning: a server of the target may have lost what it had acknowledged/m);
  await assertSameData(from, to);
});

test('A target whose data are lost while nobody writes is seen before the cutover', async (t) => {
  const run = await inSync(t);
  await loseAll();
  while ((await to.send('DBSIZE')) !== KEYS) await sleep(20);
  run.cutOver();
  assert.equal((await run.done()).code, 0);
  await assertSameData(from, to);
});

longTest('A copy that follows and goes on copies all once more where its target was a replica meanwhile', async (t) => {
  const run = await inSync(t, ['--resume', fileFor(t)]);
  await kill(run.running);
  await loseAll();
  await run.start().reaches(PHASE.inSync);
  run.cutOver();
  const result = await run.done();
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, new RegExp(`the target 127.0.0.1:${target.port} was a replica meanwhile: all of it is`));
  await assertSameData(from, to);
});

longTest('A copy that goes on copies all once more where its target was a replica, however long ago', async (t) => {
  const file = fileFor(t);
  const args = ['--from', source.url, '--to', target.url, '--resume', file];
  const running = startRump([...args, '--tpslimit', '50', '--count', '10']);
  await underWay(running, () => keptIn(file) > 0);
  running.child.kill('SIGINT');
  assert.equal((await running.done).code, 130);
  await loseAll();
  // A primary forgets whose data it has had once it keeps no backlog any more.
  await to.send('CONFIG', 'SET', 'repl-backlog-ttl', 1);
  while (/master_replid2:[^0]/.test(String(await to.send('INFO', 'replication')))) await sleep(20);
  await to.send('CONFIG', 'SET', 'repl-backlog-ttl', 3600);
  const result = await runRump(args);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /was a replica meanwhile: all of it is copied once more/);
  await assertSameData(from, to);
});

async function inSync(
  t: TestContext,
  args: readonly string[] = [],
  start: 'start' | 'startProcess' = 'start',
): Promise<Following> {
  const endpoints = ['--from', source.url, '--to', target.url];
  const run = new Following(t, { endpoints, feed: 'psync', source: serverSide(() => source, [0]), args });
  await run[start]().reaches(PHASE.inSync);
  return run;
}

/** It is a primary again, and the same process. */
async function loseAll(): Promise<void> {
  await becomeReplica(to, empty);
  await to.send('REPLICAOF', 'NO', 'ONE');
}

async function becomeReplica(client: TestClient, { port }: TestServer): Promise<void> {
  await client.send('REPLICAOF', '127.0.0.1', port);
  while (!(await isInStep(client))) await sleep(10);
}

async function replicationIdOf(client: TestClient): Promise<string | undefined> {
  return /master_replid:(\w+)/.exec(String(await client.send('INFO', 'replication')))?.[1];
}
