// What rump report makes of the logs of several workers: whatever they hold, nobody is told that all is well where it is not.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Usage } from '../bench/copy-process.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import {
  checked,
  complete,
  done,
  exit,
  failed,
  logOf,
  reportOn,
  started,
  verifying,
  type Line,
  ZERO,
} from '../support/run-log.ts';

const HOOK = new URL('../bench/usage-hook.js', import.meta.url).href;
const MIB = 1024 * 1024;
/** Of one line: twice what all the rest takes. */
const LINE_MIB = 300;

test('rump report sums up all parts in their order, names the slowest, and exits with 0', async (t) => {
  const files = { a: complete('2/3', 2000), b: complete('10/3', 1), c: complete('3/3', 500), d: complete('1/3', 1000) };
  const { b, ...parts } = files;
  const { code, stdout, stderr } = await reportOn(t, parts);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(
    stdout,
    'part  outcome    keys     bytes  failed   time          rate\n' +
      '1/3   complete  1,000   9.8 KiB       0  1.0 s  1,000 keys/s\n' +
      '2/3   complete  2,000  19.5 KiB       0  2.0 s  1,000 keys/s\n' +
      '3/3   complete    500   4.9 KiB       0  0.5 s  1,000 keys/s\n' +
      'all   complete  3,500  34.2 KiB       0  2.0 s  1,750 keys/s\n' +
      'slowest: 2/3, 2.0 s (the fastest 0.5 s)\n',
  );
  const json = JSON.parse((await reportOn(t, parts, '--json')).stdout) as Record<string, unknown>;
  assert.deepEqual(
    [json['complete'], json['exitCode'], json['parts'], json['slowest'], (json['sums'] as { keys: number }).keys],
    [true, 0, 3, '2/3', 3500],
  );
  // Of a check as well.
  const lost = [started(), done(1, { reconnects: 2 }), verifying('1/1'), checked(1, { reconnects: 3 }), exit(0)];
  const { sums } = JSON.parse((await reportOn(t, { lost: logOf(lost) }, '--json')).stdout) as {
    sums: { reconnects: number };
  };
  assert.equal(sums.reconnects, 5);
  // A part beyond the last one is none.
  assert.match((await reportOn(t, { b })).stdout, /^b +complete +1 /m);
});

test('rump report says which parts no log has', async (t) => {
  const { code, stdout, stderr } = await reportOn(t, { a: complete('1/4', 10), b: complete('3/4', 10) });
  assert.equal(code, 1);
  assert.match(stdout, /^all +not complete +20 /m);
  assert.equal(stderr, 'rump: no log has parts 2/4, 4/4\n');
  const many = await reportOn(t, { a: complete('1/5000', 10) });
  assert.match(many.stderr, /^rump: no log has parts 2\/5000, (?:\d+\/5000, ){18}21\/5000 and 4,979 more\n$/);
});

for (const [what, lines, why] of [
  [
    'has not ended',
    [started('1/1'), { event: 'progress', fraction: 1, keys: 9, ...ZERO, elapsed: 1 }],
    'it was killed, it goes on, or',
  ],
  ['failed before it began', [{ event: 'error', code: 'X', message: 'no such host' }, exit(1)], 'no such host'],
  ['broke off', [started('1/1'), done(9), { event: 'error', code: 'X', message: 'lost' }, exit(75)], 'lost'],
  ['left keys', [started('1/1'), done(9, { failed: 2 }), exit(1)], '2 keys were not copied'],
  ['left keys, without an exit code', [started('1/1'), done(9, { failed: 2 })], '2 keys were not copied'],
  [
    'had writers',
    [started('1/1'), done(9, { removed: 0, stragglers: 1, doubtful: 0 })],
    '1 key was written after the cutover',
  ],
  [
    'had doubts',
    [started('1/1'), done(9, { removed: 0, stragglers: 0, doubtful: 3 })],
    '3 keys of the target may be its own',
  ],
  ['was a dry run', [started('1/1'), { event: 'dry-run', types: [] }, done(9), exit(0)], 'it was a dry run'],
  ['has an exit code alone', [started('1/1'), done(9), exit(143)], 'it ended with exit code 143'],
  [
    'was killed as it compared',
    [started('1/1'), done(9), { ...checked(3), event: 'check-progress', fraction: 0.3 }],
    'its log has no end',
  ],
  ['was killed before it began to compare', [{ ...started('1/1'), verifies: true }, done(9)], 'its log has no end'],
  ['was killed as it began to compare', [started('1/1'), done(9), verifying('1/1')], 'its log has no end'],
  [
    'found writers after the cutover, and both sides equal even so',
    [started('1/1'), done(9, { stragglers: 2 }), verifying('1/1'), checked(9)],
    '2 keys were written after the cutover',
  ],
  ['has figures that are none', [started('1/1'), done(9, { keys: -1 }), exit(0)], 'its log has no end'],
] as const) {
  test(`rump report does not take a run for complete that ${what}`, async (t) => {
    const { code, stdout, stderr } = await reportOn(t, { a: logOf(lines as readonly Line[]) });
    assert.equal(code, 1, stdout);
    assert.match(stderr, new RegExp(`^rump: .*: .*${why}`, 'm'));
    assert.match(stdout, /^all +not complete /m);
  });
}

