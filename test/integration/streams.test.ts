// Streams of RESTORE commands through the command line: files, pipes, packed ones, and what is left of damaged ones.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { TestClient } from '../support/client.ts';
import { command } from '../support/frames.ts';
import { fillAllTypes } from '../support/keyspace.ts';
import { killAtExit } from '../support/kill-at-exit.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertRefused, linesOf } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { fileOf, folderOf } from '../support/resp-file.ts';
import { MAIN, runRump, spawnRump, startRump } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { assertSame, assertSameData, snapshot } from '../support/snapshot.ts';

const KEYS = 1000;

interface Filled extends ServerPair {
  readonly folder: string;
  /** A stream of the source, whole. */
  readonly path: string;
}

async function startFilled(
  t: TestContext,
  fill: (client: TestClient) => Promise<unknown> = fillAllTypes,
): Promise<Filled> {
  const pair = await startPair(t);
  await fill(pair.from);
  const folder = folderOf(t);
  const path = join(folder, 'f.resp');
  assertDone(await runRump(['--from', pair.source.url, '--to', path]));
  return { ...pair, folder, path };
}

function plainKeys(client: TestClient): Promise<unknown> {
  return client.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value of ${i}`]));
}

/** The stream of a server on stdout, and what was said beside it. */
async function dump(server: TestServer): Promise<{ code: number; frames: Buffer; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, '--from', server.url, '--to', '-']);
  killAtExit(child);
  const [frames, stderr, [code]] = await Promise.all([buffer(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, frames, stderr };
}

/** Where the frames of a stream begin: each key has one, and SELECT may stand between. */
function startsOf(stream: Buffer): number[] {
  const starts: number[] = [];
  const mark = Buffer.from('$7\r\nRESTORE\r\n');
  for (let at = stream.indexOf(mark); at !== -1; at = stream.indexOf(mark, at + 1))
    starts.push(stream.lastIndexOf('*', at));
  return starts;
}

test('rump copies a server into a file, packed or not, and the file into a server', async (t) => {
  const { source, target, from, to, folder, path } = await startFilled(t);
  const packed = join(folder, 'f.resp.gz');
  assertDone(await runRump(['--from', source.url, '--to', packed]));
  assert.deepEqual(startsOf(gunzipSync(readFileSync(packed))).length, startsOf(readFileSync(path)).length);
  for (const file of [path, packed]) {
    await to.send('FLUSHALL');
    const result = await runRump(['--from', file, '--to', target.url]);
    assertDone(result);
    assert.match(result.stderr, new RegExp(`^rump: ${String(await from.send('DBSIZE'))} keys, `));
    await assertSameData(from, to);
  }
});

test('rump --to - writes frames and nothing else, which rump --from - and the client of the server can replay', async (t) => {
  const { source, target, from, to } = await startFilled(t);
  const { code, frames, stderr } = await dump(source);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^rump: Sync done\.$/m);
  assert.equal(frames.toString('latin1').includes('Sync done'), false);
  assert.match(frames.toString('latin1', 0, 40), /^\*2\r\n\$4\r\nPING\r\n\$12\r\nrump:begin:1\r\n/);
  assertDone(await runRump(['--from', '-', '--to', target.url], { input: frames }));
  await assertSameData(from, to);
  await to.send('FLUSHALL');
  const client = spawnSync('which', ['redis-cli', 'valkey-cli'], { encoding: 'utf8' }).stdout.split('\n')[0]!;
  const replay = spawnSync(client, ['-p', String(target.port), '--pipe'], { input: frames, encoding: 'utf8' });
  assert.match(replay.stdout, /errors: 0,/);
  await assertSameData(from, to);
});

test('rump | rump copies a server into another one', async (t) => {
  const { source, target, from, to } = await startFilled(t);
  const left = spawn(process.execPath, [MAIN, '--from', source.url, '--to', '-'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const right = spawn(process.execPath, [MAIN, '--from', '-', '--to', target.url], {
    stdio: [left.stdout, 'pipe', 'pipe'],
  });
  for (const child of [left, right]) killAtExit(child);
  const ended = Promise.all([once(left, 'exit'), once(right, 'exit')]);
  const [said, stdout, [[leftCode], [rightCode]]] = await Promise.all([text(left.stderr), text(right.stdout), ended]);
  assert.deepEqual([leftCode, rightCode], [0, 0], said);
  assert.match(stdout, /^\.*Sync done\.\n$/);
  await assertSameData(from, to);
});

test('rump applies what is whole of a file that is cut off or damaged, counts it, and says at which byte it ends', async (t) => {
  const { target, to, folder, path } = await startFilled(t, plainKeys);
  const stream = readFileSync(path);
  const starts = startsOf(stream);
  assert.equal(starts.length, KEYS);
  const [half, cutAt] = [starts[500]!, starts[500]! + 30];
  const broken = Buffer.from(stream);
  broken.write('X', half);
  for (const [name, bytes, error] of [
    ['cut.resp', stream.subarray(0, cutAt), `the frame at byte ${half} is cut off at byte ${cutAt}`],
    ['broken.resp', broken, `byte ${half}\\b`],
  ] as const) {
    await to.send('FLUSHALL');
    const damaged = join(folder, name);
    writeFileSync(damaged, bytes);
    const result = await runRump(['--from', damaged, '--to', target.url]);
    assertFailed(result, { error: new RegExp(`^rump: .*${name}.*${error}`) });
    assert.match(result.stderr, /^rump: 500 keys, /m);
    assert.equal(await to.send('DBSIZE'), 500);
  }
});

test('rump counts a payload that the target refuses as failed, and copies the rest of the file', async (t) => {
  const { target, to, path } = await startFilled(t, plainKeys);
  const bytes = readFileSync(path);
  const at = bytes.indexOf('value of', startsOf(bytes)[10]);
  bytes.write('VALUE', at);
  writeFileSync(path, bytes);
  const result = await runRump(['--from', path, '--to', target.url]);
  assertFailed(result, { error: /^rump: .*DUMP payload version or checksum are wrong/ });
  assert.equal(await to.send('DBSIZE'), KEYS - 1);
});

test('rump soon refuses a payload of 10 GB, without holding any of it', async (t) => {
  const { target, to } = await startPair(t);
  const head = Buffer.concat([
    command('RESTORE', 'first', 0, Buffer.from('\0\x05value\x0b\0checksum', 'latin1')),
    Buffer.from('*4\r\n$7\r\nRESTORE\r\n$4\r\nhuge\r\n$1\r\n0\r\n$10737418240\r\n'),
  ]);
  const path = fileOf(t, head, 'sparse.resp');
  truncateSync(path, head.length + 10_737_418_240 + 2);
  const env = { NODE_OPTIONS: '--max-old-space-size=64' };
  const running = spawnRump(['--from', path, '--to', target.url], { env });
  let most = 0;
  const poll = setInterval(() => (most = Math.max(most, residentBytes(running.child.pid!))), 20);
  const result = await running.done.finally(() => clearInterval(poll));
  assertFailed(result, { error: /^rump: .*sparse\.resp.* byte \d+/ });
  assert.ok(most < 300_000_000, `It held ${most} bytes`);
  assert.ok(result.elapsed < 30_000, `It took ${result.elapsed} ms`);
  assert.equal(await to.send('EXISTS', 'huge'), 0);
});

test('rump --to - fails when nobody reads its stdout any more', async (t) => {
  const { source } = await startFilled(t, (client) =>
    client.pipeline(Array.from({ length: 200 }, (_, i) => ['SET', `key:${i}`, Buffer.alloc(100_000, `${i} and `)])),
  );
  const shell = `"$0" "$1" --from "$2" --to - | head -c 1000 | wc -c; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', shell, process.execPath, MAIN, source.url], { encoding: 'utf8' });
  assert.deepEqual(linesOf(stdout), ['1000', '1'], stderr);
  assert.match(stderr, /^rump: Cannot write stdout: nobody reads it any more \(EPIPE\)$/m);
  assert.doesNotMatch(stderr, /Sync done/);
  for (const line of linesOf(stderr)) assert.match(line, /^rump: /);
});

