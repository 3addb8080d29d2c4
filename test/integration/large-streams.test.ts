// Large values of streams: by pieces into a server, and compared by pieces, from a file, a packed one and stdin.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { assertDifferent, assertEqual, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { command, streamOf } from '../support/frames.ts';
import { assertNothingLeft, BIG_KEY, fillLarge, LARGE_TYPES } from '../support/large-keyspace.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { assertSameData } from '../support/snapshot.ts';
import { variants } from '../support/tier.ts';

const KEYS = LARGE_TYPES.length + 1;

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;
let plain: string;
let packed: string;
let snapshot: string;

before(async () => {
  [source, target] = await Promise.all([borrow(), borrow()]);
  [from, to] = await Promise.all([source.client(), target.client()]);
  await fillLarge(from);
  await from.send('SET', 'small', 'value');
  await from.send('SAVE');
  [plain, packed] = [join(source.dir, 'f.resp'), join(source.dir, 'f.resp.gz')];
  snapshot = join(source.dir, 'dump.rdb');
  assertDone(await runRump(['--from', source.url, '--to', plain]));
  writeFileSync(packed, gzipSync(readFileSync(plain), { level: 1 }));
});
after(() => Promise.all([source, target].map(giveBack)));
beforeEach(() => to.send('FLUSHALL'));

for (const [what, pathOf, input] of variants(
  ...([
    ['a file', () => plain, () => ''],
    ['a packed file', () => packed, () => ''],
    ['stdin', () => '-', () => readFileSync(plain)],
  ] as const),
)) {
  test(`rump --big-key takes the larger values of ${what} in pieces, and compares them so`, async (t) => {
    const temporary = folderOf(t);
    const run = { input: input(), env: { TMPDIR: temporary } };
    const result = await runRump(['--from', pathOf(), '--to', target.url, ...BIG_KEY], run);
    assertDone(result);
    assert.match(result.stderr, new RegExp(`, ${LARGE_TYPES.length} converted, `));
    await assertSameData(from, to, { byCommands: true });
    await assertNothingLeft(to);
    for (const [left, right] of [
      [pathOf(), target.url],
      [target.url, pathOf()],
    ] as const) {
      assertEqual(await runCheck(['--from', left, '--to', right, ...BIG_KEY], run), KEYS);
    }
    await to.send('HSET', 'large:hash', 'field:77', 'other');
    const differing = await runCheck(['--from', pathOf(), '--to', target.url, ...BIG_KEY, '--recheck', '0'], run);
    assertDifferent(differing, ['* 0:large:hash\telements']);
    assert.deepEqual(readdirSync(temporary), []);
  });
}

test('Large values of two files are compared, whichever of them is packed, and of which kind they are', async (t) => {
  const other = join(folderOf(t), 'other.resp');
  for (const sides of [
    ['--from', packed, '--to', snapshot],
    ['--from', plain, '--to', packed],
  ]) {
    assertEqual(await runCheck([...sides, ...BIG_KEY]), KEYS);
  }
  await from.send('SADD', 'large:set', 'more');
  assertDone(await runRump(['--from', source.url, '--to', other]));
  await from.send('SREM', 'large:set', 'more');
  for (const sides of [
    ['--from', other, '--to', packed],
    ['--from', snapshot, '--to', other],
  ]) {
    assertDifferent(await runCheck([...sides, ...BIG_KEY]), ['* 0:large:set\tsize']);
  }
});

test('A large value that is damaged fails by its name, and what the target has of that name stays', async (t) => {
  const payload = (await from.send('DUMP', 'large:zset')) as Buffer;
  const damaged = Buffer.from(payload);
  damaged[payload.length >> 1]! ^= 1;
  const frames = [
    command('RESTORE', 'damaged', 0, damaged, 'REPLACE'),
    command('RESTORE', 'sound', 0, payload, 'REPLACE'),
  ];
  const stream = streamOf(Buffer.concat(frames), frames.length);
  const error =
    /^rump: key "damaged" in db 0: Cannot decode the payload: the checksum is not that of its [\d,]+ bytes/m;
  for (const [path, input] of filesOf(t, stream)) {
    await to.send('FLUSHALL');
    await to.send('SET', 'damaged', 'before');
    const result = await runRump(['--from', path, '--to', target.url, ...BIG_KEY], { input });
    assert.equal(result.code, 1);
    assert.match(result.stderr, error);
    assert.equal(String(await to.send('GET', 'damaged')), 'before');
    assert.equal(await to.send('ZCARD', 'sound'), await from.send('ZCARD', 'large:zset'));
    await assertNothingLeft(to);
  }
});

test('A stream that was cut within a large value is never taken for a whole one', async (t) => {
  const stream = readFileSync(plain);
  const key = stream.indexOf('large:list');
  const cut = stream.subarray(0, key + 200_000);
  for (const [path, input] of filesOf(t, cut)) {
    await to.send('FLUSHALL');
    await to.send('SET', 'large:list', 'before');
    const result = await runRump(['--from', path, '--to', target.url, ...BIG_KEY], { input });
    assertFailed(result, { error: /^rump: Cannot read .*: the frame at byte \d+.* is cut off.* at byte \d+/m });
    assert.equal(String(await to.send('GET', 'large:list')), 'before');
    assert.equal(await to.send('DBSIZE'), cut.toString('latin1').split('RESTORE').length - 1);
    await assertNothingLeft(to);
  }
});

test('rump says where it has no room for large values that come only once, and needs none for a file', async () => {
  const env = { TMPDIR: join(source.dir, 'none') };
  const error = /^rump: Cannot write into .*none: there is no such folder \(ENOENT\) \(name a folder .* by TMPDIR\)$/;
  for (const path of [packed, '-']) {
    const input = path === '-' ? readFileSync(plain) : '';
    assertFailed(await runRump(['--from', path, '--to', target.url, ...BIG_KEY], { env, input }), { error });
  }
  assertDone(await runRump(['--from', plain, '--to', target.url, ...BIG_KEY], { env }));
  // Nor does who takes each value whole.
  assertDone(await runRump(['--from', packed, '--to', target.url], { env }));
  const copy = join(source.dir, 'copy.resp.gz');
  assertDone(await runRump(['--from', '-', '--to', copy, ...BIG_KEY], { env, input: readFileSync(plain) }));
  assert.deepEqual(gunzipSync(readFileSync(copy)).length, readFileSync(plain).length);
});

/** The same stream as a file, a packed one, and what stdin has. */
function filesOf(t: TestContext, stream: Buffer): [path: string, input: Buffer][] {
  const folder = folderOf(t);
  const [path, gz] = [join(folder, 'f.resp'), join(folder, 'f.resp.gz')];
  writeFileSync(path, stream);
  writeFileSync(gz, gzipSync(stream, { level: 1 }));
  const none = Buffer.alloc(0);
  return [
    [path, none],
    [gz, none],
    ['-', stream],
  ];
}
