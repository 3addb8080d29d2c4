// What a check prints, and where: lines, the combined file, JSON, the terminal, and how it ends.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AT_ONCE, assertDifferent, assertEqual, EQUAL_WORDS, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { assertFailed, assertRefused, linesOf } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { check } from '../../src/index.ts';

async function fill(from: TestClient, to: TestClient): Promise<void> {
  await from.pipeline([
    ['SET', 'same', 1],
    ['SET', 'other', 1],
    ['SET', 'mine', 1],
  ]);
  await to.pipeline([
    ['SET', 'same', 1],
    ['SET', 'other', 2],
    ['SET', 'your\ts', 1],
  ]);
}

function placesOf(key: string): object {
  return { db: 0, key, targetDb: 0, targetKey: key };
}

const ALL = ['= same', '* other\tvalue', '+ mine', '- your\\x09s'];
const DIFFERENT = ALL.slice(1);
const SUMMARY =
  /^rump: 1 equal, 1 differ, 1 only at the source, 1 only at the target, 0 expired meanwhile, in [\d.]+ s \([\d.,]+ keys\/s\)$/m;

test('rump check --combined writes a line for every key into a file, and the differences to stdout as well', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fill(from, to);
  const file = join(folderOf(t), 'combined');
  const result = await runCheck([...endpoints, ...AT_ONCE, '--combined', file]);
  assertDifferent(result, DIFFERENT);
  assert.deepEqual(linesOf(readFileSync(file, 'utf8')).toSorted(), ALL.toSorted());
  assert.match(result.stderr, SUMMARY);
});

test('rump check --combined - has nothing but these lines on stdout, whether or not they are equal', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fill(from, to);
  const different = await runCheck([...endpoints, ...AT_ONCE, '--combined', '-']);
  assert.deepEqual(linesOf(different.stdout).toSorted(), ALL.toSorted());
  assert.equal(different.code, 3);
  const equal = await runCheck([...endpoints, '--match', 'same', '--combined=-']);
  assert.deepEqual([equal.code, equal.stdout], [0, '= same\n']);
  assert.ok(equal.stderr.includes(`rump: ${EQUAL_WORDS}`), equal.stderr);
  for (const flag of [['--json'], ['--progress', 'dots']]) {
    const error = new RegExp(`^rump: Cannot use ${flag.join(' ')}: with --combined - stdout belongs to its lines`);
    assertRefused(await runCheck([...endpoints, '--combined', '-', ...flag]), { code: 2, error });
  }
});

test('rump check ends where the combined file cannot be written', async (t) => {
  const { endpoints } = await startPair(t);
  const path = join(folderOf(t), 'missing', 'combined');
  const result = await runCheck([...endpoints, '--combined', path]);
  assertRefused(result, {
    code: 2,
    error: /^rump: Cannot write the list of keys .*combined: there is no such folder \(ENOENT\)$/,
  });
});

test('rump check --json tells each difference as an object, and how it came out', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fill(from, to);
  const { code, stdout, stderr } = await runCheck([...endpoints, ...AT_ONCE, '--json']);
  assert.equal(code, 3);
  assert.equal(stderr, 'rump: 3 keys are not the same on both sides\n');
  const events = linesOf(stdout).map((line) => JSON.parse(line) as Record<string, string | number>);
  const verdicts = events.filter(({ event }) => event === 'verdict').map(({ time: _time, ...rest }) => rest);
  assert.deepEqual(
    verdicts.toSorted((a, b) => (a['key']! < b['key']! ? -1 : 1)),
    [
      { event: 'verdict', verdict: 'sourceOnly', ...placesOf('mine') },
      { event: 'verdict', verdict: 'differ', ...placesOf('other'), what: 'value' },
      { event: 'verdict', verdict: 'targetOnly', ...placesOf('your\\x09s') },
    ],
  );
  const { event, match, differ, sourceOnly, targetOnly, failed } = events.at(-1)!;
  assert.deepEqual([event, match, differ, sourceOnly, targetOnly, failed], ['checked', 1, 1, 1, 1, 0]);
});

test('rump check --silent says by its exit code how it came out, and prints no line', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fill(from, to);
  const different = await runCheck([...endpoints, ...AT_ONCE, '--silent']);
  assert.deepEqual([different.code, different.stdout], [3, '']);
  assert.equal(different.stderr, 'rump: 3 keys are not the same on both sides\n');
  const equal = await runCheck([...endpoints, '--match', 'same', '--silent']);
  assert.deepEqual([equal.code, equal.stdout, equal.stderr], [0, '', '']);
});