test('rump leaves no file behind, and the old one as it was, when it is interrupted', async (t) => {
  const { source, from } = await startPair(t);
  await plainKeys(from);
  const folder = folderOf(t);
  const old = join(folder, 'old.resp');
  writeFileSync(old, 'as it was');
  for (const path of [join(folder, 'new.resp'), old, join(folder, 'new.resp.gz')]) {
    const running = startRump(['--from', source.url, '--to', path, '--tpslimit', '50', '--json']);
    await underWay(running, () => /"event":"progress".*"keys":[1-9]/.test(running.stdout));
    running.child.kill('SIGINT');
    const result = await running.done;
    assert.equal(result.code, 130, result.stderr);
  }
  assert.deepEqual(readdirSync(folder), ['old.resp']);
  assert.equal(readFileSync(old, 'utf8'), 'as it was');
});

test('rump refuses a file as both sides, and a folder that is not there', async (t) => {
  const { source, folder, path } = await startFilled(t, plainKeys);
  const before = readFileSync(path);
  for (const to of [path, join(folder, '.', 'sub', '..', 'f.resp')]) {
    assertRefused(await runRump(['--from', path, '--to', to]), { code: 2, error: /^rump: Cannot copy .* to itself/ });
  }
  assert.deepEqual(readFileSync(path), before);
  const missing = join(folder, 'missing', 'f.resp');
  const result = await runRump(['--from', source.url, '--to', missing]);
  assertFailed(result, { error: /^rump: Cannot write .*missing\/f\.resp: there is no such folder \(ENOENT\)/ });
  assert.equal(existsSync(join(folder, 'missing')), false);
  const nothing = await runRump(['--from', join(folder, 'none.resp'), '--to', source.url]);
  assertFailed(nothing, { error: /^rump: Cannot read .*none\.resp: there is no such file \(ENOENT\)/ });
});

test('rump copies a file into a file through its filters, with new names and numbers', async (t) => {
  const { target, from, to, folder, path } = await startFilled(t);
  const other = join(folder, 'other.resp.gz');
  const filters = ['--match', '*:expiring', '--exclude', 'stream:*', '--type', 'string', '--add-prefix', 'new:'];
  assertDone(await runRump(['--from', path, '--to', other, ...filters, '--db-map', '0:7']));
  assertDone(await runRump(['--from', other, '--to', target.url]));
  const expected = [...(await snapshot(from))]
    .filter(([key, { type }]) => key.endsWith(':expiring') && type === 'string')
    .map(([key, entry]) => [`new:${key}`, entry] as const);
  await to.send('SELECT', 7);
  assertSame(await snapshot(to), new Map(expected));
});

function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
