// Progress that is not this copy's, or not whole, or somebody else's at this moment: it is refused and stays, or left alone.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileFor, interrupt, keptAt, kill, KEYS, setAll, sizeOf, SLOWLY } from '../support/broken-off.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, spawnRump, startRump, type RunningRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { longTest } from '../support/tier.ts';

test('A second run with the same file is refused while the first one is there', async (t) => {
  const { from, endpoints } = await startPair(t);
  const file = fileFor(t);
  await from.pipeline(setAll(KEYS));
  const running = spawnRump([...endpoints, '--tpslimit', '100', '--resume', file]);
  await underWay(running, () => existsSync(file));
  const error = /^rump: Cannot use .*progress: another run \(process \d+\) keeps its progress there/;
  assertFailed(await runRump([...endpoints, '--resume', file]), { error });
  await kill(running);
  assertDone(await runRump([...endpoints, '--resume', file]));
});

longTest('Of two runs that keep their progress at one target only one goes on', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const keys = KEYS / 3;
  await from.pipeline(setAll(keys));
  const args = [...endpoints, '--tpslimit', '100', '--count', '10', '--resume', 'target'];
  const sockets = ['first', 'second'].map((name) => join(folderOf(t), name));
  const begin = (run: number): RunningRump => startRump([...args, '--control', sockets[run]!]);
  const first = begin(0);
  await underWay(first, async () => (await keptAt(to)) > 0);
  const runs = [first, begin(1)];
  // Which of them is told first of the other, is nobody's to say.
  const ended = await Promise.race(runs.map(({ done }) => done));
  const left = runs.findIndex(({ child }) => child.exitCode === null);
  assert.equal((await runRump(['ctl', sockets[left]!, 'tpslimit', '0'])).code, 0);
  const error = /^rump: Cannot go on: another run keeps its progress in the checkpoint in database 0 of /m;
  assertFailed(ended, { error });
  assert.doesNotMatch(ended.stderr, /kept in the checkpoint/);
  const results = await Promise.all(runs.map(({ done }) => done));
  assertDone(results.find((result) => !error.test(result.stderr))!);
  assert.equal(await sizeOf(to), keys);
});

longTest(
  'A copy that cannot keep its progress any more says why, and does not promise to go on from there',
  async (t) => {
    const { from, endpoints } = await startPair(t);
    const file = fileFor(t);
    await from.pipeline(setAll(KEYS));
    const running = startRump([...endpoints, ...SLOWLY, '--resume', file]);
    await underWay(running, () => existsSync(file));
    rmSync(file);
    mkdirSync(file);
    await underWay(running, () => running.stderr.includes('what is done from here on is not kept'));
    running.child.kill('SIGINT');
    const { code, stderr } = await running.done;
    assert.equal(code, 130);
    assert.match(
      stderr,
      /^rump: warning: what is done from here on is not kept: Cannot write .*progress: it is a directory/m,
    );
    assert.doesNotMatch(stderr, /the same command goes on from here/);
  },
);

test('A run that finds what it has kept at its target removed, as by one that has finished, writes nothing more', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline(setAll(KEYS));
  const running = startRump([...endpoints, ...SLOWLY, '--resume', 'target']);
  await underWay(running, async () => (await keptAt(to)) > 0);
  const [name] = (await to.send('KEYS', 'rump:checkpoint:*')) as Buffer[];
  await to.pipeline([
    ['UNLINK', String(name)],
    ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'],
  ]);
  assertFailed(await running.done, {
    error: /^rump: Cannot go on: another run has finished, or somebody has removed the checkpoint in database 0 of /m,
  });
  assert.deepEqual(await to.send('KEYS', 'rump:*'), []);
});

const OTHERS: readonly (readonly [what: string, args: (args: string[]) => string[], reason: RegExp])[] = [
  ['other options', (args) => [...args, '--match', 'key:*'], /without --match, and now it is key:\*/],
  ['another target', ([a, b, c, d]) => [a!, b!, c!, d!.replace('127.0.0.1', 'localhost')], /another copy: .*--to /],
  ['another target database', ([a, b, c, d]) => [a!, b!, c!, `${d}/3`], /belongs to another copy: .* --to redis:/],
];

test('A file of another copy is refused and stays as it is', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const file = fileFor(t);
  await from.pipeline(setAll(KEYS));
  await interrupt(endpoints, file);
  const text = readFileSync(file, 'utf8');
  await to.send('FLUSHALL');
  for (const [, change, reason] of OTHERS) {
    assertFailed(await runRump([...change([...endpoints]), '--resume', file]), { error: reason });
    assert.equal(readFileSync(file, 'utf8'), text);
  }
  assert.equal(await sizeOf(to), 0);
});

test('A file that is damaged, foreign or of another version is refused before anything is written', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const file = fileFor(t);
  await from.pipeline(setAll(KEYS));
  await interrupt(endpoints, file);
  await to.send('FLUSHALL');
  const text = readFileSync(file, 'utf8');
  for (const [content, reason] of [
    [text.replace('"db":0', '"db":1'), /it is damaged: its checksum is wrong/],
    [text.slice(0, -20), /it is damaged/],
    [text.replace('"version":1', '"version":2'), /another version of rump has written it/],
    ['{"some": "settings"}\n', /it is no checkpoint of rump/],
    ['', /it is no checkpoint of rump/],
  ] as const) {
    writeFileSync(file, content);
    assertFailed(await runRump([...endpoints, '--resume', file]), { error: reason });
    assert.equal(readFileSync(file, 'utf8'), content);
  }
  assert.equal(await sizeOf(to), 0);
});

test('Progress that is kept at a target is no data to a check, or to a copy from there', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline(setAll(KEYS));
  const running = spawnRump([...endpoints, ...SLOWLY, '--resume', 'target']);
  await underWay(running, async () => (await keptAt(to)) > 0);
  await kill(running);
  const [, [name]] = (await to.send('SCAN', 0, 'MATCH', 'rump:checkpoint:*', 'COUNT', 20_000)) as [Buffer, Buffer[]];
  assert.match(String(name), /^rump:checkpoint:\{\d+\}$/);
  await from.send('SET', 'rump:checkpoint:{1}', 'of another copy');
  const checked = await runRump(['check', ...endpoints, '--recheck', '0']);
  assert.match(checked.stderr, /, 0 only at the target, /);
  assertDone(await runRump([...endpoints, '--resume', 'target']));
  assert.equal(await sizeOf(to), KEYS);
  assert.equal((await runRump(['check', ...endpoints])).code, 0);
  assertDone(await runRump(endpoints));
  assert.equal(await sizeOf(to), KEYS);
  // Whoever looks what takes the room sees all of it.
  assert.match(
    (await runRump(['inspect', endpoints[1]!])).stdout,
    new RegExp(`^${(KEYS + 1).toLocaleString('en')} keys,`),
  );
});