test('rump report exits with 3 where all was done, but both sides are not the same', async (t) => {
  const differs = logOf([started('1/2'), done(10), checked(9, { differ: 1 }), exit(3)]);
  const equal = logOf([started('2/2'), done(10), verifying('2/2'), checked(10), exit(0)]);
  const { code, stdout, stderr } = await reportOn(t, { a: differs, b: equal });
  assert.equal(code, 3);
  assert.match(stdout, /^1\/2 +differs .*\n2\/2 +complete /m);
  assert.match(stdout, /^all +not complete +20 /m);
  assert.match(stdout, /^compared: 19 equal, 1 differ, 0 only at the source, /m);
  assert.equal(stderr, 'rump: part 1/2 (a): 1 key is not the same on both sides\n');
  assert.equal((await reportOn(t, { a: differs })).code, 1, 'A part is missing');
  assert.equal((await reportOn(t, { a: logOf([started(), checked(10), exit(0)]) })).code, 0, 'a check alone');
});

test('rump report lists what was warned of once for all, lost connections, and keys that failed and did not recover', async (t) => {
  const warning = { event: 'warning', code: 'CLOCKS', message: 'the clocks differ' };
  const a = [
    started('1/2'),
    warning,
    failed('one'),
    failed('two'),
    failed('three', 'OOM command not allowed'),
    { event: 'key-recovered', db: 0, key: 'one' },
  ];
  const b = [
    warning,
    started('2/2'),
    { event: 'reconnect', side: 'source', address: 'h:1', code: 'ECONNRESET', reason: 'was reset' },
  ];
  const files = { a: logOf([...a, done(9, { failed: 2 }), exit(1)]), b: logOf([...b, done(9), exit(0)]) };
  const { stdout } = await reportOn(t, files);
  assert.match(stdout, /^warning CLOCKS, 2 times \(1\/2, 2\/2\): the clocks differ$/m);
  assert.match(stdout, /^lost 1 connection, ECONNRESET \(2\/2\): was reset$/m);
  assert.match(stdout, /^failed \(1\/2\): "two" of db 0: OOM no memory$/m);
  assert.match(stdout, /^failed \(1\/2\): "three" of db 0: OOM command not allowed$/m);
  assert.doesNotMatch(stdout, /"one"/);
  const { failedKeys } = JSON.parse((await reportOn(t, files, '--json')).stdout) as { failedKeys: Line[] };
  const common = { run: '1/2', db: 0, code: 'OOM' };
  assert.deepEqual(failedKeys, [
    { ...common, key: 'two', reason: 'no memory' },
    { ...common, key: 'three', reason: 'OOM command not allowed' },
  ]);
});

test('rump report says so of files that are no logs, of lines that are no events, and of parts that do not belong together', async (t) => {
  const other = '{"db":0,"key":"a","type":"string","value":"b"}\n';
  const all = { a: complete('1/2', 1), b: `${complete('2/2', 1)}{"event":"pro` };
  const well = await reportOn(t, { ...all, 'x.ndjson': other });
  assert.equal(well.code, 0);
  assert.equal(
    well.stderr,
    'rump: warning: 2 lines of the files are no events of rump\nrump: warning: x.ndjson tells of no run\n',
  );
  const unknown = await reportOn(t, { a: logOf([started(), done(1), exit(0)]), 'x.ndjson': '' });
  assert.deepEqual([unknown.code, unknown.stderr], [1, 'rump: x.ndjson tells of no run\n']);
  const mixed = await reportOn(t, { ...all, c: complete('3/3', 1) });
  assert.equal(mixed.code, 1);
  assert.match(mixed.stderr, /^rump: the logs do not belong together: they are of 2, 3 parts$/m);
  const [one, same, different] = ['a', 'a', 'b'].map((plan, at) =>
    logOf([started(`${Math.min(at, 1) + 1}/2`, plan), done(1), exit(0)]),
  );
  assert.equal((await reportOn(t, { a: one!, b: same! })).code, 0);
  const replanned = await reportOn(t, { a: one!, b: different! });
  assert.equal(replanned.code, 1, 'a slot may be in none of them');
  assert.equal(replanned.stderr, 'rump: the logs do not belong together: they are of different plans\n');
});

