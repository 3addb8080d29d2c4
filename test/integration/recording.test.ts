// --record and rump inspect: the bytes of a run as they went over the wire, and what they say.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startCarelessPair } from '../support/careless-target.ts';
import { assertDone, assertFailed, linesOf } from '../support/outcome.ts';
import { MAIN, runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const PASSWORD = 'canary#of@gold:/%';

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rump-record-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'recorded');
}

/** The frames of a trace without what only a run knows: its times, and that connections end. */
function framesIn(text: string): string[] {
  return linesOf(text)
    .map((line) => line.replace(/^\d{4}-\S+Z /, ''))
    .filter((line) => !/ x /.test(line));
}

test('--record keeps every byte of every connection, and rump inspect prints the frames that --trace has shown', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: 300 }, (_, i) => ['SET', `key:${i}`, 'v'.repeat(i)]));
  const folder = folderFor(t);
  const following = ['--live', '--feed', 'psync', '--until-idle', '200ms', '--linger', '0s'];
  const result = await runRump([...endpoints, ...following, '--record', folder, '--trace', `${folder}.log`]);
  assertDone(result);
  const printed = await runRump(['inspect', folder]);
  assert.deepEqual([printed.code, printed.stderr], [0, '']);
  const traced = framesIn(readFileSync(`${folder}.log`, 'utf8'));
  assert.ok(traced.length > 1000);
  assert.deepEqual(linesOf(printed.stdout).toSorted(), traced.toSorted());
  const way = await runRump(['inspect', folder, '--trace-match', 'key:7', '--trace-bytes', '3']);
  assert.match(
    way.stdout,
    /source \d > \d+ "DUM"… \(4 bytes\) "key"… \(5 bytes\)\nsource \d < \d+ "[^"]+"… \(\d+ bytes\)\n/,
  );
  assert.doesNotMatch(way.stdout, /"DUM"… \(4 bytes\) "key"… \(6 bytes\)/);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.ok(readdirSync(folder).every((name) => (statSync(join(folder, name)).mode & 0o777) === 0o600));
  assert.ok(readdirSync(folder).includes('source-feed-0.received'));
});

test('--record keeps no password, whoever says it, and every length', async (t) => {
  const { from, endpoints } = await startCarelessPair(t, PASSWORD);
  await from.send('SET', 'key', 'value');
  const folder = folderFor(t);
  assertDone(await runRump([...endpoints, '--record', folder]));
  const contents = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
  assert.ok(contents.every((content) => !content.includes('canary')));
  const asterisks = '*'.repeat(PASSWORD.length);
  const [sent, received] = ['sent', 'received'].map((name) => readFileSync(join(folder, `target-0.${name}`), 'latin1'));
  assert.ok(sent!.startsWith(`*2\r\n$4\r\nAUTH\r\n$${PASSWORD.length}\r\n${asterisks}\r\n`));
  assert.ok(received!.includes(`-ERR user ${asterisks} may not do that\r\n`));
});

test('--record is refused where something is in the folder, and rump inspect says what is no recording', async (t) => {
  const { endpoints } = await startPair(t);
  const folder = folderFor(t);
  mkdirSync(folder);
  writeFileSync(join(folder, 'mine'), '');
  const error = /^rump: Cannot record into .*: there is something in it \(name a new folder\)$/m;
  assertFailed(await runRump([...endpoints, '--record', folder]), { code: 2, error });
  assert.deepEqual(readdirSync(folder), ['mine']);
  const missing = await runRump(['inspect', folder]);
  assertFailed(missing, { code: 1, error: /^rump: Cannot read .*connections\.ndjson: there is no such file/m });
  for (const list of ['nonsense\n', '{"connection":"../../etc/passwd","peer":"x"}\n', 'null\n']) {
    writeFileSync(join(folder, 'connections.ndjson'), list);
    assertFailed(await runRump(['inspect', folder]), { code: 1, error: /it is no list of connections/ });
  }
  writeFileSync(join(folder, 'connections.ndjson'), '{"connection":"source 0","peer":"x:1","time":""}\n');
  writeFileSync(join(folder, 'source-0.sent'), '*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI');
  writeFileSync(join(folder, 'source-0.received'), '+PONG\r\n');
  const cut = await runRump(['inspect', folder]);
  assert.equal(cut.stdout, 'source 0 = x:1\nsource 0 > 14 "PING"\nsource 0 < 7 PONG\nsource 0 > 10 (cut off)\n');
  assertFailed(await runRump(['inspect', folder, '--db', '1']), { code: 2, error: /Cannot use --db with a recording/ });
  const [unmade, made] = [`${folder}-2`, `${folder}-3`];
  mkdirSync(made);
  for (const record of [unmade, made])
    assertFailed(await runRump([...endpoints, '--record', record, '--trace', join(folder, 'none', 'x')]), {
      code: 2,
      error: /^rump: Cannot write /m,
    });
  assert.deepEqual([existsSync(unmade), readdirSync(made)], [false, []]);
  assertFailed(await runRump(['inspect']), {
    code: 2,
    error: /Cannot inspect nothing \(write rump inspect ENDPOINT KEY, or DIR\)/,
  });
});

