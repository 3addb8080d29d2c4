// Keys that fail while the source is followed: what is told in the end is how they are then.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { kill } from '../support/broken-off.ts';
import type { TestClient } from '../support/client.ts';
import { dumpsOf } from '../support/command-stats.ts';
import { assertSameData } from '../support/keyspace.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import type { FeedName } from '../support/live/model.ts';
import { underWay } from '../support/mid-run.ts';
import { assertFailed, linesOf } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { spawnRump, startRump, type RumpResult, type RunningRump } from '../support/rump.ts';
import { longTest, variants } from '../support/tier.ts';

const PASSWORD = 'secret';

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
  for (const client of [from, to]) {
    await client.pipeline([['FLUSHALL'], ['CONFIG', 'RESETSTAT']]);
    await client.send('ACL', 'SETUSER', 'limited', 'reset', 'on', `>${PASSWORD}`, '+@all', '~*', '&*');
  }
});

interface Follow {
  readonly running: RunningRump;
  readonly over: () => Promise<RumpResult>;
}

/** As users that may be kept from keys. */
async function follow(
  t: TestContext,
  args: readonly string[] = [],
  feed: FeedName = 'tracking',
  start = startRump,
): Promise<Follow> {
  const file = join(folderOf(t), 'cutover');
  const [fromUrl, toUrl] = [source, target].map(({ port }) => `redis://limited:${PASSWORD}@127.0.0.1:${port}`);
  const how = ['--live', '--feed', feed, '--cutover-file', file, '--linger', '0s', ...args];
  const running = start(['--from', fromUrl!, '--to', toUrl!, ...how]);
  t.after(() => running.end());
  await underWay(running, () => /rump: in sync|"phase":"in-sync"/.test(running.stderr + running.stdout));
  const over = (): Promise<RumpResult> => {
    writeFileSync(file, '');
    return running.done;
  };
  return { running, over };
}

async function says(running: RunningRump, words: RegExp): Promise<void> {
  await underWay(running, () => words.test(running.stderr));
}

async function holds(client: TestClient, key: string, value: string | null): Promise<void> {
  const isSo = async (): Promise<boolean> => {
    const found = (await client.send('GET', key)) as Buffer | null;
    return (found === null ? null : String(found)) === value;
  };
  while (!(await isSo())) await sleep(5);
}

/** The keys that the file of a copy keeps as failed. */
function failedIn(file: string): readonly string[] {
  if (!existsSync(file)) return ['nothing'];
  const { checkpoint } = JSON.parse(readFileSync(file, 'utf8')) as { readonly checkpoint: Checkpoint };
  return checkpoint.failed.names.map(([, key]) => Buffer.from(key, 'base64').toString());
}

/** Only keys that begin so may be asked for, or written. */
function keepTo(client: TestClient, ...patterns: string[]): Promise<unknown> {
  return client.send('ACL', 'SETUSER', 'limited', 'resetkeys', ...patterns.map((pattern) => `~${pattern}`));
}

for (const side of variants<'source' | 'target'>('source', 'target')) {
  test(`A key that the ${side} has refused, and that is in place at the end, has not failed`, async (t) => {
    await from.pipeline(['changed', 'still', 'gone', 'fine'].map((key) => ['SET', key, 'first']));
    const limited = side === 'source' ? from : to;
    await keepTo(limited, 'fine');
    const { running, over } = await follow(t);
    for (const key of ['changed', 'still', 'gone'])
      await says(running, new RegExp(`^rump: key "${key}" in db 0: `, 'm'));
    await keepTo(limited, '*');
    await from.send('DEL', 'gone');
    await from.send('SET', 'changed', 'second');
    await holds(to, 'changed', 'second');
    const result = await over();
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /Sync done\.\n$/);
    assert.match(result.stderr, / 0 failed$/m);
    assert.match(result.stderr, /^rump: warning: 3 keys that had failed are in place by now/m);
    // All is read in the beginning, each change and what still fails then, and what is in place once more to be sure of it.
    assert.equal(await dumpsOf(from), 4 + 3 + 3);
    await assertSameData(from, to);
  });
}

test('With --json the keys that have failed and not recovered are those that the end counts', async (t) => {
  await from.pipeline(['passing', 'failing', 'fine'].map((key) => ['SET', key, 'first']));
  await keepTo(to, 'fine');
  const { over } = await follow(t, ['--json']);
  await keepTo(to, 'fine', 'passing');
  await from.send('SET', 'passing', 'second');
  await holds(to, 'passing', 'second');
  const { code, stdout } = await over();
  assert.equal(code, 1);
  const events = linesOf(stdout).map((line) => JSON.parse(line) as { event: string; key: string; failed: number });
  const keysOf = (name: string): string[] => events.filter(({ event }) => event === name).map(({ key }) => key);
  assert.deepEqual(keysOf('key-failed').toSorted(), ['failing', 'passing']);
  assert.deepEqual(keysOf('key-recovered'), ['passing']);
  assert.equal(events.find(({ event }) => event === 'done')!.failed, 1);
});