test('rump report shows no control of a terminal that a log holds, and takes no name for more than a name', async (t) => {
  const key = '\u001b[2J\u202e__proto__';
  const lines = [
    started('1/1'),
    { event: 'warning', code: '__proto__', message: key },
    { event: 'key-failed', db: 0, key, code: 'X', reason: key },
  ];
  const { stdout, stderr } = await reportOn(t, { a: logOf([...lines, done(1, { failed: 1 })]) });
  assert.ok(!/[\u202e]/.test(stdout + stderr) && !(stdout + stderr).includes('\u001b'));
  assert.match(stdout, /^warning __proto__, 1 time /m);
  for (const line of [
    'null',
    '[]',
    '7',
    '{"event":1}',
    '{"event":"start","time":"x"}',
    '{"event":"start","time":"2026-01-01T00:00:00Z","partition":{"a":1}}',
  ])
    assert.equal((await reportOn(t, { a: `${line}\n` })).code, 1);
});

test('rump report reads files of any size and lines of any length in bounded memory', async (t) => {
  const folder = folderOf(t);
  const [path, usageFile] = [join(folder, 'huge'), join(folder, 'usage')];
  const keys = Array.from({ length: 20_000 }, (_, i) => failed(`key:${i}`));
  const warnings = Array.from({ length: 20_000 }, (_, i) => ({ event: 'warning', code: `C${i}`, message: 'x' }));
  writeFileSync(path, logOf([started('1/1'), ...keys, ...warnings]));
  // A hole of the file is a line of zeros.
  truncateSync(path, LINE_MIB * MIB);
  appendFileSync(path, `\n${logOf([done(5, { failed: 20_000 })])}`);
  const env = { NODE_OPTIONS: `--import=${HOOK}`, BENCH_USAGE_FILE: usageFile };
  const { code, stdout, stderr } = await runRump(['report', path], { env });
  assert.equal(code, 1, stderr);
  assert.match(stdout, /^… and 19,980 more$/m);
  assert.equal(stdout.match(/^warning C/gm)?.length, 20);
  assert.match(stderr, /^rump: warning: 1 line of the files is no event of rump$/m);
  const { peakRss } = JSON.parse(readFileSync(usageFile, 'utf8')) as Usage;
  assert.ok(peakRss < (LINE_MIB / 2) * MIB, `peak RSS ${Math.round(peakRss / MIB)} MiB`);
});

test('rump report keeps of long texts their beginnings alone', async (t) => {
  const folder = folderOf(t);
  const [path, usageFile] = [join(folder, 'long'), join(folder, 'usage')];
  const message = 'x'.repeat(MIB / 2);
  const parts = LINE_MIB / 20;
  for (let part = 1; part <= parts; part++) {
    const warnings = Array.from({ length: 20 }, (_, code) => ({ event: 'warning', code: `C${code}`, message }));
    appendFileSync(path, logOf([started(`${part}/${parts}`), ...warnings, done(1), exit(0)]));
  }
  const env = { NODE_OPTIONS: `--import=${HOOK}`, BENCH_USAGE_FILE: usageFile };
  const { code, stderr } = await runRump(['report', path], { env });
  assert.equal(code, 0, stderr);
  const { peakRss } = JSON.parse(readFileSync(usageFile, 'utf8')) as Usage;
  assert.ok(peakRss < (LINE_MIB / 2) * MIB, `peak RSS ${Math.round(peakRss / MIB)} MiB`);
});

test('rump report is refused without a file, and ends where one cannot be read or there are too many runs', async (t) => {
  assert.equal((await runRump(['report'])).code, 2);
  assert.equal((await runRump(['report', 'x', '--db', '1'])).code, 2);
  const folder = folderOf(t);
  mkdirSync(join(folder, 'sub'));
  for (const name of ['none', 'sub']) {
    const { code, stderr } = await runRump(['report', join(folder, name)]);
    assert.equal(code, 1);
    assert.match(stderr, /^rump: Cannot read \S+: (?:there is no such file|it is a directory)/);
  }
  const runs = Array.from({ length: 4097 }, (_, i) => logOf([started(`${i + 1}/5000`), exit(0)]));
  const { code, stderr } = await reportOn(t, { a: runs.join('') });
  assert.equal(code, 1);
  assert.match(stderr, /^rump: Cannot merge a: there are more than 4,096 runs$/m);
});
