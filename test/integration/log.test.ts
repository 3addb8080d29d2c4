// --log: what happened, in a file that outlives the process, whatever is shown meanwhile.
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { planDigest } from '../../src/sync/workers-plan.ts';
import { kill } from '../support/broken-off.ts';
import { startCarelessPair } from '../support/careless-target.ts';
import { holdMidRun, MID_RUN_KEYS, underWay } from '../support/mid-run.ts';
import { assertRefused, linesOf } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, spawnRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const PASSWORD = 'canary#of@gold:/%';

type Line = Readonly<Record<string, unknown>>;

function parse(text: string): Line[] {
  return linesOf(text).map((line) => JSON.parse(line) as Line);
}

/** What is the same in two accounts of one run. */
function steady(lines: readonly Line[]): Line[] {
  for (const { time } of lines) assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const untimed: readonly Line[] = lines.map((line) => ({ ...line, time: 0, elapsed: 0 }));
  return untimed.filter(({ event }) => event !== 'progress');
}

test('--log has the events of --json and the exit code, behind those of earlier runs, for its user alone', async (t) => {
  const { from, to, endpoints } = await startCarelessPair(t, PASSWORD);
  await to.send('AUTH', PASSWORD);
  const hostile = Buffer.from('<script>"\n\u202E\xff', 'latin1');
  await from.pipeline([
    ['SET', hostile, 'source'],
    ['SET', 'other', 'source'],
  ]);
  await to.send('SET', hostile, 'target');
  const file = join(folderOf(t), 'run.log');
  const asked = ['--on-conflict', 'fail', '--exclude', 'no:*', '--strip-prefix', 'x:'];
  const first = await runRump([...endpoints, ...asked, '--json', '--log', file]);
  assert.deepEqual([first.code, first.stderr], [1, 'rump: 1 key was not copied\n']);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const text = readFileSync(file, 'utf8');
  const told = parse(text);
  assert.deepEqual(steady(told), [...steady(parse(first.stdout)), { event: 'exit', time: 0, elapsed: 0, exitCode: 1 }]);
  assert.deepEqual(told[0]?.['scope'], { db: '0', exclude: 'no:*', 'strip-prefix': 'x:' });
  const failed = told.find(({ event }) => event === 'key-failed');
  assert.deepEqual([failed?.['key'], failed?.['code']], ['<script>\\"\\x0a.\\xff', 'BUSYKEY']);

  chmodSync(file, 0o640);
  const second = await runRump(['check', ...endpoints, '--recheck', '0', '--silent', '--log', file]);
  assert.deepEqual([second.code, second.stdout], [3, '']);
  const both = readFileSync(file, 'utf8');
  assert.ok(both.startsWith(text));
  const behind = parse(both.slice(text.length));
  assert.deepEqual([behind[0]?.['event'], behind.at(-2)?.['event']], ['start', 'checked']);
  assert.equal(behind.at(-1)?.['exitCode'], 3);
  assert.ok(!both.includes('canary'));
  assert.equal(statSync(file).mode & 0o777, 0o640);
});

test('--log has each event at once, and a run that goes on goes on in the same file', async (t) => {
  const folder = folderOf(t);
  const [log, progress] = [join(folder, 'run.log'), join(folder, 'progress')];
  const args = ['--log', log, '--resume', progress];
  const { running, proxy, where } = await holdMidRun(t, { held: 'target', args, start: spawnRump });
  await underWay(running, () => existsSync(progress) && /"event":"progress"/.test(readFileSync(log, 'utf8')));
  await kill(running);
  const killed = parse(readFileSync(log, 'utf8'));
  assert.equal(killed[0]?.['event'], 'start');
  assert.ok(!killed.some(({ event }) => event === 'exit'));
  // As of a disk that was full.
  appendFileSync(log, '{"event":"prog');

  proxy.unstall();
  const endpoints = ['--from', `redis://${where.source}`, '--to', `redis://${where.target}`];
  const result = await runRump([...endpoints, ...args]);
  assert.equal(result.code, 0, result.stderr);
  const [cut, ...lines] = linesOf(readFileSync(log, 'utf8')).slice(killed.length);
  assert.equal(cut, '{"event":"prog');
  const resumed = lines.map((line) => JSON.parse(line) as Line);
  const [done, exit] = resumed.slice(-2);
  assert.deepEqual([resumed[0]?.['event'], exit?.['exitCode']], ['start', 0]);
  assert.deepEqual([done?.['event'], done?.['keys']], ['done', MID_RUN_KEYS]);
});

