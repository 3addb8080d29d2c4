// What is told where a step of the move without downtime fails, as the README has it: nobody takes it for done.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { assertFailed, assertRefused } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { runRump, type RumpResult } from '../support/rump.ts';

const KEYS = 200;

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;

before(async () => {
  [source, target] = await Promise.all([borrow(), borrow()]);
  [from, to] = await Promise.all([source.client(), target.client()]);
});

after(() => Promise.all([source, target].map(giveBack)));

beforeEach(async () => {
  await Promise.all([from, to].map((client) => client.send('FLUSHALL')));
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
});

test('A move whose user may not follow the source ends before anything is written, and names the rights', async () => {
  await from.send(
    'ACL',
    'SETUSER',
    'reader',
    'reset',
    'on',
    '>pw',
    '~*',
    '+@read',
    '+info',
    '+time',
    '+select',
    '+ping',
  );
  const ends = ['--from', source.url.replace('//', '//reader:pw@'), '--to', target.url];
  const result = await runRump([...ends, '--live', '--until-idle', '1s']);
  assertRefused(result, {
    error: /^rump: Cannot follow the source: .*\(grant the user \+psync .*, or \+client\|tracking/,
  });
  assert.equal(await to.send('DBSIZE'), 0);
});

test('A move whose cutover was said before it began is refused', async (t) => {
  const run = follow(t, []);
  run.cutOver();
  run.start();
  assertRefused(await run.done(), {
    code: 2,
    error: /^rump: Cannot use --cutover-file .*: it is there already \(remove it/,
  });
  assert.equal(await to.send('DBSIZE'), 0);
});

test('A move whose cutover takes too long says so, and the source has everything', async (t) => {
  const run = await inSync(t, ['--cutover-timeout', '300ms']);
  source.pause();
  run.cutOver();
  const result = await run.done();
  source.resume();
  assertFailed(result, { code: 75, error: /^rump: Gave up on the cutover: after 0\.3 s .*--cutover-timeout\)$/ });
  assert.equal(await from.send('DBSIZE'), KEYS);
});

test('A move whose writers were not stopped names what they write, and brings it', async (t) => {
  const run = await inSync(t, ['--linger', '2s']);
  run.cutOver();
  await run.reaches(PHASE.lingering);
  let late = 0;
  for (; run.running.child.exitCode === null && !/written after/.test(run.stderr); await sleep(10))
    await from.send('SET', 'late', ++late);
  const result = await run.done();
  assertFailed(result, { error: /^rump: the source was written after the cutover \(\d+ changes?\)/ });
  assert.match(result.stderr, /among the keys that have changed since are "late"$/m);
  assert.ok(Number(await to.send('GET', 'late')) > 0);
});

test('A move whose target is lost at the end, and comes back with nothing, is not done before it has everything', async (t) => {
  const [run, port] = [await inSync(t, ['--linger', '2s']), target.port];
  run.cutOver();
  await run.reaches(PHASE.lingering);
  await target.stop();
  await run.reaches(/lost the target/);
  target = await startServer({ port });
  to = await target.client();
  assertMoved(await run.done());
  assert.equal(await to.send('DBSIZE'), KEYS);
});

test('A move whose target is written by somebody else finds that by --verify', async (t) => {
  const run = await inSync(t, ['--verify', '--recheck', '0']);
  await to.send('SET', 'key:7', 'other');
  run.cutOver();
  const result = await run.done();
  assertFailed(result, { code: 3, error: /^rump: 1 key is not the same on both sides$/ });
  assert.match(result.stderr, /^rump: \* key:7\t/m);
});

test('A move that was stopped leaves the source as it was, for a move from the beginning', async (t) => {
  const stopped = await inSync(t, []);
  stopped.running.child.kill('SIGTERM');
  assert.equal((await stopped.done()).code, 143);
  await from.send('DEL', 'key:0');
  await to.send('FLUSHDB');
  const again = await inSync(t, []);
  again.cutOver();
  const result = await again.done();
  assertMoved(result);
  assert.deepEqual(await to.send('DBSIZE'), KEYS - 1);
});

function assertMoved({ code, stdout, stderr }: RumpResult): void {
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Sync done\.\n$/);
}

function follow(t: TestContext, args: readonly string[]): Following {
  const endpoints = ['--from', source.url, '--to', target.url];
  return new Following(t, { endpoints, feed: 'psync', source: serverSide(() => source, [0]), args });
}

async function inSync(t: TestContext, args: readonly string[]): Promise<Following> {
  const run = follow(t, args).start();
  await run.reaches(PHASE.inSync);
  return run;
}
