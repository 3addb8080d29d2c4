// Command lines: what is accepted, and the error for each mistake.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { UsageError } from '../../src/cli/flags/kinds.ts';
import { assertRefused, copy, ENDPOINTS, FROM, given, optionsOf, read, TO } from './parsing.ts';

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

  test('leaves options undefined that were not given', () => {
    const { from, to, ...rest } = optionsOf();
    assert.deepEqual([from, to], [FROM, TO]);
    assert.deepEqual([...new Set(Object.values(rest))], [undefined]);
  });

  test('gives every option in its unit', () => {
    const argv = [
      ['--from-nat=10.0.0.1:6379=localhost:7001', '--from-nat', '10.0.0.2:6379=[::1]:7002', '--to-nat=a:1=b:2'],
      ['--db=3', '--db-map', '3:5', '--match=user:*', '--match', 'order:*', '--exclude=*:tmp', '--type=hash'],
      ['--strip-prefix=old:', '--add-prefix=new:', '--on-conflict=skip', '--no-ttl', '--preserve-idle'],
      ['--count=10', '--buffer=2M', '--bwlimit=1k', '--tpslimit=500', '--retries=0', '--retry-max=5s'],
      ['--timeout=1.5m', '--fail-fast', '--dry-run'],
    ];
    const { from: _, to: __, ...rest } = given(optionsOf(...argv.flat())) as Record<string, unknown>;
    assert.deepEqual(rest, {
      fromNat: [
        { announced: { host: '10.0.0.1', port: 6379 }, reachable: { host: 'localhost', port: 7001 } },
        { announced: { host: '10.0.0.2', port: 6379 }, reachable: { host: '::1', port: 7002 } },
      ],
      toNat: [{ announced: { host: 'a', port: 1 }, reachable: { host: 'b', port: 2 } }],
      db: [3],
      dbMap: new Map([[3, 5]]),
      match: ['user:*', 'order:*'],
      exclude: ['*:tmp'],
      type: 'hash',
      stripPrefix: 'old:',
      addPrefix: 'new:',
      onConflict: 'skip',
      noTtl: true,
      preserveIdle: true,
      count: 10,
      buffer: 2 * 1024 * 1024,
      bwlimit: 1024,
      tpslimit: 500,
      retries: 0,
      retryMax: 5000,
      timeout: 90_000,
      failFast: true,
      dryRun: true,
    });
    assert.equal(optionsOf('-n').dryRun, true);
  });

  test('gives what TLS needs for each side, and nothing where no flag asks for more than the URL', () => {
    const both = ['--from', 'rediss://a', '--to', 'rediss+sentinel://b/main'];
    const from = ['--from-tls-ca=a.crt', '--from-tls-cert=b.crt', '--from-tls-key=b.key'];
    const to = ['--to-tls-servername=redis.example', '--to-tls-insecure', '--to-sentinel-password-file=s'];
    const { options, fromFiles, toFiles } = copy([...both, ...from, ...to]);
    assert.deepEqual(given(options.fromTls!), {});
    assert.deepEqual(fromFiles.pem, { ca: 'a.crt', cert: 'b.crt', key: 'b.key' });
    assert.deepEqual(options.toTls, { servername: 'redis.example', insecure: true });
    assert.deepEqual(given(toFiles), {
      sentinelPassword: 's',
      pem: { ca: undefined, cert: undefined, key: undefined },
    });
    const plain = copy([...both, '--from-tls-insecure=no']).options;
    assert.deepEqual([plain.fromTls, plain.toTls], [undefined, undefined]);
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
    assert.equal(copy([...ENDPOINTS, '--from-password-file=-x=y']).fromFiles.password, '-x=y');
    assert.deepEqual(optionsOf('--match=-a=*', '--match=--').match, ['-a=*', '--']);
    assert.deepEqual(optionsOf('--match', 'a\nb*', '--match= -\n').match, ['a\nb*', ' -\n']);
    assertRefused([...ENDPOINTS, '--match=-a\nb'], /^Cannot use --match: .* a single line/);
    for (const std of ['-', 'file://-']) assert.equal(copy(['--from', std, '--to', TO]).options.from, '-');
  });

  test('gives each way to show progress', () => {
    for (const style of ['auto', 'bar', 'dots', 'none'] as const) {
      assert.equal(copy([...ENDPOINTS, '--progress', style]).progress, style);
    }
    assert.equal(copy([...ENDPOINTS, '-s']).progress, 'silent');
    assert.equal(copy([...ENDPOINTS, '--json']).progress, 'json');
  });

  test('asks for the help where nothing was given, and only there', () => {
    assert.deepEqual(read([], {}), { command: 'help', asked: false });
    assert.equal(copy([], { RUMP_FROM: FROM, RUMP_TO: TO }).options.to, TO);
    for (const flag of ['-h', '--help', '-help']) {
      assert.deepEqual(read([flag], { RUMP_COUNT: 'nonsense' }), { command: 'help', asked: true });
    }
    for (const flag of ['-v', '--version', '-version']) {
      assert.deepEqual(read([flag], {}), { command: 'version' });
    }
  });

  test('refuses a copy without a source or a target, and says how to give them', () => {
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
    assertRefused(['--zzzzzz'], /^Unknown flag --zzzzzz \(rump help lists the flags\)$/);
    assertRefused(['--s'], /^Unknown flag --s /);
  });

  test('refuses the flags of another version', () => {
    for (const flag of ['--reporter=f.html', '--metric=h:1', '--password=x']) {
      assertRefused([...ENDPOINTS, flag], /^Unknown flag /);
    }
  });

  test('refuses a flag that is given twice, however it is written', () => {
    assertRefused([...ENDPOINTS, '-to', TO], /^Cannot use --to twice/);
    assertRefused(['-s', '--silent'], /^Cannot use --silent twice/);
    assertRefused([...ENDPOINTS, '-n', '--dry-run'], /^Cannot use --dry-run twice/);
  });

  test('refuses a flag without its value', () => {
    assertRefused(['--from'], /^Cannot use --from without its value \(it takes an address\)/);
    assertRefused(['--from='], /^Cannot use --from without its value/);
    assertRefused(['--from', '--to', TO], /^Cannot use --from without its value: --to follows/);
    assertRefused([...ENDPOINTS, '--count', '-s'], /^Cannot use --count without its value: -s follows/);
  });

  test('refuses wrong values, and says what is allowed', () => {
    for (const [flag, text, allowed] of [
      ['count', '0', 'a whole number from 1 up'],
      ['count', '-5', 'a whole number from 1 up'],
      ['count', '1e3', 'a whole number from 1 up'],
      ['db', '0,x', 'numbers from 0 up such as 0,3'],
      ['db-map', '0', 'pairs of a source and a target database'],
      ['from-nat', '10.0.0.1:6379', 'what a node says of itself, then where it is'],
      ['type', 'sorted set', 'the name of a type: string'],
      ['bwlimit', '0', 'bytes, or a number with k, M or G'],
      ['tpslimit', '0', 'a whole number from 1 up'],
      ['retries', '-1', 'a whole number from 0 up'],
      ['retry-max', '30', 'a number with ms, s, m or h'],
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

  test('names the flag of a wrong endpoint, without the password in it', () => {
    assertRefused(['--from', 'redis://:hunter2@h:x'], /^Cannot use --from: .* redis:\/\/\*\*\*@h:x: the port/);
    assertRefused(['--from', 'h'], /^Cannot use --from: .*no scheme \(write redis:\/\/host:port\)$/);
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

  test('takes help and version as words, and help about a command', () => {
    const help = { command: 'help', asked: true };
    for (const argv of [['help'], ['help', 'help'], ['help', 'version'], ['help', '--json']]) {
      assert.deepEqual(read(argv, { RUMP_COUNT: 'nonsense' }), help);
    }
    for (const argv of [
      ['help', 'check'],
      ['check', 'help'],
      ['check', '--help'],
      ['--help', 'check'],
      ['check', '-h'],
    ]) {
      assert.deepEqual(read(argv, {}), { ...help, about: 'check' });
    }
    assert.deepEqual(read(['version'], {}), { command: 'version' });
    assertRefused(['help', 'chekc'], /^Unknown command chekc \(did you mean rump check\?\)$/);
    assertRefused(['help', 'check', 'me'], /^Unknown command me /);
    assertRefused(['version', 'check'], /^Unknown command check /);
  });

  test('suggests what a word was probably meant to be', () => {
    for (const [word, meant] of [
      ['chekc', 'rump check'],
      ['Check', 'rump check'],
      ['cpoy', 'rump copy'],
      ['hlep', 'rump help'],
      ['dryrun', '--dry-run'],
      ['verify', '--verify'],
    ] as const) {
      assertRefused([word, ...ENDPOINTS], new RegExp(`^Unknown command ${word} \\(did you mean ${meant}\\?\\)$`));
    }
    assertRefused(['frobnicate'], /^Unknown command frobnicate \(rump help lists what there is\)$/);
    assertRefused(['a.resp', 'h:1'], /^Unexpected word a\.resp \(name the endpoints/);
    assertRefused([...ENDPOINTS, '--timeout', '30'], /"30" for --timeout.* \(did you mean 30s\?\)$/);
    for (const flag of ['--timeout', '--max-latency', '--retry-max']) {
      for (const text of ['0', '0.0001', '0s', '9999999']) {
        assertRefused(
          [...ENDPOINTS, flag, text],
          new RegExp(`^Cannot use "${text}" for ${flag}: .* from 1ms up to 500h \\(undefined\\)$`),
        );
      }
    }
    assertRefused([...ENDPOINTS, '--buffer', '0'], /"0" for --buffer: .*1 at least/);
  });

  test('takes switches that share a dash, and refuses other letters among them', () => {
    for (const argv of [['-sn'], ['-nq'], ['-n', '-q']]) {
      const { options, progress } = copy([...ENDPOINTS, ...argv]);
      assert.deepEqual([options.dryRun, progress], [true, 'silent']);
    }
    assert.deepEqual(read(['-nh'], {}), { command: 'help', asked: true });
    for (const flag of ['-sx', '-nsx', '--sn', '-']) assertRefused([...ENDPOINTS, flag], /^Unknown (flag|command) -/);
    assertRefused([...ENDPOINTS, '-ss'], /^Cannot use --silent twice/);
    assertRefused([...ENDPOINTS, '-sq'], /^Cannot use --silent twice/);
  });

  test('gives a UsageError or a command, whatever the words', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('--from', '-to', FROM, '--', '-', '--json', '-s', '--count', '-5', '=', '--count=', 'copy'),
      fc.constantFrom('-n', '--match', '--db=all', '--db-map=0:1', '--from-nat=a:1=b:2', '--to-tls-ca', '--retries=0'),
    );
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        try {
          read(argv, {});
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
        }
      }),
    );
  });
});
