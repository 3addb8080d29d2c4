// --verify: what was copied is compared behind the copy, and only then is everything said to be done.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileFor, kill, setAll } from '../support/broken-off.ts';
import { dumpsOf } from '../support/command-stats.ts';
import { startControlled } from '../support/controlled.ts';
import { fillAllTypes } from '../support/keyspace.ts';
import { Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { underWay } from '../support/mid-run.ts';
import { assertRefused } from '../support/outcome.ts';
import { runRump, type RumpResult } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { startCluster } from '../support/redis-cluster.ts';

const SOON = ['--verify', '--recheck', '1', '--recheck-interval', '1ms'];

function assertVerified({ code, stdout, stderr }: RumpResult): void {
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^\.*Sync done\.\n$/);
  assert.match(stderr, /^rump: [\d,]+ equal, 0 differ, 0 only at the source, 0 only at the target, /m);
}

test('rump --verify compares what was copied, whatever the names, and then says that it is done', async (t) => {
  const { source, target, from, to, endpoints } = await startPair(t);
  await fillAllTypes(from);
  await to.send('SET', 'theirs', 'a key that only the target has is no difference');
  assertVerified(await runRump([...endpoints, '--verify']));
  assertVerified(await runRump([...endpoints, '--verify', '--add-prefix', 'a:', '--match', 'hash:*']));
  assertVerified(await runRump(['--from', source.url, '--to', `${target.url}/4`, '--verify', '--no-ttl']));
  const cluster = await startCluster(t);
  assertVerified(await runRump(['--from', source.url, '--to', cluster.url, '--verify']));
});

test('rump --verify compares with a file, and from one', async (t) => {
  const { source, target, from } = await startPair(t);
  await fillAllTypes(from);
  const folder = mkdtempSync(join(tmpdir(), 'rump-verify-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'copy.resp');
  assertVerified(await runRump(['--from', source.url, '--to', file, '--verify']));
  assertVerified(await runRump(['--from', file, '--to', target.url, '--verify']));
});

test('rump --verify does not look at keys that were skipped', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillAllTypes(from);
  await to.pipeline([
    ['SET', 'string:int', 'kept'],
    ['RPUSH', 'hash:listpack', 'kept'],
  ]);
  const result = await runRump([...endpoints, ...SOON, '--on-conflict', 'skip']);
  assertVerified(result);
  assert.match(result.stderr, / 2 skipped,/);
});

test('rump --verify exits with 3 where somebody changes the target meanwhile, and goes on from there', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: 20_000 }, (_, i) => ['SET', `key:${i}`, i]));
  // What is copied early is changed long before the end.
  const args = [...endpoints, ...SOON, '--resume', fileFor(t)];
  const { running, tell } = await startControlled(t, [...args, '--tpslimit', '1000']);
  await underWay(running, async () => ((await to.send('DBSIZE')) as number) > 50);
  const [changed, deleted] = [String(await to.send('RANDOMKEY')), String(await to.send('RANDOMKEY'))];
  await to.pipeline([
    ['SET', changed, 'changed'],
    ['DEL', deleted],
    ['SET', 'theirs', 1],
  ]);
  await tell('tpslimit', '0');
  const { code, stdout, stderr } = await running.done;
  assert.equal(code, 3, stderr);
  assert.doesNotMatch(stdout, /Sync done|equal/);
  assert.match(stderr, new RegExp(`^rump: \\+ ${deleted}$`, 'm'));
  if (changed !== deleted) assert.match(stderr, new RegExp(`^rump: \\* ${changed}\tvalue$`, 'm'));
  assert.match(stderr, /^rump: \d keys? (?:is|are) not the same on both sides$/m);
  await from.send('CONFIG', 'RESETSTAT');
  const again = await runRump(args);
  assertVerified(again);
  assert.match(again.stderr, /, resumed$/m);
  assert.ok((await dumpsOf(from)) < 30_000, 'everything was read again');
});

test('A check that is killed, or finds a difference, leaves what the same command goes on from, deletes included', async (t) => {
  const { source, from, to, endpoints } = await startPair(t);
  const file = fileFor(t);
  await from.pipeline(setAll(100));
  const how = ['--verify', '--recheck', '1', '--linger', '0s', '--resume', file, '--recheck-interval', '600s'];
  const run = new Following(t, {
    endpoints,
    feed: 'psync',
    source: serverSide(() => source, [0]),
    args: how,
  }).startProcess();
  await run.reaches(PHASE.inSync);
  await to.send('SET', 'key:9', 'theirs');
  run.cutOver();
  await run.reaches(/looking again in/);
  await kill(run.running);
  await from.pipeline([
    ['DEL', 'key:1'],
    ['SET', 'new', 1],
  ]);
  const args = run.args.map((arg) => (arg === '600s' ? '1ms' : arg));
  const different = await runRump(args);
  assert.equal(different.code, 3, different.stderr);
  assert.match(different.stderr, /^rump: \* key:9\tvalue$/m);
  assert.match(different.stderr, /^rump: warning: the same command goes on from here/m);
  assert.equal(await to.send('EXISTS', 'key:1'), 0);
  assertVerified(await runRump(args));
  assert.equal(String(await to.send('GET', 'key:9')), '9');
  assert.equal(existsSync(file), false);
});

test('rump --verify --json tells of the check behind the copy', async (t) => {
  const { from, endpoints } = await startPair(t);
  const keys = await fillAllTypes(from);
  const { code, stdout, stderr } = await runRump([...endpoints, '--verify', '--json']);
  assert.equal(code, 0, stderr);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; match?: number });
  assert.equal(events.at(-1)!.event, 'checked');
  assert.equal(events.at(-1)!.match, keys);
  assert.equal(events.filter(({ event }) => event === 'done').length, 1);
});

test('rump --verify is refused where there is nothing to read again', async (t) => {
  const { source } = await startPair(t);
  const out = await runRump(['--from', source.url, '--to', '-', '--verify']);
  assertRefused(out, { code: 2, error: /^rump: Cannot use --verify: stdout cannot be read again/ });
  const input = await runRump(['--from', '-', '--to', source.url, '--verify']);
  assertRefused(input, { code: 2, error: /^rump: Cannot use --verify: stdin cannot be read a second time/ });
  const dry = await runRump(['--from', source.url, '--to', source.url, '--verify', '--dry-run']);
  assertRefused(dry, { code: 2, error: /^rump: Cannot use --verify and --dry-run together|--dry-run and --verify/ });
  const lone = await runRump(['--from', source.url, '--to', source.url, '--recheck', '1']);
  assertRefused(lone, { code: 2, error: /^rump: Cannot use --recheck: a copy does not compare \(give --verify/ });
});

test('rump --verify without the right to read the target says so before it copies', async (t) => {
  const { target, from, to, endpoints } = await startPair(t);
  await from.send('SET', 'key', 1);
  const rights = ['+info', '+time', '+dbsize', '+select', '+restore', '+config|get', '~*'];
  await to.send('ACL', 'SETUSER', 'writer', 'on', '>secret', ...rights);
  const url = target.url.replace('://', '://writer:secret@');
  const result = await runRump([...endpoints.slice(0, 2), '--to', url, '--verify']);
  const error = /^rump: Cannot compare: .* as the target the user may not run SCAN, DUMP, PTTL, PEXPIRETIME/;
  assertRefused(result, { error });
  assert.equal(await to.send('DBSIZE'), 0);
});