longTest('A key that fails to the end is tried once more, counted once, and listed with those that do', async (t) => {
  await from.pipeline(['passing', 'failing', 'fine'].map((key) => ['SET', key, 'first']));
  await keepTo(to, 'fine');
  const { running, over } = await follow(t);
  await says(running, /^rump: key "failing" in db 0: /m);
  await from.pipeline(Array.from({ length: 3 }, (_, i) => ['SET', 'failing', i]));
  await keepTo(to, 'fine', 'passing');
  await from.send('SET', 'passing', 'second');
  await holds(to, 'passing', 'second');
  await to.send('CONFIG', 'RESETSTAT');
  const result = await over();
  assertFailed(result, { code: 1, error: /^rump: 1 key was not copied$/ });
  assert.match(result.stderr, / 1 failed$/m);
  assert.match(result.stderr, /^rump: warning: the target does not have as .*: "failing" in db 0 \(NOPERM [^,]*\)$/m);
  assert.equal(linesOf(result.stderr).filter((line) => line.startsWith('rump: key "failing"')).length, 1);
  assert.match(String(await to.send('INFO', 'commandstats')), /cmdstat_restore:.*rejected_calls=1,/);
});

longTest('Progress that is kept names no key as failed that has been copied since', async (t) => {
  const file = join(folderOf(t), 'progress');
  await from.pipeline(['passing', 'fine'].map((key) => ['SET', key, 'first']));
  await keepTo(to, 'fine', 'rump:*');
  const { running, over } = await follow(t, ['--resume', file]);
  await underWay(running, () => failedIn(file).join() === 'passing');
  await keepTo(to, '*');
  await from.send('SET', 'passing', 'second');
  await underWay(running, () => failedIn(file).length === 0);
  const result = await over();
  assert.equal(result.code, 0, result.stderr);
  await assertSameData(from, to);
});

test('A key that has failed, and was deleted by then, is removed by the part that goes on', async (t) => {
  await from.pipeline([
    ['SET', 'a:1', 1],
    ['SET', 'b:1', 1],
  ]);
  const progress = join(folderOf(t), 'progress');
  const { running } = await follow(t, ['--resume', progress], 'psync', spawnRump);
  await keepTo(from, 'b:*');
  await from.send('DEL', 'a:1');
  await underWay(running, () => failedIn(progress).join() === 'a:1');
  await kill(running);
  await keepTo(from, '*');
  const { over } = await follow(t, ['--resume', progress], 'psync');
  assert.equal((await over()).code, 0);
  await assertSameData(from, to);
});

test('A key that the target has of its own has failed under --on-conflict fail as long as the source has it', async (t) => {
  await from.pipeline(['passing', 'back', 'fine'].map((key) => ['SET', key, 'first']));
  await to.pipeline(['passing', 'back'].map((key) => ['SET', key, 'own']));
  const { running, over } = await follow(t, ['--on-conflict', 'fail']);
  await says(running, /^rump: key "back" in db 0: BUSYKEY/m);
  await from.send('DEL', 'passing', 'back');
  await from.send('SET', 'fine', 'second');
  await holds(to, 'fine', 'second');
  await from.send('SET', 'back', 'second');
  await from.send('SET', 'fine', 'third');
  await holds(to, 'fine', 'third');
  const result = await over();
  assertFailed(result, { code: 1, error: /^rump: 1 key was not copied$/ });
  assert.match(result.stderr, /warning: the target does not have as the source has them: "back" in db 0 \(BUSYKEY/);
  assert.deepEqual(await to.send('MGET', 'passing', 'back').then(String), 'own,own');
});

longTest('A key that is skipped counts once, however often it changes', async (t) => {
  await from.pipeline(['own', 'fine'].map((key) => ['SET', key, 'first']));
  await to.send('SET', 'own', 'own');
  const { over } = await follow(t, ['--on-conflict', 'skip']);
  for (const value of ['second', 'third']) {
    await from.send('SET', 'own', value);
    await from.send('SET', 'fine', value);
    await holds(to, 'fine', value);
  }
  const result = await over();
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /, 1 skipped, .* 0 failed$/m);
});

test('A source that refuses INFO to the user who follows it is named, with the right that is missing', async (t) => {
  await from.send('SET', 'key', 'value');
  const { running } = await follow(t);
  await from.send('ACL', 'SETUSER', 'limited', '-info');
  const result = await running.done;
  assertFailed(result, {
    code: 1,
    error: /^rump: Cannot read from .*NOPERM.*'info' command.* \(give the user that right: /,
  });
  assert.match(result.stderr, /^rump: warning: \S+ refuses INFO commandstats \(NOPERM/m);
  assert.doesNotMatch(result.stderr, /were reset/);
});