test('rump inspect prints what there is of a recording that lacks files and ends early, and no control characters out of it', async (t) => {
  const folder = folderFor(t);
  mkdirSync(folder);
  const list = [
    '{"connection":"source 1","peer":"\\u001b[31mx\u009b\u202e\\nsource 0 > 14 \\"PING\\"","time":""}',
    '{"connection":"source 0","peer":"x:1","time":""}',
    '{"connection":"tar',
  ];
  writeFileSync(join(folder, 'connections.ndjson'), list.join('\n'));
  for (const connection of ['source-0', 'target-feed-0'])
    writeFileSync(join(folder, `${connection}.sent`), '*1\r\n$4\r\nPING\r\n');
  writeFileSync(join(folder, 'source-0.received'), '+PONG\r\n');
  // What another one has put there, to lead whoever looks at it elsewhere, or to hold him.
  writeFileSync(`${folder}.secret`, '*1\r\n$6\r\nsecret\r\n');
  symlinkSync(`${folder}.secret`, join(folder, 'target-0.sent'));
  execFileSync('mkfifo', [join(folder, 'target-0.received')]);
  const error = /^rump: Cannot read .*source-1\.sent: there is no such file \(ENOENT\)$/m;
  const text = await runRump(['inspect', folder]);
  assertFailed(text, { error });
  assert.deepEqual(linesOf(text.stdout), [
    String.raw`source 1 = \x1b[31mx\x9b\u{202e}\x0asource 0 > 14 "PING"`,
    'source 1 > 0 (cannot be read)',
    'source 1 < 0 (cannot be read)',
    'source 0 = x:1',
    'source 0 > 14 "PING"',
    'source 0 < 7 PONG',
    'target 0 = (cut off)',
    'target 0 > 0 (cannot be read)',
    'target 0 < 0 (cannot be read)',
    'target feed 0 = (cut off)',
    'target feed 0 > 14 "PING"',
    'target feed 0 < 0 (cannot be read)',
  ]);
  const json = await runRump(['inspect', folder, '--json']);
  assert.doesNotMatch(json.stdout.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
  const [first, ...others] = linesOf(json.stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(first!['peer'], '\u001b[31mx\u009b\u202e\nsource 0 > 14 "PING"');
  // The last one says what could not be read.
  assert.deepEqual([others.length, others.at(-1)!['event']], [12, 'error']);

  rmSync(join(folder, 'connections.ndjson'));
  execFileSync('mkfifo', [join(folder, 'connections.ndjson')]);
  assertFailed(await runRump(['inspect', folder]), { error: /^rump: Cannot read .*ndjson: it is no regular file$/m });
  rmSync(join(folder, 'connections.ndjson'));
  symlinkSync(`${folder}.secret`, join(folder, 'connections.ndjson'));
  assertFailed(await runRump(['inspect', folder]), {
    error: /^rump: Cannot read .*ndjson: a symbolic link is not followed \(ELOOP\)$/m,
  });
});

test('rump inspect reads of a recording that grows what it has, and each connection once; printed into it is nothing', async (t) => {
  const folder = folderFor(t);
  mkdirSync(folder);
  const list = join(folder, 'connections.ndjson');
  const line = '{"connection":"source 0","peer":"x:1","time":""}\n';
  writeFileSync(list, line + line);
  writeFileSync(join(folder, 'source-0.received'), '');
  const sent = join(folder, 'source-0.sent');
  writeFileSync(sent, '*1\r\n$4\r\nPING\r\n'.repeat(10_000));
  for (const path of [list, sent]) {
    const before = readFileSync(path, 'utf8');
    const file = openSync(path, 'a');
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'inspect', folder], {
      stdio: ['ignore', file, 'pipe'],
    });
    closeSync(file);
    assert.equal(status, 2);
    assert.match(String(stderr), /^rump: Cannot read .*: stdout goes there \(redirect it to another file\)$/m);
    assert.equal(readFileSync(path, 'utf8'), before);
  }
  const child = spawn(process.execPath, [MAIN, 'inspect', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    appendFileSync(sent, chunk);
  });
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 0);
  assert.equal(linesOf(printed).filter((text) => text === 'source 0 > 14 "PING"').length, 10_000);
});
