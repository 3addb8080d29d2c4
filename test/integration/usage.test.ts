// Command lines that cannot be used: exit code 2, one line that says what to write instead, and nothing is connected to.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { callsOf } from '../support/command-stats.ts';
import { assertDone, assertRefused, linesOf } from '../support/outcome.ts';
import { fileOf, folderOf } from '../support/resp-file.ts';
import { cleanEnvironment, MAIN, runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

test('rump exits with 2 for a command line that it cannot use', async (t) => {
  const { source, target } = await startPair(t);
  const good = ['--from', source.url, '--to', target.url];
  const cases: readonly (readonly [args: readonly string[], error: RegExp])[] = [
    [['--from', source.url], /without a target.*--to/],
    [['--to', target.url], /without a source.*--from/],
    [[...good, '--on-conflct', 'skip'], /--on-conflct.*did you mean --on-conflict/],
    [[...good, '--on-conflict', 'merge'], /"merge".*replace, skip, fail/],
    [[...good, '--count', '0'], /"0" for --count/],
    [[...good, '--timeout', '5 days'], /"5 days" for --timeout/],
    [[...good, '--from', source.url], /--from twice/],
    [[...good, '--db', '0,0'], /"0,0" for --db/],
    [[...good, '--db-map', '3:0'], /--db-map.*3 is not copied/],
    [[...good, '--from-tls-ca', 'ca.crt'], /--from-tls-ca.*rediss:\/\//],
    [['--from', source.url, '--to', '-', '--json'], /--json.*--to -/],
    [['--from', 'rediss://127.0.0.1', '--to', target.url, '--from-tls-ca', '/no/such/ca'], /CA file \/no\/such\/ca/],
    [[...good, '-ttl', '--no-ttl'], /--ttl and --no-ttl together/],
    [[source.url, target.url], /--from and --to/],
    [['--from', 'localhost', '--to', target.url], /no scheme.*redis:\/\/host:port/],
    [['--from', 'http://127.0.0.1', '--to', target.url], /http:\/\//],
    [['--from', 'redis://127.0.0.1:99999', '--to', target.url], /99999/],
    [['--from', source.url, '--to', 'x.rdb'], /x\.rdb|snapshot/],
    [[...good, '--from-password-file', '/no/such/file'], /\/no\/such\/file/],
  ];
  for (const [args, error] of cases) assertRefused(await runRump(args), { code: 2, error });
  assertRefused(await runRump(good, { env: { RUMP_COUNT: 'many' } }), { code: 2, error: /"many" for RUMP_COUNT/ });
});

test('rump without a word shows in one screen what it is and where the rest is', async () => {
  const { code, stdout, stderr } = await runRump([]);
  assert.deepEqual([code, stdout], [2, '']);
  const lines = stderr.split('\n');
  assert.ok(lines.length <= 24, stderr);
  for (const line of lines) assert.ok(line.length <= 80, line);
  assert.equal(lines.filter((line) => /^ {2}rump .*--from .*--to /.test(line)).length, 2, stderr);
  assert.match(stderr, /^ {2}help /m);
});

test('rump tells a usage error to a program as well, but not where stdout is taken', async () => {
  for (const [args, env, isTold] of [
    [['--json', '--bogus'], {}, true],
    [['check', '--to', '-', '--json'], {}, true],
    [['--from', 'redis://h'], { RUMP_JSON: '1' }, true],
    [['--json', '--from', 'rediss://h', '--to', 'a.resp', '--from-tls-ca', '/no/such/ca'], {}, true],
    [['--json', '--from', 'redis://h', '--to', '-'], {}, false],
    [['--json'], { RUMP_FROM: 'redis://h', RUMP_TO: '-' }, false],
    [['--silent', '--bogus'], { RUMP_JSON: '1' }, false],
    [['--json=no', '--bogus'], { RUMP_JSON: '1' }, false],
  ] as const) {
    const { code, stdout, stderr } = await runRump(args, { env });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^rump: .*\n$/);
    const events = linesOf(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      events.map(({ event, code }) => [event, code]),
      isTold ? [['error', 'USAGE']] : [],
      args.join(' '),
    );
  }
});

test('rump opens files before it asks any server, and sums up nothing where nothing was done', async (t) => {
  const [{ source, from }, folder] = [await startPair(t), folderOf(t)];
  const missing = join(folder, 'none.resp');
  const nowhere = join(folder, 'none', 'f.resp');
  await from.send('CONFIG', 'RESETSTAT');
  for (const args of [
    ['--from', missing, '--to', source.url],
    ['--from', join(folder, 'none.rdb'), '--to', source.url],
    ['--from', source.url, '--to', nowhere],
    ['--from', source.url, '--to', nowhere, '--verify'],
    ['--from', source.url, '--to', nowhere, '--dry-run'],
    ['check', '--from', source.url, '--to', missing],
    ['--from', missing, '--to', 'redis://127.0.0.1:1'],
  ]) {
    assertRefused(await runRump(args), { error: /^rump: Cannot (read|write) .*: there is no such (file|folder) / });
  }
  const calls = [...(await callsOf(from)).keys()].filter((name) => !name.startsWith('config'));
  assert.deepEqual(calls, []);
  assert.deepEqual(readdirSync(folder), []);
  // Nothing is unpacked before somebody wants it.
  const packed = fileOf(t, gzipSync('no snapshot'), 'dump.rdb.gz');
  const args = ['--from', packed, '--to', 'redis://127.0.0.1:1', '--retries', '0'];
  assertRefused(await runRump(args, { env: { TMPDIR: nowhere } }), { code: 75, error: /^rump: Cannot connect/ });
  const damaged = fileOf(t, Buffer.from('no stream'));
  const result = await runRump(['--from', damaged, '--to', source.url]);
  assertRefused(result, { error: /^rump: Cannot read .*: the frame at byte 0 is damaged/ });
});

test('rump takes host:port as a server', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.send('SET', 'key', 'value');
  const [a, b] = [`127.0.0.1:${source.port}/0`, `127.0.0.1:${target.port}`];
  assertDone(await runRump(['--from', a, '--to', b]));
  assert.equal(String(await to.send('GET', 'key')), 'value');
  assertRefused(await runRump(['--from', a, '--to', source.url]), { error: /the same database|itself/i });
});

test('rump warns of a variable that it does not know', async (t) => {
  const { endpoints } = await startPair(t);
  const env = { RUMP_ON_CONFLCT: 'fail' };
  const { stderr } = await runRump(endpoints, { env });
  assert.match(stderr, /^rump: warning: rump knows no variable RUMP_ON_CONFLCT \(did you mean RUMP_ON_CONFLICT\?\)$/m);
  const { stdout } = await runRump([...endpoints, '--json'], { env });
  assert.match(stdout, /^\{"event":"warning",.*"code":"UNKNOWN_VARIABLE"/);
});

test('rump says in words that stdout is full, and fails', async (t) => {
  const { endpoints } = await startPair(t);
  for (const args of [endpoints, [...endpoints, '--json'], ['help'], ['check', ...endpoints]]) {
    const { status, stderr } = spawnSync('sh', ['-c', '"$@" > /dev/full', 'sh', process.execPath, MAIN, ...args], {
      encoding: 'utf8',
    });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^rump: Cannot write stdout: no space is left \(ENOSPC\)$/m);
  }
});

test('A command line that nothing can end any more says so, and fails', () => {
  // Whoever writes waits for the answer.
  const mute = 'data:text/javascript,process.stdout.write=()=>true';
  const folder = mkdtempSync(join(tmpdir(), 'rump-mute-'));
  writeFileSync(join(folder, 'connections.ndjson'), '');
  const args = ['--import', mute, MAIN, 'inspect', folder];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: cleanEnvironment() });
  rmSync(folder, { recursive: true });
  assert.deepEqual(
    [status, stderr.split('\n')[0]],
    [1, 'rump: Cannot come to an end: rump waits for what can no longer happen'],
  );
});
