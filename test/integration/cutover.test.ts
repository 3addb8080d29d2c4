// The end of following: who says that the writers have stopped, what is done then, and what is told where they had not.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { MAIN, runRump, startRump, type RunningRump } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { openTerminal } from '../support/terminal.ts';
import { longTest, variants } from '../support/tier.ts';

const IN_SYNC = /rump: in sync/;

for (const feed of variants('psync', 'tracking')) {
  test(`rump follows by ${feed} until a file appears, and has every write by then`, async (t) => {
    const { pair, running, cutOver } = await startFollowing(t, ['--feed', feed, '--linger', '500ms']);
    const { from, to } = pair;
    await says(running, IN_SYNC);
    await from.pipeline([
      ['SET', 'written', 'late'],
      ['DEL', 'string:int'],
      ['RENAME', 'list:listpack', 'renamed'],
      ['PEXPIRE', 'hash:listpack', 600_000],
      ['SET', 'brief', 'x', 'PX', 1],
    ]);
    cutOver();
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /Sync done\.\n$/);
    assert.match(result.stderr, new RegExp(`^rump: following by ${feed}: `, 'm'));
    assert.match(result.stderr, /^rump: cutting over$/m);
    assert.equal(await to.send('EXISTS', 'string:int', 'list:listpack', 'brief'), 0);
    await assertSameData(from, to);
  });
}

test('rump follows until nothing was written for a while, though keys expire', async (t) => {
  const { pair, running } = await startFollowing(t, ['--until-idle', '1s', '--linger', '300ms']);
  const { from, to } = pair;
  await says(running, IN_SYNC);
  // One expires every 30 ms, and takes longer to do so than the idle time is.
  await from.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `expiring:${i}`, i, 'PX', 300 + i * 30]));
  const written = performance.now();
  const result = await running.done;
  assert.equal(result.code, 0, result.stderr);
  assert.ok(performance.now() - written >= 1000);
  for (const client of [from, to]) while ((await expiring(client)) > 0) await sleep(50);
  await assertSameData(from, to);
});

test('rump names who still writes after the cutover, copies it, and does not call it done', async (t) => {
  const { pair, running, cutOver } = await startFollowing(t, ['--linger', '2s']);
  const { from, to } = pair;
  await says(running, IN_SYNC);
  await from.pipeline(Array.from({ length: 300 }, (_, i) => ['SET', `expiring:${i}`, i, 'PX', 500 + i * 10]));
  cutOver();
  await says(running, /looking for whoever still writes/);
  await sleep(500);
  await from.send('SET', 'straggler', 'late');
  const result = await running.done;
  assertFailed(result, { code: 1, error: /the source was written after the cutover \(1 change\)/ });
  // Keys that expire are told as well, and more of them than are named.
  assert.match(result.stderr, /warning: .* among the keys that have changed since are "straggler"/);
  assert.equal(String(await to.send('GET', 'straggler')), 'late');
});

longTest('rump sees who still writes though thousands of keys expire, and the target is far away', async (t) => {
  const pair = await startPair(t);
  const { source, target, from } = pair;
  const proxy = await startProxy({ port: target.port, delay: 100 });
  t.after(() => proxy.close());
  const file = join(folderOf(t), 'cutover');
  const args = ['--live', '--cutover-file', file, '--linger', '3s', '--feed', 'psync'];
  // So many a millisecond, from before the linger until it is long over.
  const expiring = Array.from({ length: 36_000 }, (_, i) => [
    'SET',
    `expiring:${i}`,
    i,
    'PX',
    4000 + Math.floor(i / 3),
  ]);
  await from.pipeline(expiring);
  const running = startRump(['--from', source.url, '--to', proxy.url, ...args]);
  t.after(() => running.end());
  await says(running, IN_SYNC);
  writeFileSync(file, '');
  await says(running, /looking for whoever still writes/);
  // What comes while it begins to look, as long as a way there and back takes, may be from before.
  await sleep(1500);
  for (const key of ['one', 'two', 'three']) await from.send('SET', key, 'late');
  const result = await running.done;
  assertFailed(result, { code: 1, error: /the source was written after the cutover \(3 changes\)/ });
  assert.match(result.stderr, /warning: .* among the keys that have changed since are .*"one"/);
});

