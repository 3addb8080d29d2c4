// --trace: what goes over the wire, for people and for programs; one key's way; and no secret, whoever repeats it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startCarelessPair } from '../support/careless-target.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, linesOf } from '../support/outcome.ts';
import { runRump, startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const PASSWORD = 'canary#of@gold:/%';
const LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (?:source|target)(?: feed)? \d+ (?:= \S+|[<>] \d+ .+|x .+)$/;

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rump-trace-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'frames');
}

test('--trace writes every frame of both sides, in a file of the user alone, and no password', async (t) => {
  const { from, endpoints } = await startCarelessPair(t, PASSWORD);
  await from.pipeline(Array.from({ length: 50 }, (_, i) => ['SET', `key:${i}`, randomBytes(100)]));
  const file = fileFor(t);
  assertDone(await runRump([...endpoints, '--trace', file]));
  const trace = readFileSync(file, 'utf8');
  const lines = linesOf(trace);
  for (const line of lines) assert.match(line, LINE);
  const has = (pattern: RegExp): void =>
    assert.ok(
      lines.some((line) => pattern.test(line)),
      String(pattern),
    );
  for (let i = 0; i < 50; i++) {
    has(new RegExp(`source 0 > \\d+ "DUMP" "key:${i}"$`));
    has(new RegExp(`target 0 > \\d+ "RESTORE" "key:${i}" "0" ".*"… \\(\\d+ bytes\\) "REPLACE"$`));
  }
  has(/target 0 > \d+ "AUTH" "\*\*\*"$/);
  has(/target 0 < \d+ \(error\) ERR user \*\*\* may not do that$/);
  assert.ok(!trace.includes('canary'));
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('--trace-match shows the way of one key through both sides, and through the feed', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: 50 }, (_, i) => ['SET', `key:${i}`, i]));
  const file = fileFor(t);
  const cutover = `${file}.cutover`;
  const following = ['--live', '--feed', 'psync', '--cutover-file', cutover, '--linger', '0s'];
  const running = startRump([...endpoints, ...following, '--trace', file, '--trace-match', 'key:7']);
  await underWay(running, () => existsSync(file) && /"RESTORE" "key:7"/.test(readFileSync(file, 'utf8')));
  await from.send('SET', 'key:7', 'changed');
  await from.send('SET', 'key:8', 'changed');
  writeFileSync(cutover, '');
  assertDone(await running.done);
  const ways = linesOf(readFileSync(file, 'utf8')).map((line) => line.slice(line.indexOf(' ') + 1));
  const frames = ways.filter((way) => !/ [=x] /.test(way) && !/"key:7".*, "key:|, "key:7"/.test(way));
  const payload = String.raw`"(?:[^"\\]|\\.)*"`;
  const copied = [
    /^source \d > \d+ "DUMP" "key:7"$/,
    /^source \d > \d+ "PEXPIRETIME" "key:7"$/,
    new RegExp(`^source \\d < \\d+ ${payload}$`),
    /^source \d < \d+ \(integer\) -1$/,
    new RegExp(`^target \\d > \\d+ "RESTORE" "key:7" "0" ${payload} "REPLACE"$`),
    /^target \d < 5 OK$/,
  ];
  const expected = [...copied, /^source feed \d < \d+ "SET" "key:7" "changed"$/, ...copied];
  for (const [index, pattern] of expected.entries())
    assert.match(frames[index] ?? '(nothing)', pattern, frames.join('\n'));
  assert.doesNotMatch(frames.join('\n'), /"(?:DUMP|RESTORE|SET)" "key:8"/);
});

test('--trace - goes to stderr, and --trace-format ndjson makes a JSON object of each line', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.send('SET', 'key', 'value');
  const args = ['--trace', '-', '--trace-format', 'ndjson', '--trace-bytes', '3', '--trace-match', 'key'];
  const { code, stdout, stderr } = await runRump([...endpoints, ...args]);
  assert.deepEqual([code, stdout.trim().replace(/^\.*/, '')], [0, 'Sync done.']);
  const events = linesOf(stderr)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, string | number>);
  const sent = events.find(({ event, frame }) => event === 'sent' && String(frame).startsWith('"RES'))!;
  assert.match(String(sent['frame']), /^"RES"… \(7 bytes\) "key" "0" /);
  assert.equal(sent['connection'], 'target 0');
  assert.ok(Number(sent['bytes']) > 40 && Number.isFinite(Date.parse(String(sent['time']))));
  const same = await runRump(['check', ...endpoints, '--trace', '-', '--trace-match', 'key']);
  assert.equal(same.code, 0);
  assert.match(same.stderr, / target 0 > \d+ "DUMP" "key"\n/);
});

test('--trace that cannot be written, or is what the run needs otherwise, is refused; a full disk ends the trace alone', async (t) => {
  const { from, endpoints } = await startPair(t);
  const file = fileFor(t);
  await from.send('SET', 'key', 'value');
  writeFileSync(file, 'mine');
  const refusals: readonly (readonly [args: string[], error: RegExp])[] = [
    [[...endpoints, '--trace', join(file, 'x')], /^rump: Cannot write .*: .*\(name another one for --trace\)$/m],
    [
      [...endpoints, '--resume', file, '--trace', file],
      /^rump: Cannot use --trace: that is the file of --resume as well/m,
    ],
    [
      [...endpoints.slice(0, 3), `${file}.resp`, '--trace', `${file}.resp`],
      /^rump: Cannot use --trace: .* is the target/m,
    ],
    [[...endpoints, '--trace-match', 'x'], /^rump: Cannot use --trace-match: without --trace no frame is shown/m],
    [
      [...endpoints, '--trace', '-', '--trace-bytes', '2M'],
      /^rump: Cannot use "2M" for --trace-bytes: .* 1048576 at most/m,
    ],
  ];
  for (const [args, error] of refusals) assertFailed(await runRump(args), { code: 2, error });
  assert.equal(readFileSync(file, 'utf8'), 'mine');
  const full = await runRump([...endpoints, '--trace', '/dev/full']);
  assert.equal(full.code, 0);
  assert.match(full.stderr, /^rump: warning: the trace ends here: Cannot write \/dev\/full: .*ENOSPC/m);
  assert.match(full.stdout, /Sync done\.\n$/);
});
