// Files that rump writes: whole or as they were, nobody else's to read, and never one that is read at the same time.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { assertDifferent, assertEqual, runCheck } from '../support/check.ts';
import { assertDone, assertRefused, linesOf } from '../support/outcome.ts';
import { folderOf, restores } from '../support/resp-file.ts';
import { MAIN, runRump } from '../support/rump.ts';
import { variants } from '../support/tier.ts';

/** Two streams, of which the second one has a key more. */
function startFiles(t: TestContext): { folder: string; from: string; to: string; in: (name: string) => string } {
  const folder = folderOf(t);
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('from.resp'), restores(3));
  writeFileSync(path('to.resp'), restores(4));
  return { folder, from: path('from.resp'), to: path('to.resp'), in: path };
}

const MORE = '- 0:key:3';

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

test('rump refuses to write into a file that it reads, by whatever name', async (t) => {
  const { from, to, in: path } = startFiles(t);
  symlinkSync(from, path('symbolic.resp'));
  linkSync(from, path('hard.resp'));
  for (const name of ['from.resp', './from.resp', 'symbolic.resp', 'hard.resp']) {
    const same = join(path('.'), name);
    for (const ends of [
      ['--from', from, '--to', to],
      ['--from', to, '--to', from],
    ]) {
      const error = /^rump: Cannot use --combined: .* is a file that is read \(name another file\)$/;
      assertRefused(await runCheck([...ends, '--combined', same]), { code: 2, error });
    }
    const copied = await runRump(['--from', from, '--to', same]);
    assertRefused(copied, { code: 2, error: /^rump: Cannot copy .* to itself \(name another file\)$/ });
    const compared = await runCheck(['--from', from, '--to', same]);
    assertRefused(compared, { code: 2, error: /^rump: Cannot compare .* with itself \(name another file\)$/ });
  }
  assert.deepEqual(readFileSync(from), restores(3));
  writeFileSync(path('secret.resp'), 'hunter2');
  symlinkSync(path('secret.resp'), path('link.resp'));
  linkSync(path('secret.resp'), path('other.resp'));
  const server = 'redis://127.0.0.1:1';
  for (const name of ['./secret.resp', 'link.resp', 'other.resp']) {
    const secret = join(path('.'), name);
    const ends = ['--from', server, '--from-password-file', path('secret.resp')];
    for (const flag of ['trace', 'log', 'metrics-file', 'report', 'resume']) {
      const error = new RegExp(
        `^rump: Cannot use --${flag}: that is the file of --from-password-file as well, which is read \\(name an`,
      );
      assertRefused(await runRump([...ends, '--to', server, `--${flag}`, secret]), { code: 2, error });
    }
    const into = /^rump: Cannot use --from-password-file: .*\.resp is the target \(name another file\)$/;
    assertRefused(await runRump([...ends, '--to', secret]), { code: 2, error: into });
    const plan = await runRump(['plan', '--workers', '2', ...ends, '--trace', secret]);
    assertRefused(plan, { code: 2, error: /^rump: Cannot use --trace: that is the file of --from-password-file as w/ });
  }
  for (const flag of [
    'plan',
    'to-password-file',
    'to-sentinel-password-file',
    'to-tls-ca',
    'to-tls-cert',
    'to-tls-key',
  ]) {
    const [scheme, other] = flag.includes('sentinel') ? ['rediss+sentinel', '/service'] : ['rediss', ''];
    const ends = ['--from', server, '--to', `${scheme}://127.0.0.1:1${other}`, '--partition', '1/2'];
    const pair = flag.endsWith('cert')
      ? ['--to-tls-key', path('key')]
      : flag.endsWith('key')
        ? ['--to-tls-cert', path('key')]
        : [];
    const same = await runRump([...ends, ...pair, `--${flag}`, path('secret.resp'), '--log', path('link.resp')]);
    assertRefused(same, {
      code: 2,
      error: new RegExp(`^rump: Cannot use --log: that is the file of --${flag} as well`),
    });
  }
  assert.equal(readFileSync(path('secret.resp'), 'utf8'), 'hunter2');
  const recorded = ['--from', from, '--record', path('recorded')];
  for (const [flag, name] of [
    ['log', 'recorded/source-0.sent'],
    ['to', 'recorded/../recorded/x.resp'],
  ] as const) {
    const ends = flag === 'to' ? recorded : [...recorded, '--to', to];
    const error = new RegExp(`^rump: Cannot use --${flag}: that is in the folder of --record `);
    assertRefused(await runRump([...ends, `--${flag}`, `${path('.')}/${name}`]), { code: 2, error });
  }
  assert.ok(!existsSync(path('recorded')));
});

test('rump refuses a pipe in place of a file that it writes as it goes: nobody may ever read it', async (t) => {
  const { from, to, in: path } = startFiles(t);
  spawnSync('mkfifo', [path('pipe')]);
  // Somebody who does not read: otherwise it would be waited for.
  const idle = openSync(path('pipe'), constants.O_RDWR);
  t.after(() => closeSync(idle));
  const error = /^rump: Cannot write .*pipe: it is (?:neither a file nor a device|no regular file)/;
  for (const flag of ['trace', 'log', 'report', 'metrics-file']) {
    const result = await runRump(['--from', from, '--to', path('new.resp'), `--${flag}`, path('pipe')]);
    assertRefused(result, { code: 2, error });
  }
  assertRefused(await runCheck(['--from', from, '--to', to, '--combined', path('pipe')]), {
    code: 2,
    error: /^rump: Cannot write the list of keys .*pipe: it is neither a file nor a device/,
  });
  assert.ok(!existsSync(path('new.resp')));
});

