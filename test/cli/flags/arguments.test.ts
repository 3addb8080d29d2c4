// Flags in the environment, and which of them the command line overrides.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { givenOptions, parseArguments } from '../../../src/cli/flags/arguments.ts';
import { OPTION_LIST } from '../../../src/cli/flags/options.ts';
import { assertRefused, copy, ENDPOINTS, FROM, given, TO } from '../parsing.ts';

describe('parseCommandLine() reads from the environment', () => {
  test('the twin of every flag', () => {
    const environment = {
      RUMP_FROM: 'rediss+sentinel://a/main',
      RUMP_TO: 'rediss+sentinel://b/main/5',
      RUMP_FROM_PASSWORD_FILE: 'a',
      RUMP_TO_PASSWORD_FILE: 'b',
      RUMP_FROM_SENTINEL_PASSWORD_FILE: 'c',
      RUMP_TO_SENTINEL_PASSWORD_FILE: 'd',
      RUMP_FROM_TLS_CA: 'e',
      RUMP_FROM_TLS_CERT: 'f',
      RUMP_FROM_TLS_KEY: 'g',
      RUMP_FROM_TLS_SERVERNAME: 'a.example',
      RUMP_FROM_TLS_INSECURE: '1',
      RUMP_FROM_NAT: 'a:1=b:2,c:3=d:4\ne:5=[::1]:6\r\n',
      RUMP_TO_TLS_CA: 'h',
      RUMP_TO_TLS_CERT: 'i',
      RUMP_TO_TLS_KEY: 'j',
      RUMP_TO_TLS_SERVERNAME: 'b.example',
      RUMP_TO_TLS_INSECURE: '0',
      RUMP_TO_NAT: 'a:1=b:2',
      RUMP_DB: '3,4',
      RUMP_DB_MAP: '3:4,4:3',
      RUMP_MATCH: 'user:*\norder:[1,2]\n',
      RUMP_EXCLUDE: '*:tmp',
      RUMP_TYPE: 'stream',
      RUMP_STRIP_PREFIX: 'old:',
      RUMP_ADD_PREFIX: 'new:',
      RUMP_ON_CONFLICT: 'fail',
      RUMP_NO_TTL: '1',
      RUMP_PRESERVE_IDLE: '1',
      RUMP_DRY_RUN: 'yes',
      RUMP_COUNT: '10',
      RUMP_BUFFER: '1k',
      RUMP_BWLIMIT: '10M',
      RUMP_TPSLIMIT: '7',
      RUMP_RETRIES: '0',
      RUMP_RETRY_MAX: '5s',
      RUMP_TIMEOUT: '2s',
      RUMP_FAIL_FAST: 'on',
      RUMP_PROGRESS: 'dots',
      RUMP_DEBUG: 'TRUE',
    };
    const { options, ...command } = copy([], environment);
    const [to] = [{ announced: { host: 'a', port: 1 }, reachable: { host: 'b', port: 2 } }];
    assert.deepEqual(given(options), {
      from: 'rediss+sentinel://a/main',
      to: 'rediss+sentinel://b/main/5',
      fromTls: { servername: 'a.example', insecure: true },
      toTls: { servername: 'b.example', insecure: false },
      fromNat: [
        to,
        { announced: { host: 'c', port: 3 }, reachable: { host: 'd', port: 4 } },
        { announced: { host: 'e', port: 5 }, reachable: { host: '::1', port: 6 } },
      ],
      toNat: [to],
      db: [3, 4],
      dbMap: new Map([
        [3, 4],
        [4, 3],
      ]),
      match: ['user:*', 'order:[1,2]'],
      exclude: ['*:tmp'],
      type: 'stream',
      stripPrefix: 'old:',
      addPrefix: 'new:',
      onConflict: 'fail',
      noTtl: true,
      preserveIdle: true,
      count: 10,
      buffer: 1024,
      bwlimit: 10 * 1024 * 1024,
      tpslimit: 7,
      retries: 0,
      retryMax: 5000,
      timeout: 2000,
      failFast: true,
      dryRun: true,
    });
    assert.deepEqual(command, {
      command: 'copy',
      fromFiles: { password: 'a', sentinelPassword: 'c', pem: { ca: 'e', cert: 'f', key: 'g' } },
      toFiles: { password: 'b', sentinelPassword: 'd', pem: { ca: 'h', cert: 'i', key: 'j' } },
      progress: 'dots',
      debug: true,
      warnings: [],
    });
  });

  test('switches by the words for on and off', () => {
    for (const on of ['1', 'true', 'yes', 'on', 'YES']) {
      assert.equal(copy(ENDPOINTS, { RUMP_SILENT: on }).progress, 'silent');
    }
    for (const off of ['0', 'false', 'no', 'off', '']) {
      assert.equal(copy(ENDPOINTS, { RUMP_SILENT: off }).progress, 'auto');
    }
  });

  test('passwords, which no flag takes', () => {
    const { options } = copy(ENDPOINTS, { RUMP_FROM_PASSWORD: 'p@ss', RUMP_TO_PASSWORD: '' });
    assert.deepEqual([options.fromPassword, options.toPassword], ['p@ss', undefined]);
    const ends = ['--from', 'redis+sentinel://a/main', '--to', 'redis+sentinel://b/main'];
    const variables = { RUMP_FROM_SENTINEL_PASSWORD: 's@s', RUMP_TO_SENTINEL_PASSWORD: '' };
    const { fromSentinelPassword, toSentinelPassword } = copy(ends, variables).options;
    assert.deepEqual([fromSentinelPassword, toSentinelPassword], ['s@s', undefined]);
  });

  test('nothing that was given on the command line', () => {
    const environment = { RUMP_FROM: 'nonsense', RUMP_COUNT: 'nonsense', RUMP_FAIL_FAST: '1', RUMP_NO_TTL: '1' };
    const { options } = copy([...ENDPOINTS, '--count=5', '--fail-fast=off', '--ttl'], environment);
    assert.deepEqual([options.from, options.count, options.failFast, options.noTtl], [FROM, 5, false, undefined]);
    assert.deepEqual(copy([...ENDPOINTS, '--match=a'], { RUMP_MATCH: 'b\nc' }).options.match, ['a']);
    assert.equal(copy([...ENDPOINTS, '--json'], { RUMP_SILENT: '1', RUMP_PROGRESS: 'bar' }).progress, 'json');
  });

  test('no wrong value, and names the variable', () => {
    assertRefused(ENDPOINTS, /^Cannot use "many" for RUMP_COUNT: it takes a whole number/, { RUMP_COUNT: 'many' });
    assertRefused(ENDPOINTS, /^Cannot use "maybe" for RUMP_JSON: /, { RUMP_JSON: 'maybe' });
    assertRefused(ENDPOINTS, /^Cannot use "c" for RUMP_FROM_NAT: /, { RUMP_FROM_NAT: 'a:1=b:2,c' });
    assertRefused(['--to', TO], /^Cannot use RUMP_FROM: .*\*\*\*@h:x/, { RUMP_FROM: 'redis://:hunter2@h:x' });
  });

  test('what a flag of the command line needs, and leaves alone what nothing asks for', () => {
    const live = { RUMP_LIVE: '1' };
    assert.equal(copy([...ENDPOINTS, '--until-idle=5s'], live).options.untilIdle, 5000);
    assertRefused([...ENDPOINTS, '--until-idle=5s', '--live=no'], /^Cannot use --until-idle: without --live/, live);
    assertRefused([...ENDPOINTS, '--until-idle=5s', '--dry-run'], /^Cannot use --until-idle: without --live/, live);
    assert.equal(copy(ENDPOINTS, { RUMP_RECHECK: '1' }).options.verify, undefined);
    assert.deepEqual(copy([...ENDPOINTS, '--recheck=1'], { RUMP_VERIFY: '1' }).options.verify, {
      recheck: 1,
      recheckInterval: undefined,
      ttlTolerance: undefined,
    });
  });

  test('nothing where a variable is empty', () => {
    assert.equal(copy(ENDPOINTS, { RUMP_COUNT: '', RUMP_FROM: '' }).options.count, undefined);
    assert.equal(copy(ENDPOINTS, { RUMP_MATCH: '\n\n' }).options.match, undefined);
  });

  test('no flags that exclude each other', () => {
    assertRefused(ENDPOINTS, /^Cannot use --silent and --json together/, { RUMP_SILENT: '1', RUMP_JSON: '1' });
  });

  test('not RUMP_VERSION, which more likely tells of the program', () => {
    assert.equal(copy(ENDPOINTS, { RUMP_VERSION: '2.0.0', RUMP_HELP: 'x' }).command, 'copy');
  });

  test('and lists unknown variables with its prefix, with what was probably meant', () => {
    const known = { RUMP_FROM: FROM, RUMP_TO: TO, RUMP_TO_PASSWORD: 'hunter2', RUMP_HELP: '1', RUMP_VERSION: '7' };
    assert.deepEqual(copy([], { ...known, RUMPLE: '1', RUMP_EMPTY: '', PATH: '/bin' }).warnings, []);
    const typing = { RUMP_ON_CONFLCT: 'hunter2', RUMP_FROM_PASSWRD: 'hunter2', RUMP_PORT_6379_TCP: 'tcp://h' };
    assert.deepEqual(copy([], { ...known, ...typing }).warnings, [
      'rump knows no variable RUMP_FROM_PASSWRD (did you mean RUMP_FROM_PASSWORD?), RUMP_ON_CONFLCT (did you mean RUMP_ON_CONFLICT?), RUMP_PORT_6379_TCP',
    ]);
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`RUMP_XXXXX${i}`, '1']));
    assert.match(copy([], { ...known, ...many }).warnings[0]!, /RUMP_XXXXX4 and 4 more$/);
    assertRefused(['copy'], /set RUMP_FROM; rump knows no variable RUMP_FORM \(did you mean RUMP_FROM\?\)/, {
      RUMP_FORM: FROM,
    });
  });
});