test('rump names who still writes though keys expire that it does not follow, and it is not told in which database', async (t) => {
  const scope = ['--db', '0,1', '--exclude', 'brief:*'];
  const { pair, running, cutOver } = await startFollowing(t, ['--linger', '2s', '--feed', 'tracking', ...scope]);
  const { from } = pair;
  await says(running, IN_SYNC);
  cutOver();
  await says(running, /looking for whoever still writes/);
  await sleep(300);
  const keys = Array.from({ length: 20 }, (_, i) => `brief:${i}`);
  await from.pipeline(keys.map((key) => ['SET', key, 1, 'PX', 1]));
  while ((await from.send('EXISTS', ...keys)) !== 0) await sleep(1);
  await from.send('SET', 'straggler', 'late');
  const result = await running.done;
  assertFailed(result, { code: 1, error: /the source was written after the cutover/ });
  assert.match(result.stderr, /warning: .*"straggler"/);
});

for (const [feed, linger] of variants(
  ...([
    ['tracking', '2s'],
    ['psync', '6s'],
  ] as const),
))
  test(`A flush after the cutover is a write as well, which is followed and not called done (${feed})`, async (t) => {
    const { pair, running, cutOver } = await startFollowing(t, ['--linger', linger, '--feed', feed]);
    await says(running, IN_SYNC);
    cutOver();
    await says(running, /looking for whoever still writes/);
    await sleep(300);
    await pair.from.send('FLUSHALL');
    const result = await running.done;
    assertFailed(result, { code: 1, error: /the source was written after the cutover/ });
    assert.match(result.stderr, /warning: .*databases were flushed, or exchanged/);
    assert.equal(await pair.to.send('DBSIZE'), 0);
  });

longTest('rump gives a cutover up that takes too long, and may be tried again', async (t) => {
  const { pair, running, cutOver } = await startFollowing(t, ['--cutover-timeout', '1s', '--linger', '0s']);
  await says(running, IN_SYNC);
  pair.target.pause();
  await pair.from.send('SET', 'key', 'value');
  cutOver();
  await says(running, /cutting over/);
  // Far longer than it is allowed to take.
  await sleep(4500);
  pair.target.resume();
  const result = await running.done;
  assertFailed(result, {
    code: 75,
    error: /Gave up on the cutover: after 1 s the target still lacks \d+ changed keys?/,
  });
});

test('rump waits for replicas of the target where it is told to, and says where they are not there', async (t) => {
  const { running, cutOver } = await startFollowing(t, ['--wait-replicas', '1', '--cutover-timeout', '3s']);
  await says(running, IN_SYNC);
  cutOver();
  const result = await running.done;
  assertFailed(result, { code: 75, error: /0 replicas of the target had everything, and 1 were asked for/ });
});