test('rump check names a key that a side will not show, and exits with 1', async (t) => {
  const { target, from, to, endpoints } = await startPair(t);
  await from.pipeline([
    ['SET', 'a:1', 1],
    ['SET', 'b:1', 1],
  ]);
  await to.pipeline([
    ['SET', 'a:1', 1],
    ['SET', 'b:1', 1],
  ]);
  await to.send('ACL', 'SETUSER', 'half', 'on', '>secret', '+@all', '~a:*', '~rump:*');
  const url = target.url.replace('://', '://half:secret@');
  const result = await runCheck([...endpoints.slice(0, 2), '--to', url]);
  assertFailed(result, { error: /^rump: key "b:1" in db 0: NOPERM/ });
  assert.match(result.stderr, /^rump: 1 equal, .* 1 not compared, /m);
  assert.match(result.stderr, /^rump: 1 key could not be compared$/m);
  assert.doesNotMatch(result.stdout, /equal/);
});

test('rump check needs no right to write, and names those that are missing on both sides', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await fill(from, to);
  const rights = ['+info', '+time', '+dbsize', '+select', '+scan', '+dump', '+pexpiretime', '+exists', '+pttl', '~*'];
  for (const client of [from, to]) {
    await client.send('ACL', 'SETUSER', 'reader', 'on', '>secret', ...rights);
    await client.send('ACL', 'SETUSER', 'blind', 'on', '>secret', ...rights, '-dump', '-exists');
  }
  const as = (user: string): string[] =>
    [source, target].flatMap(({ url }, i) => [i === 0 ? '--from' : '--to', url.replace('://', `://${user}:secret@`)]);
  assertDifferent(await runCheck([...as('reader'), ...AT_ONCE]), DIFFERENT);
  const blind = await runCheck(as('blind'));
  const [at, where] = ['as the source the user may not run DUMP, EXISTS', 'as the target the user may not run DUMP'];
  assertRefused(blind, { error: new RegExp(`^rump: Cannot compare: .* ${at}; .* ${where}`) });
});

test('Ctrl-C ends a check, also in the pause before it looks again', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fill(from, to);
  const running = startRump(['check', ...endpoints, '--recheck-interval', '60s'], {
    signal: { after: /1 of 3/, name: 'SIGINT' },
  });
  const result = await running.done;
  assertFailed(result, { code: 130, error: /^rump: Stopped by Ctrl-C before everything was compared/ });
  assert.doesNotMatch(result.stdout, /equal/);
});

test('rump check --help lists its own flags, and no line is too long', async () => {
  const { code, stdout } = await runCheck(['--help']);
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: rump check /);
  for (const flag of ['--combined', '--recheck', '--ttl-tolerance', '--match', '--no-ttl'])
    assert.ok(stdout.includes(flag));
  for (const flag of ['--on-conflict', '--dry-run', '--bwlimit', '--verify']) assert.ok(!stdout.includes(flag), flag);
  for (const line of linesOf(stdout)) assert.ok(line.length < 80, line);
});

test('rump check takes its flags from the environment, and leaves those of a copy alone', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fill(from, to);
  const env = { RUMP_RECHECK: '0', RUMP_MATCH: 'same', RUMP_ON_CONFLICT: 'skip', RUMP_VERIFY: '1' };
  assertEqual(await runCheck(endpoints, { env }), 1);
});

test('check() resolves with the figures, and tells of matches where it is asked to', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await fill(from, to);
  const told: string[] = [];
  const { match, differ, sourceOnly, targetOnly } = await check({
    from: source.url,
    to: target.url,
    recheck: 0,
    tellMatches: true,
    onEvent: (event) => {
      if (event.type === 'verdict') told.push(`${event.verdict} ${event.key.toString()}`);
    },
  });
  assert.deepEqual([match, differ, sourceOnly, targetOnly], [1, 1, 1, 1]);
  assert.deepEqual(told.toSorted(), ['differ other', 'match same', 'sourceOnly mine', 'targetOnly your\ts']);
  await assert.rejects(check({ from: source.url, to: source.url }), { code: 'SAME_DATABASE' });
  const signal = AbortSignal.abort(new Error('not now'));
  await assert.rejects(check({ from: source.url, to: target.url, signal }), /not now/);
});
