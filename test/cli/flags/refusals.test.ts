// Flags that contradict each other or their endpoints: the error says why, and what to write instead.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertRefused, copy } from '../parsing.ts';

const TCP = 'redis://h:1';
const TLS = 'rediss://h:1';
const SENTINEL = 'redis+sentinel://h/main';
const TLS_SENTINEL = 'rediss+sentinel://h/main';
const SOCKET = 'unix:///run/redis.sock';
const STREAM = 'a.resp';

/** As it stands, and with the sides in each other's place. */
function bothWays(side: string, other: string, ...flags: string[]): string[][] {
  const swapped = flags.map((flag) => flag.replace(/^--from-/, '--to-'));
  return [
    ['--from', side, '--to', other, ...flags],
    ['--to', side, '--from', other, ...swapped],
  ];
}

describe('parseCommandLine() refuses', () => {
  test('flags of TLS where the endpoint is reached without', () => {
    for (const flag of ['ca=f', 'cert=f', 'key=f', 'servername=n', 'insecure']) {
      for (const [side, hint] of [
        [TCP, 'write rediss:// instead of redis://'],
        [SENTINEL, 'write rediss\\+sentinel:// instead of redis\\+sentinel://'],
        [SOCKET, 'leave it out'],
        [STREAM, 'leave it out'],
      ] as const) {
        for (const argv of bothWays(side, TLS, `--from-tls-${flag}`)) {
          const message = `^Cannot use --(from|to)-tls-${flag.replace(/=.*/, '')}: .* is not reached through TLS`;
          assertRefused(argv, new RegExp(`${message} \\(${hint}\\)$`));
        }
      }
    }
    const argv = ['--from', TCP, '--to', TLS, '--from-tls-insecure=0', '--to-tls-insecure'];
    assert.deepEqual(copy(argv).options.toTls, { servername: undefined, insecure: true });
    assertRefused(['--from', TCP, '--to', TLS], /^Cannot use --from-tls-ca: /, { RUMP_FROM_TLS_CA: 'f' });
  });

  test('a certificate without its key, and a key without its certificate', () => {
    for (const side of [TLS, TLS_SENTINEL]) {
      for (const argv of bothWays(side, TCP, '--from-tls-cert=f')) {
        assertRefused(argv, /^Cannot use --(from|to)-tls-cert: .* needs its key \(give --\1-tls-key as well\)$/);
      }
      for (const argv of bothWays(side, TCP, '--from-tls-key=f')) {
        assertRefused(
          argv,
          /^Cannot use --(from|to)-tls-key: .* needs its certificate \(give --\1-tls-cert as well\)$/,
        );
      }
      for (const argv of bothWays(side, TCP, '--from-tls-cert=f', '--from-tls-key=g')) copy(argv);
    }
  });

  test('the place of a node where there are no nodes', () => {
    for (const side of [SOCKET, STREAM, '-']) {
      for (const argv of bothWays(side, TCP, '--from-nat=a:1=b:2')) {
        assertRefused(argv, /^Cannot use --(from|to)-nat: .* is a (Unix socket|file) and has no nodes/);
      }
    }
    for (const side of [TCP, SENTINEL, TLS])
      for (const argv of bothWays(side, STREAM, '--from-nat=a:1=b:2')) copy(argv);
  });

  test('a flag of following where nothing is followed', () => {
    const flags = ['feed=psync', 'cutover-file=f', 'until-idle=5s', 'cutover-timeout=5s', 'linger=0'];
    for (const flag of [...flags, 'settle=1s', 'wait-replicas=1', 'delete', 'names-limit=9']) {
      const message = `^Cannot use --${flag.replace(/=.*/, '')}: without --live a copy ends by itself`;
      const argv = ['--from', TCP, '--to', TLS, `--${flag}`];
      assertRefused(argv, new RegExp(`${message} \\(give --live as well\\)$`));
      copy([...argv, '--live']);
    }
    const together = /^Cannot use --dry-run and --live together/;
    assertRefused(['--from', TCP, '--to', TLS, '--live', '-n'], together);
    for (const argv of bothWays(STREAM, TCP, '--live'))
      assertRefused(argv, /^Cannot use --live: a\.resp is a file \(only a server can be followed\)$/);
  });

  test('a password for sentinels where none are named', () => {
    for (const side of [TCP, TLS, SOCKET, STREAM]) {
      for (const argv of bothWays(side, SENTINEL, '--from-sentinel-password-file=f')) {
        assertRefused(argv, /^Cannot use --(from|to)-sentinel-password-file: .* names no sentinel/);
      }
      for (const name of ['FROM', 'TO']) {
        const variable = `RUMP_${name}_SENTINEL_PASSWORD`;
        const message = new RegExp(`^Cannot use ${variable}: .* names no sentinel`);
        assertRefused(['--from', side, '--to', TCP], message, { [variable]: 'hunter2' });
      }
    }
  });

  test('the same file on both sides, however it is written', () => {
    for (const [from, to] of [
      ['a.resp', 'a.resp'],
      ['a.resp', './b/../a.resp'],
      [`${process.cwd()}/a.resp`, 'a.resp'],
    ] as const) {
      assertRefused(['--from', from, '--to', to], /^Cannot copy .*a\.resp to itself \(name another file\)$/);
    }
    for (const [from, to] of [
      ['a.resp', 'b.resp'],
      ['a.rdb', 'a.resp'],
      ['-', '-'],
      ['-', 'a.resp'],
    ] as const) {
      assert.equal(copy(['--from', from, '--to', to]).options.from, from);
    }
  });

  test('what would be printed into the stream on stdout', () => {
    for (const from of [TCP, STREAM, '-']) {
      const ends = ['--from', from, '--to', '-'];
      assertRefused([...ends, '--json'], /^Cannot use --json: with --to - stdout belongs to the stream/);
      assertRefused([...ends, '--progress', 'dots'], /^Cannot use --progress dots: with --to - /);
      assertRefused(ends, /^Cannot use --json: /, { RUMP_JSON: '1' });
      for (const flag of [
        '--progress=bar',
        '--progress=none',
        '--progress=auto',
        '--silent',
        '--dry-run',
        '--json=0',
      ]) {
        copy([...ends, flag]);
      }
    }
    for (const flag of ['--json', '--progress=dots']) copy(['--from', '-', '--to', TCP, flag]);
    assertRefused(['--from', TCP, '--to', 'file://-', '--json'], /^Cannot use --json: with --to - stdout belongs/);
  });

  test('to keep the progress of a file, of a dry run, or of a check that could not tell which keys are ours', () => {
    for (const ends of [
      ['--from', 'a.rdb', '--to', TCP],
      ['--from', TCP, '--to', 'a.resp'],
    ]) {
      assertRefused([...ends, '--resume=f'], /^Cannot use --resume: a\.\w+ is a file/);
    }
    const ends = ['--from', TCP, '--to', TCP];
    assertRefused(
      [...ends, '--resume=target', '-n'],
      /^Cannot use --(?:resume|dry-run) and --(?:resume|dry-run) together/,
    );
    const written = ['--resume=f', '--verify', '--on-conflict=skip'];
    assertRefused([...ends, ...written], /^Cannot use --verify: a run that goes on does not know which keys/);
    copy([...ends, '--resume=f', '--verify']);
  });

  test('to show the password of an endpoint', () => {
    for (const flags of [['--from-tls-ca=f'], ['--from-sentinel-password-file=f']]) {
      assertRefused(['--from', 'redis://:hunter2@h', '--to', TCP, ...flags], /redis:\/\/:\*\*\*@h:6379 /);
    }
    assertRefused(
      ['--from', TCP, '--to', 'redis://:hunter2@h/5', '--db=1,2'],
      /redis:\/\/:\*\*\*@h:6379\/5: it names a single one/,
    );
  });
});