for (const [signal, code] of variants(
  ...([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const),
)) {
  test(`rump does not take ${signal} for a cutover where nobody sits in front of it`, async (t) => {
    const { running } = await startFollowing(t);
    await says(running, IN_SYNC);
    running.child.kill(signal);
    const result = await running.done;
    assertFailed(result, { code, error: /^rump: Stopped by / });
    assert.doesNotMatch(result.stderr, /cutting over/);
  });
}

test('rump takes the first Ctrl-C on a terminal for the cutover', async (t) => {
  const { from, to, endpoints } = await startFilled(t);
  const command = `${process.execPath} ${MAIN} ${endpoints.join(' ')} --live --linger 200ms; echo exit $?`;
  const terminal = openTerminal(t, { columns: 100, command });
  await terminal.shows(/in sync/);
  await from.send('SET', 'written', 'late');
  await terminal.press('C-c');
  const last = await terminal.shows(/exit 0/);
  assert.match(last.join('\n'), /Sync done\./);
  await assertSameData(from, to);
});

test('rump stops on the second Ctrl-C', async (t) => {
  const { endpoints } = await startFilled(t);
  const command = `${process.execPath} ${MAIN} ${endpoints.join(' ')} --live --linger 60s; echo exit $?`;
  const terminal = openTerminal(t, { columns: 100, command });
  await terminal.shows(/in sync/);
  await terminal.press('C-c');
  await terminal.shows(/looking for who/);
  await terminal.press('C-c');
  const last = await terminal.shows(/exit 130/);
  assert.doesNotMatch(last.join('\n'), /Sync done/);
});

test('rump refuses to follow where nobody could say that the writers have stopped', async (t) => {
  const endpoints = ['--from', 'redis://127.0.0.1:1', '--to', 'redis://127.0.0.1:2'];
  const none = await runRump([...endpoints, '--live']);
  assertFailed(none, { code: 2, error: /Cannot follow without an end.*--cutover-file, --until-idle or --control/s });
  const file = join(folderOf(t), 'cutover');
  writeFileSync(file, '');
  const there = await runRump([...endpoints, '--live', '--cutover-file', file]);
  assertFailed(there, { code: 2, error: /--cutover-file .*: it is there already/ });
  const nowhere = await runRump([...endpoints, '--live', '--cutover-file', join(file, 'in', 'no', 'folder')]);
  assertFailed(nowhere, { code: 2, error: /--cutover-file .*: there is no folder / });
  const below = await runRump([...endpoints, '--live', '--cutover-file', join(file, 'cutover')]);
  assertFailed(below, { code: 2, error: /--cutover-file .*: there is no folder / });
  const long = await runRump([...endpoints, '--live', '--cutover-file', `${file}${'x'.repeat(255)}`]);
  assertFailed(long, { code: 2, error: /--cutover-file .*: its name is too long/ });
  const socket = join(folderOf(t), 'both');
  const both = await runRump([...endpoints, '--live', '--control', socket, '--cutover-file', socket]);
  assertFailed(both, { code: 2, error: /--cutover-file .*: that is the file of --control as well/ });
  const alone = await runRump([...endpoints, '--until-idle', '1s']);
  assertFailed(alone, { code: 2, error: /--until-idle: without --live a copy ends by itself/ });
  const stream = await runRump(['--from', 'x.rdb', '--to', 'redis://127.0.0.1:2', '--live', '--until-idle', '1s']);
  assertFailed(stream, { code: 2, error: /--live: x\.rdb is a file/ });
});

longTest('A large value that changes all the time is no failure: it is copied once it holds still', async (t) => {
  const { source, from, to, endpoints } = await startFilled(t);
  const elements = Array.from({ length: 20_000 }, (_, i) => `element ${i}`);
  await from.send('RPUSH', 'large', ...elements);
  const file = join(folderOf(t), 'cutover');
  const writer = await source.client();
  const over = new AbortController();
  const writing = (async () => {
    while (!over.signal.aborted)
      await writer.pipeline([
        ['RPUSH', 'large', 'more'],
        ['LPOP', 'large'],
      ]);
  })();
  const limits = ['--big-key', '64k', '--linger', '200ms'];
  const running = startRump([...endpoints, '--live', '--cutover-file', file, ...limits]);
  t.after(() => running.end());
  await says(running, IN_SYNC);
  over.abort();
  await writing;
  writeFileSync(file, '');
  assertDone(await running.done);
  await assertSameData(from, to);
});

interface FollowingRun {
  readonly pair: ServerPair;
  readonly running: RunningRump;
  /** Makes the file appear. */
  readonly cutOver: () => void;
}

async function startFilled(t: TestContext): Promise<ServerPair> {
  const pair = await startPair(t);
  await fillAllTypes(pair.from);
  return pair;
}

async function startFollowing(t: TestContext, args: readonly string[] = []): Promise<FollowingRun> {
  const pair = await startFilled(t);
  const file = join(folderOf(t), 'cutover');
  const running = startRump([...pair.endpoints, '--live', '--cutover-file', file, ...args]);
  t.after(() => running.end());
  return { pair, running, cutOver: () => writeFileSync(file, '') };
}

async function says(running: RunningRump, words: RegExp): Promise<void> {
  const isOver = running.done.then(() => true);
  while (!words.test(running.stderr)) {
    if (await Promise.race([isOver, sleep(10, false)])) break;
  }
  assert.match(running.stderr, words);
}

async function expiring(client: TestClient): Promise<number> {
  return ((await client.send('KEYS', 'expiring:*')) as Buffer[]).length;
}