test('givenOptions() lists what was given in the order of the table, as it would be typed, without passwords', () => {
  const { values } = parseArguments([
    '--to=redis://app:canary@h:1/2',
    '--from=redis+sentinel://:canary@a:1,b:2/main',
    '--match=a*',
    '--match=b*',
    '--db=0,3',
    '--db-map=0:5,3:0',
    '--from-nat=10.0.0.1:1=127.0.0.1:2',
    '--from-password-file=/secret',
    '--buffer=64M',
    '--timeout=90s',
    '--max-latency=20ms',
    '--tpslimit=12000',
    '--metrics=9121',
    '--verify',
    '--json=no',
  ]);
  assert.deepEqual(givenOptions(values), [
    ['--from', 'redis+sentinel://***@a:1,b:2/main'],
    ['--to', 'redis://***@h:1/2'],
    ['--from-password-file', '/secret'],
    ['--from-nat', '10.0.0.1:1=127.0.0.1:2'],
    ['--db', '0,3'],
    ['--db-map', '0:5,3:0'],
    ['--match', 'a*'],
    ['--match', 'b*'],
    ['--verify', 'on'],
    ['--buffer', '64.0 MiB'],
    ['--max-latency', '20 ms'],
    ['--tpslimit', '12,000'],
    ['--timeout', '1 m 30 s'],
    ['--metrics', '127.0.0.1:9121'],
  ]);
});

test('givenOptions() shows no password of an address that stands where a path belongs', () => {
  for (const flag of ['control', 'resume', 'trace', 'log', 'from-password-file', 'from-tls-ca'])
    assert.deepEqual(givenOptions(parseArguments([`--${flag}=redis://:canary@h/x`]).values), [
      [`--${flag}`, 'redis://***@h/x'],
    ]);
});

test('givenOptions() shows a value of every flag', () => {
  for (const text of ['2/4', 'auto', 'auto/3'])
    assert.deepEqual(givenOptions(parseArguments([`--partition=${text}`]).values), [['--partition', text]]);
  const samples = ['redis://h:1', 'on', '1', '1s', '0:1', 'h:1=i:2', '2/4', 'h', 'string', 'none', 'scan', 'replace'];
  samples.push('psync', 'text');
  for (const [name, { kind }] of OPTION_LIST) {
    const sample = samples.find((text) => kind.parse(text) !== undefined);
    assert.ok(sample !== undefined, `no sample for --${name}`);
    const [flag, ...more] = givenOptions(parseArguments([`--${name}=${sample}`]).values);
    assert.deepEqual([flag?.[0], more], [`--${name}`, []]);
    assert.match(flag![1], /^[^[\]]+$/);
  }
});