describe('parseCommandLine() takes', () => {
  test('every choice of databases that can be followed', () => {
    for (const argv of [
      ['--from=redis://a', '--to=redis://b/5'],
      ['--from=redis://a/3', '--to=redis://b', '--db-map=3:0'],
      ['--from=redis://a', '--to=redis://b', '--db-map=0:7'],
      ['--from=redis://a/3', '--to=redis://b/5', '--db-map=3:7'],
      ['--from=redis://a/3', '--to=redis://b/5', '--db=4'],
      ['--from=redis://a', '--to=redis://b', '--db=0,3'],
      ['--from=redis://a', '--to=redis://b', '--db=all', '--db-map=9:1'],
      ['--from=redis://a', '--to=redis://b', '--db=0,3', '--db-map=0:3,3:0'],
      ['--from=redis://a', '--to=redis://b/5', '--db=0,3', '--db-map=0:1,3:2'],
      ['--from=redis://a', '--to=a.resp', '--db=all'],
      // What a file holds is not known yet.
      ['--from=a.resp', '--to=redis://b/5'],
      ['--from=-', '--to=redis://b', '--db-map=9:1'],
    ]) {
      assert.equal(copy(argv).command, 'copy', argv.join(' '));
    }
  });
});

describe('parseCommandLine() refuses', () => {
  test('to map a database that is not copied', () => {
    for (const [argv, db] of [
      [['--from=redis://a', '--db=0,3', '--db-map=0:1,5:2'], 5],
      [['--from=redis://a/3', '--db-map=0:1'], 0],
      [['--from=redis://a', '--db-map=3:0'], 3],
      [['--from=unix:///s?db=2', '--db-map=0:1'], 0],
      [['--from=a.resp', '--db=1', '--db-map=2:1'], 2],
    ] as const) {
      const message = new RegExp(`^Cannot use --db-map: database ${db} is not copied \\(add ${db} to --db\\)$`);
      assertRefused([...argv, '--to=redis://b'], message);
    }
  });

  test('several databases for a target that names one, unless each of them is mapped', () => {
    for (const argv of [
      ['--to=redis://b/5', '--db=0,3'],
      ['--to=redis://b/0', '--db=0,3'],
      ['--to=redis://b/5', '--db=all'],
      ['--to=redis://b/5', '--db=all', '--db-map=0:1'],
      ['--to=redis://b/5', '--db=0,3', '--db-map=0:1'],
      ['--to=unix:///s?db=5', '--db=0,3'],
      ['--to=redis+sentinel://b/main/5', '--db=0,3'],
    ]) {
      assertRefused(
        ['--from=redis://a', ...argv],
        /^Cannot copy several databases into .*: it names a single one \(leave .* or say with --db-map /,
      );
    }
  });
});