test('--log ends with the error that a run ends with, and its code, and says of which part a run was that did not begin', async (t) => {
  const { target, endpoints } = await startPair(t);
  await target.kill();
  const file = join(folderOf(t), 'run.log');
  assert.equal((await runRump([...endpoints, '--partition', '2/3', '--log', file])).code, 75);
  const [error, exit] = parse(readFileSync(file, 'utf8')).slice(-2);
  assert.deepEqual([error?.['event'], error?.['code'], exit?.['exitCode']], ['error', 'ECONNREFUSED', 75]);
  const plan = planDigest({ parts: 3 });
  for (const line of [error, exit]) assert.deepEqual(line?.['partition'], { part: 2, parts: 3, plan });
});

test('--log that cannot be written is refused before anything is done, and ends where the disk is full', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.send('SET', 'key', 'value');
  const file = join(folderOf(t), 'mine');
  writeFileSync(file, 'mine\n');
  const refusals: readonly (readonly [args: string[], error: RegExp])[] = [
    [['--log', join(file, 'x')], /^rump: Cannot write .*: .*\(name another one for --log\)$/],
    [['--log', '-'], /^rump: Cannot use "-" for --log: it takes the path of a file$/],
    [['--log', file, '--resume', file], /^rump: Cannot use --log: that is the file of --resume as well/],
    [['--log', file, '--trace', file], /^rump: Cannot use --trace: that is the file of --log as well/],
  ];
  for (const [args, error] of refusals) assertRefused(await runRump([...endpoints, ...args]), { code: 2, error });
  const into = [...endpoints.slice(0, 3), `${file}.resp`, '--log', `${file}.resp`];
  assertRefused(await runRump(into), { code: 2, error: /^rump: Cannot use --log: .* is the target/ });
  const { 1: source } = endpoints;
  const streams: readonly (readonly [args: string[], error: RegExp])[] = [
    [
      ['--from', source!, '--to', '-', '--log', '/dev/stdout'],
      /^rump: Cannot use --log: with --to - stdout belongs to the stream/,
    ],
    [
      ['--from', '-', ...endpoints.slice(2), '--log', '/dev/stdin'],
      /^rump: Cannot use --log: - is a file that is read/,
    ],
  ];
  for (const [args, error] of streams) assertRefused(await runRump(args), { code: 2, error });
  assert.equal(readFileSync(file, 'utf8'), 'mine\n');
  assert.equal(await to.send('DBSIZE'), 0);

  const figures = join(folderOf(t), 'x.prom');
  const full = await runRump([...endpoints, '--log', '/dev/full', '--metrics-file', figures]);
  assert.deepEqual([full.code, full.stdout], [0, '.Sync done.\n']);
  const why = 'Cannot write /dev/full: no space is left (ENOSPC)';
  const [first, ...others] = linesOf(full.stderr);
  assert.equal(first, `rump: warning: the log ends here: ${why}`);
  assert.equal(others.at(-1), `rump: warning: the log of this run is not kept: ${why}`);
  assert.equal(others.filter((line) => line.includes('/dev/full')).length, 1);
  // All that was asked for is on the target.
  assert.match(readFileSync(figures, 'utf8'), /^rump_exit_code\{run="x"\} 0$/m);
});