test('rump refuses the file that its own output goes to, by whatever name', (t) => {
  const { from, to, in: path } = startFiles(t);
  const run = (
    args: readonly string[],
    file = path('out'),
    flags = 'w',
  ): { status: number | null; stderr: string; stdout: string } => {
    const [stdin, stdout] = [openSync(from, 'r'), openSync(file, flags)];
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      stdio: [stdin, stdout, 'pipe'],
      encoding: 'utf8',
    });
    for (const opened of [stdin, stdout]) closeSync(opened);
    return { status, stderr, stdout: readFileSync(file, 'utf8') };
  };
  for (const [flag, name] of variants(
    ['metrics-file', '/dev/stdout'],
    ['report', '/dev/stdout'],
    ['report', path('out')],
    ['trace', '/dev/stdout'],
    ['log', '/dev/fd/1'],
  )) {
    const { status, stderr, stdout } = run(['--from', from, '--to', path('new.resp'), `--${flag}`, name!]);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /^rump: Cannot write .*: stdout goes there already \(name another one for --/);
  }
  const { status, stderr } = run(['check', '--from', from, '--to', to, '--combined', '/dev/stdout']);
  assert.equal(status, 2);
  assert.match(stderr, /^rump: Cannot write the list of keys \/dev\/stdout: stdout goes there already$/m);
  const before = readFileSync(from, 'utf8');
  for (const args of variants(
    ['--from', from, '--to', '-'],
    ['inspect', '-'],
    ['inspect', from, '--ndjson'],
    ['report', from],
    ['check', '--from', to, '--to', from],
    ['--from', 'redis://127.0.0.1:1', '--to', path('new.resp'), '--from-password-file', from],
  )) {
    const into = run(args, from, 'a');
    assert.deepEqual([into.status, into.stdout], [2, before], into.stderr);
    assert.match(into.stderr, /^rump: Cannot read .*: stdout goes there \(redirect it to another file\)$/m);
  }
  assert.ok(!existsSync(path('new.resp')));
});

test('rump makes files that only their owner can read, and leaves those that were there as they are', async (t) => {
  const { from, to, in: path } = startFiles(t);
  writeFileSync(path('open.resp'), '');
  writeFileSync(path('open.list'), '');
  for (const name of ['open.resp', 'open.list']) chmodSync(path(name), 0o644);
  for (const [stream, list, mode] of [
    ['new.resp', 'new.list', 0o600],
    ['open.resp', 'open.list', 0o644],
  ] as const) {
    assertDone(await runRump(['--from', from, '--to', path(stream)]));
    assertDifferent(await runCheck(['--from', from, '--to', to, '--combined', path(list)]), [MORE]);
    assert.deepEqual([modeOf(path(stream)), modeOf(path(list))], [mode, mode]);
    assert.equal(linesOf(readFileSync(path(list), 'utf8')).length, 4);
  }
});

test('rump check leaves the list of keys as it was where it cannot come to its end', async (t) => {
  const { folder, from, in: path } = startFiles(t);
  writeFileSync(path('list'), 'of before');
  writeFileSync(path('damaged.resp'), Buffer.concat([restores(2), Buffer.from('damage')]));
  const result = await runCheck(['--from', from, '--to', path('damaged.resp'), '--combined', path('list')]);
  assert.equal(result.code, 1, result.stderr);
  assert.equal(readFileSync(path('list'), 'utf8'), 'of before');
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('rump check says what it has found though the disk is full that its list should be on', async (t) => {
  const { from, to, in: path } = startFiles(t);
  writeFileSync(path('same.resp'), restores(3));
  const error = 'rump: Cannot write the list of keys /dev/full: no space is left (ENOSPC)';
  const different = await runCheck(['--from', from, '--to', to, '--combined', '/dev/full']);
  assertDifferent(different, [MORE]);
  assert.equal(linesOf(different.stderr).at(-1), error);
  const equal = await runCheck(['--from', from, '--to', path('same.resp'), '--combined', '/dev/full']);
  assert.deepEqual([equal.code, linesOf(equal.stderr).at(-1)], [1, error]);
  assert.match(equal.stdout, /^Both sides are equal\.$/m);
});

test('rump check does not wait for two files to become the same', async (t) => {
  const { from, to, in: path } = startFiles(t);
  const result = await runCheck(['--from', from, '--to', to]);
  assertDifferent(result, [MORE]);
  assert.doesNotMatch(result.stderr, /looking again/);
  writeFileSync(path('same.resp'), restores(3));
  assertEqual(await runCheck(['--from', from, '--to', path('same.resp')]), 3);
});

/** Whether the system lets a test have mounts of its own. */
const canMount = spawnSync('unshare', ['-rm', 'mount', '--bind', '/tmp', '/tmp']).status === 0;

for (const what of canMount ? ['a stream', 'the list of keys'] : []) {
  test(`rump refuses ${what} in place of a file that is mounted by itself, before anything is read`, (t) => {
    const { folder, from, to, in: path } = startFiles(t);
    writeFileSync(path('host file'), 'kept');
    writeFileSync(path('a mount'), '');
    const args = what === 'a stream' ? ['--to', path('a mount.resp')] : ['--to', to, '--combined', path('a mount')];
    symlinkSync(path('a mount'), path('a mount.resp'));
    const task = what === 'a stream' ? [] : ['check'];
    const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
    const command = [process.execPath, MAIN, ...task, '--from', from, ...args];
    const { status, stderr } = spawnSync(
      'unshare',
      ['-rm', 'sh', '-c', script, 'sh', path('host file'), path('a mount'), ...command],
      { encoding: 'utf8' },
    );
    assert.match(
      stderr,
      /^rump: Cannot write .*: it is mounted by itself, .* \(name a file in another folder, or write - .*\)$/m,
    );
    assert.notEqual(status, 0);
    assert.equal(readFileSync(path('host file'), 'utf8'), 'kept');
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });
}
