// What a flush of the source leaves at the target, where the source is followed: nothing that came from there, and all of the target's own.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../support/client.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, startRump, type RumpResult, type RunningRump } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';

/** Runs until it is in sync, then does something to the source, and ends. */
async function follow(
  t: TestContext,
  { endpoints }: ServerPair,
  args: readonly string[],
  meanwhile: () => Promise<unknown>,
): Promise<RumpResult> {
  const file = join(folderOf(t), 'cutover');
  const running = startRump([...endpoints, '--live', '--cutover-file', file, '--linger', '0s', ...args]);
  t.after(() => running.end());
  await isInSync(running);
  await meanwhile();
  writeFileSync(file, '');
  return running.done;
}

async function isInSync(running: RunningRump): Promise<void> {
  const isOver = running.done.then(() => true);
  while (!running.stderr.includes('rump: in sync')) {
    if (await Promise.race([isOver, sleep(10, false)])) break;
  }
  assert.match(running.stderr, /rump: in sync/);
}

async function namesAt(client: TestClient): Promise<string[]> {
  return ((await client.send('KEYS', '*')) as Buffer[]).map(String).toSorted();
}

test('rump removes what was read before a flush and is written behind it', async (t) => {
  const pair = await startPair(t);
  const { from, to } = pair;
  const keys = Array.from({ length: 600 }, (_, i) => [`key:${i}`, 'value']);
  const socket = join(folderOf(t), 'run.sock');
  const result = await follow(t, pair, ['--tpslimit', '40', '--control', socket], async () => {
    await from.send('MSET', ...keys.flat());
    while ((await to.send('DBSIZE')) === 0) await sleep(5);
    await from.send('FLUSHALL');
    assert.ok(((await to.send('DBSIZE')) as number) < keys.length, 'all of them had come before the flush');
    assert.equal((await runRump(['ctl', socket, 'tpslimit', '0'])).code, 0);
  });
  assertDone(result);
  assert.deepEqual(await namesAt(to), []);
});

for (const [policy, left] of [
  ['replace', []],
  ['skip', ['both']],
] as const) {
  test(`rump --on-conflict ${policy} leaves the target's own keys behind a flush of the source`, async (t) => {
    const pair = await startPair(t);
    const { from, to } = pair;
    await from.send('MSET', 'both', 'theirs', 'new', 'theirs');
    await to.send('MSET', 'both', 'own', 'own:1', 'own', 'own:2', 'own');
    const result = await follow(t, pair, ['--on-conflict', policy], () => from.send('FLUSHALL'));
    assertDone(result);
    assert.deepEqual(await namesAt(to), [...left, 'own:1', 'own:2']);
    for (const name of left) assert.equal(String(await to.send('GET', name)), 'own');
  });
}

test('rump --names-limit does not run out of room by the names alone that a flush has left', async (t) => {
  const pair = await startPair(t);
  const { from, to } = pair;
  await from.send('MSET', ...Array.from({ length: 500 }, (_, i) => [`key:${i}`, 'value']).flat());
  const result = await follow(t, pair, ['--names-limit', '40'], () => from.send('FLUSHALL'));
  assertDone(result);
  assert.equal(await to.send('DBSIZE'), 0);
  assert.doesNotMatch(result.stderr, /have changed and are not read yet/);
});

test('rump names what may be the target’s own, and leaves it, where those names were too many', async (t) => {
  const pair = await startPair(t);
  const { from, to } = pair;
  await to.send('MSET', 'own:1', 1, 'own:2', 2, 'own:3', 3);
  // The key is gone before rump could read it.
  const result = await follow(t, pair, ['--names-limit', '2'], () =>
    from.pipeline([['MULTI'], ['SET', 'key', 'value'], ['FLUSHALL'], ['EXEC']]),
  );
  assertFailed(result, { code: 1, error: /3 keys of the target may be its own, and stay/ });
  assert.deepEqual(await namesAt(to), ['own:1', 'own:2', 'own:3']);
  for (const name of ['own:1', 'own:2', 'own:3']) assert.ok(result.stderr.includes(`"${name}"`), result.stderr);
});
