// What the operator may write, on the command line and in the environment, and what comes of each mistake.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseCommandLine, type CopyCommand } from '../../src/cli/command-line.ts';
import { UsageError } from '../../src/cli/usage-error.ts';
import { assertRefused, copy, ENDPOINTS, FROM, TO } from './parsing.ts';

function optionsOf(...argv: string[]): CopyCommand['options'] {
  return copy([...ENDPOINTS, ...argv]).options;
}

describe('parseCommandLine()', () => {
  test('takes the documented command of Rump 1.0', () => {
    const { options, progress, debug } = copy(['-from', FROM, '-to', TO]);
    assert.deepEqual([options.from, options.to, progress, debug], [FROM, TO, 'auto', false]);
    assert.equal(copy(['-from', FROM, '-to', TO, '-ttl', '-silent']).progress, 'silent');
  });

  test('takes long flags with one dash or two, with a space or =', () => {
    for (const argv of [['-count', '7'], ['--count', '7'], ['-count=7'], ['--count=7']]) {
      assert.equal(optionsOf(...argv).count, 7);
    }
  });

  test('gives what was not asked for as undefined', () => {
    const { from, to, ...rest } = optionsOf();
    assert.deepEqual([from, to], [FROM, TO]);
    assert.deepEqual([...new Set(Object.values(rest))], [undefined]);
  });

  test('gives every option in its unit', () => {
    const argv = [
      '--db=3',
      '--on-conflict=skip',
      '--no-ttl',
      '--count=10',
      '--buffer=2M',
      '--timeout=1.5m',
      '--fail-fast',
    ];
    const { from: _, to: __, fromPassword: ___, toPassword: ____, ...rest } = optionsOf(...argv);
    assert.deepEqual(rest, {
      db: 3,
      onConflict: 'skip',
      noTtl: true,
      count: 10,
      buffer: 2 * 1024 * 1024,
      timeout: 90_000,
      failFast: true,
    });
  });

  test('takes the word copy, wherever it stands', () => {
    for (const argv of [
      ['copy', ...ENDPOINTS],
      [...ENDPOINTS, 'copy'],
      [...ENDPOINTS, '--', 'copy'],
    ]) {
      assert.equal(copy(argv).options.from, FROM);
    }
  });

  test('turns switches on and off with a value behind =', () => {
    assert.equal(optionsOf('--fail-fast=yes').failFast, true);
    assert.equal(optionsOf('-fail-fast=false').failFast, false);
    assertRefused([...ENDPOINTS, '--fail-fast=maybe'], /"maybe" for --fail-fast: it is either on/);
  });

  test('takes a value that starts with a dash behind =, and a single dash as it is', () => {
    assert.equal(copy([...ENDPOINTS, '--from-password-file=-x=y']).fromPasswordFile, '-x=y');
    assert.equal(copy(['--from', '-', '--to', TO]).options.from, '-');
  });

  test('gives each way to show progress', () => {
    for (const style of ['auto', 'bar', 'dots', 'none'] as const) {
      assert.equal(copy([...ENDPOINTS, '--progress', style]).progress, style);
    }
    assert.equal(copy([...ENDPOINTS, '-s']).progress, 'silent');
    assert.equal(copy([...ENDPOINTS, '--json']).progress, 'json');
  });

  test('asks for the help where nothing was given, and only there', () => {
    assert.deepEqual(parseCommandLine([], {}), { command: 'help', asked: false });
    assert.equal(copy([], { RUMP_FROM: FROM, RUMP_TO: TO }).options.to, TO);
    for (const flag of ['-h', '--help', '-help']) {
      assert.deepEqual(parseCommandLine([flag], { RUMP_COUNT: 'nonsense' }), { command: 'help', asked: true });
    }
    for (const flag of ['-v', '--version', '-version']) {
      assert.deepEqual(parseCommandLine([flag], {}), { command: 'version' });
    }
  });

  test('refuses a copy without its ends, with the way out', () => {
    assertRefused(['--to', TO], /without a source \(give --from redis:\/\/host:port or set RUMP_FROM\)/);
    assertRefused(['copy', '--from', FROM], /without a target \(give --to redis:\/\/host:port or set RUMP_TO\)/);
  });

  test('refuses an unknown flag and names the nearest', () => {
    for (const [flag, nearest] of [
      ['--form=redis://:hunter2@h', 'from'],
      ['-slient', 'silent'],
      ['--on-conflcit', 'on-conflict'],
      ['--from-password=hunter2', 'from-password-file'],
      ['--JSON', 'json'],
    ] as const) {
      assertRefused([...ENDPOINTS, flag], new RegExp(`^Unknown flag -+[a-zA-Z-]+ \\(did you mean --${nearest}\\?\\)$`));
    }
    assertRefused(['-redis://:hunter2@h'], /^Unknown flag -redis /);
    assertRefused(['--zzzzzz'], /^Unknown flag --zzzzzz \(rump --help lists the flags\)$/);
    assertRefused(['--s'], /^Unknown flag --s /);
  });

  test('refuses the flags of another version', () => {
    for (const flag of ['--live', '--resume', '--match', '--dry-run', '-n', '--verify', '--trace']) {
      assertRefused([...ENDPOINTS, flag], /^Unknown flag /);
    }
  });

  test('refuses a flag that is given twice, however it is written', () => {
    assertRefused([...ENDPOINTS, '-to', TO], /^Cannot use --to twice/);
    assertRefused(['-s', '--silent'], /^Cannot use --silent twice/);
  });

  test('refuses a flag without its value', () => {
    assertRefused(['--from'], /^Cannot use --from without its value \(it takes an address\)/);
    assertRefused(['--from='], /^Cannot use --from without its value/);
    assertRefused(['--from', '--to', TO], /^Cannot use --from without its value: --to follows/);
    assertRefused([...ENDPOINTS, '--count', '-s'], /^Cannot use --count without its value: -s follows/);
  });

  test('refuses values that are none, with what is allowed', () => {
    for (const [flag, text, allowed] of [
      ['count', '0', 'a whole number from 1 up'],
      ['count', '-5', 'a whole number from 1 up'],
      ['count', '1e3', 'a whole number from 1 up'],
      ['db', 'all', 'a whole number from 0 up'],
      ['on-conflict', 'Replace', 'one of replace, skip, fail'],
      ['progress', 'line', 'one of auto, bar, dots, none'],
      ['buffer', '64X', 'bytes, or a number with k, M or G'],
      ['timeout', '30', 'a number with ms, s, m or h'],
    ] as const) {
      assertRefused(
        [...ENDPOINTS, `--${flag}`, text],
        new RegExp(`^Cannot use "${text}" for --${flag}: it .*${allowed}`),
      );
    }
  });

  test('refuses a wrong endpoint by the name of its flag, without its password', () => {
    assertRefused(['--from', 'redis://:hunter2@h:x'], /^Cannot use --from: .* redis:\/\/\*\*\*@h:x: the port/);
    assertRefused(['--from', 'h:1'], /^Cannot use --from: .*no scheme \(write redis:\/\/host:port\)$/);
  });

  test('refuses other words, without a password in them', () => {
    assertRefused(
      ['redis://:hunter2@h', 'redis://h'],
      /^Unexpected word .* \(name the endpoints with --from and --to\)/,
    );
    assertRefused([...ENDPOINTS, 'compare'], /^Unknown command compare/);
    assertRefused(['copy', 'copy', ...ENDPOINTS], /^Unknown command copy/);
    assertRefused(['-s', 'true', ...ENDPOINTS], /^Unknown command true/);
  });

  test('refuses flags that contradict each other', () => {
    for (const [a, b] of [
      ['--ttl', '--no-ttl'],
      ['--silent', '--json'],
      ['--silent', '--progress=bar'],
      ['--json', '--progress=dots'],
    ] as const) {
      assertRefused([...ENDPOINTS, a, b], /^Cannot use --[a-z-]+ and --[a-z-]+ together/);
      assertRefused([...ENDPOINTS, b, a], /^Cannot use --[a-z-]+ and --[a-z-]+ together/);
    }
    assert.equal(optionsOf('--ttl', '--no-ttl=false').noTtl, false);
  });

  test('gives a UsageError or a command, whatever the words', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('--from', '-to', FROM, '--', '-', '--json', '-s', '--count', '-5', '=', '--count=', 'copy'),
    );
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        try {
          parseCommandLine(argv, {});
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
        }
      }),
    );
  });
});
