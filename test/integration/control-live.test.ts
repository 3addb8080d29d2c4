// What a copy that follows its source is told, and says, while it runs: in sync, paused, at its cutover, and as it stops.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import net from 'node:net';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { callsOf } from '../support/command-stats.ts';
import type { TestClient } from '../support/client.ts';
import { startControlled, statusOf, until, type Controlled } from '../support/controlled.ts';
import { assertSameData } from '../support/keyspace.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { underWay } from '../support/mid-run.ts';
import type { TestServer } from '../support/redis-server.ts';
import { longTest, variants } from '../support/tier.ts';

const KEYS = 1000;

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
  for (const client of [from, to]) await client.send('FLUSHALL');
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, 'x'.repeat(100)]));
});

function start(t: TestContext, ...args: readonly string[]): Promise<Controlled> {
  return startControlled(t, ['--from', source.url, '--to', target.url, '--live', '--linger', '0s', ...args]);
}

test('rump --live follows its source until it is told that the writers have stopped', async (t) => {
  const run = await start(t);
  await until(run, ({ phase }) => phase === 'in-sync');
  await from.pipeline([
    ['SET', 'late', '1'],
    ['DEL', 'key:1'],
  ]);
  const { behind, lag } = await statusOf(run);
  assert.ok((behind as number) >= 0 && (lag === null || (lag as number) >= 0));
  // It is in sync no more where the target stands still, though nobody writes.
  await until(run, (status) => status['behind'] === 0 && status['phase'] === 'in-sync');
  target.pause();
  t.after(() => target.resume());
  await until(run, ({ phase }) => phase === 'following');
  target.resume();
  await until(run, ({ phase }) => phase === 'in-sync');
  assert.match(await run.tell('status'), /^behind: \d+ keys\nlag: /m);
  await run.tell('cutover');
  const { code, stdout, stderr } = await run.running.done;
  assert.equal(existsSync(run.path), false, 'The socket is still there');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Sync done\.\n$/);
  await assertSameData(from, to);
});

longTest('rump --live writes nothing while it is paused, and what has changed meanwhile comes then', async (t) => {
  const run = await start(t);
  await until(run, ({ phase }) => phase === 'in-sync');
  await run.tell('pause');
  await from.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `key:${i}`, 'new']));
  await until(run, ({ behind }) => behind === 100);
  // It is no more in sync, though the measurement of that cannot end.
  await until(run, ({ phase }) => phase === 'following');
  assert.notEqual(String(await to.send('GET', 'key:1')), 'new');
  await run.tell('resume');
  await until(run, ({ behind }) => behind === 0);
  await run.tell('cutover');
  assert.equal((await run.running.done).code, 0);
  await assertSameData(from, to);
});

longTest('rump says that it is paused where it is to cut over, and where it gave up on that', async (t) => {
  const run = await start(t, '--cutover-timeout', '5s');
  await until(run, ({ phase }) => phase === 'in-sync');
  await run.tell('pause');
  await from.send('SET', 'key:1', 'new');
  await until(run, ({ behind }) => behind === 1);
  assert.match(await run.tell('cutover'), /^OK, but the run is paused: .* waits for RESUME, .*--cutover-timeout\n$/);
  await until(run, ({ phase }) => phase === 'cutover');
  assert.match(await run.tell('pause'), /^OK, but the cutover is under way: /);
  const { code, stdout, stderr } = await run.running.done;
  assert.equal(code, 75, stderr);
  assert.doesNotMatch(stdout, /Sync done/);
  assert.match(
    stderr,
    /Gave up on the cutover: after 5 s the target still lacks 1 changed key \(the copy was paused: .*resume\)/,
  );
});

test('rump that is paused where it is to cut over comes to its end once it goes on', async (t) => {
  const run = await start(t);
  await until(run, ({ phase }) => phase === 'in-sync');
  await run.tell('pause');
  await from.send('SET', 'key:1', 'new');
  await until(run, ({ behind }) => behind === 1);
  await run.tell('cutover');
  await run.tell('resume');
  assert.equal((await run.running.done).code, 0);
  await assertSameData(from, to);
});

/** What one command is answered, at once. */
async function said({ path }: Controlled, command: string): Promise<string> {
  const socket = net.connect(path).setEncoding('utf8');
  socket.write(`${command}\r\n`);
  const [answer] = (await once(socket, 'data')) as [string];
  socket.destroy();
  return answer;
}

for (const [what, end, code] of variants(
  ...([
    ['a signal', (run) => run.running.child.kill('SIGTERM'), 143],
    ['its own error', (run) => said(run, 'CUTOVER'), 75],
  ] as readonly (readonly [string, (run: Controlled) => unknown, number])[]),
)) {
  test(`rump that ends by ${what} says so as long as it waits for replies, and has no cutover any more`, async (t) => {
    const run = await start(t, '--cutover-timeout', '300ms');
    await until(run, ({ phase }) => phase === 'in-sync');
    target.pause();
    t.after(() => target.resume());
    const dumps = async (): Promise<number> => (await callsOf(from)).get('dump')!;
    const before = await dumps();
    await from.send('SET', 'key:1', 'new');
    // It is read, and nobody answers to what is written.
    await underWay(run.running, async () => (await dumps()) > before);
    await until(run, ({ behind, phase }) => behind === 1 && phase === 'following');
    await end(run);
    while (!/^phase: stopping$/m.test(await said(run, 'STATUS'))) await setImmediate();
    assert.match(await said(run, 'CUTOVER'), /^-ERR Cannot use CUTOVER: the run stops before it is done\r\n$/);
    target.resume();
    assert.equal((await run.running.done).code, code, run.running.stderr);
  });
}
