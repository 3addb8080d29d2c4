// rump inspect ENDPOINT KEY…: what is in keys, whoever holds them, and whatever state their payloads are in.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { LAST } from '../../src/rdb/milliseconds.ts';
import { slotOf } from '../../src/cluster/slot.ts';
import { callsOf, writesOf } from '../support/command-stats.ts';
import { command, streamOf } from '../support/frames.ts';
import { BIG_KEY, fillLarge, LARGE_TYPES } from '../support/large-keyspace.ts';
import { withOtherClock } from '../support/other-clock.ts';
import { assertDone, assertFailed, assertPlainWords, linesOf } from '../support/outcome.ts';
import { payloadProxy, stamped } from '../support/payload-proxy.ts';
import { readPayloads } from '../support/payload-fixtures.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startSentinel } from '../support/sentinel.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { fileOf, folderOf } from '../support/resp-file.ts';
import { runInspect, runRump } from '../support/rump.ts';
import { servers } from '../support/server-versions.ts';
import * as build from '../src/rdb/payload-builder.ts';

const FAR_AWAY = 4_102_444_800_123;
const SHOWN_FAR_AWAY = '2100-01-01T00:00:00.123Z';

async function serverFor(t: TestContext, binary?: string, args: string[] = []): Promise<TestServer> {
  const server = await startServer({ binary, args });
  t.after(() => server.stop());
  return server;
}

/** Items of a list. */
function lines(text: string): number {
  return linesOf(text).filter((line) => line.includes('"item ')).length;
}

/** Bytes that a server has sent. */
function sentIn(info: unknown): number {
  return Number(/total_net_output_bytes:(\d+)/.exec(String(info))?.[1]);
}

async function shown(endpoint: string, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runInspect(endpoint, ...words);
  assert.deepEqual([code, stderr], [0, ''], stdout);
  return stdout;
}

for (const { name, binary } of servers('redis-6.0', 'redis-8.0', 'redict-7.3', 'valkey-8.1', 'valkey-9.1')) {
  test(`rump inspect shows keys of every type, and writes nothing (${name})`, async (t) => {
    const server = await serverFor(t, binary);
    const client = await server.client();
    await client.pipeline([
      ['SET', 'string', 'va"lue\x1b[31m'],
      ['PEXPIREAT', 'string', FAR_AWAY],
      ['SET', 'number', 12345],
      ['RPUSH', 'list', 'one', 'two'],
      ['SADD', 'set', 1, 2],
      ['ZADD', 'zset', 'inf', 'last', 2.5, 'first'],
      ['HSET', 'hash', 'field', 'value'],
      ['XADD', 'stream', '1-1', 'field', 'value'],
      ['XGROUP', 'CREATE', 'stream', 'readers', 0],
      ['XREADGROUP', 'GROUP', 'readers', 'me', 'COUNT', 1, 'STREAMS', 'stream', '>'],
      ['CONFIG', 'RESETSTAT'],
    ]);
    const text = await shown(server.url, 'string', 'number', 'list', 'set', 'zset', 'hash', 'stream');
    const expected = [
      /^"string" in db 0: string, raw, \d+ bytes, RDB version \d+, the checksum is right, expires in .*\(2100-01-01T00:00:00\.1\d\dZ\)\n +"va\\"lue\\x1b\[31m"$/m,
      /^"number" .*: string, int, .*no expiry\n +"12345"$/m,
      /^"list" .*: list, quicklist.*\n +1\) "one"\n +2\) "two"$/m,
      /^"set" .*: set, intset, .*\n +1\) "1"\n +2\) "2"$/m,
      /^"zset" .*: zset, (?:listpack|ziplist), .*\n +1\) "first" 2\.5\n +2\) "last" inf$/m,
      /^"hash" .*: hash, (?:listpack|ziplist), .*\n +1\) "field" "value"$/m,
      /^"stream" .*: stream, .*\n +1\) 1-1 "field" "value"\n(?:.*\n)*? +group "readers" at 1-1, 1 pending, consumers "me"$/m,
    ];
    for (const pattern of expected) assert.match(text, pattern);
    assert.ok(!text.includes('\x1b'));
    assert.deepEqual(await writesOf(client), []);
    assert.ok(!(await callsOf(client)).has('keys'));
  });
}

test('rump inspect finds names of any bytes, however they are written, and says which are not there', async (t) => {
  const server = await serverFor(t);
  const names = ['plain', '\x00\xff\r\n', '"quoted"', '\u202e', 'back\\slash', ''].map((name) =>
    Buffer.from(name, 'latin1'),
  );
  const hostile = Buffer.from('\x1b]0;owned\x07<script>\u202etxt');
  const client = await server.client();
  for (const name of [...names, hostile]) await client.send('SET', name, 'there');
  const words = [
    'plain',
    String.raw`"\x00\xff\r\n"`,
    String.raw`"\"quoted\""`,
    String.raw`"."`,
    String.raw`back\slash`,
    '""',
  ];
  words[3] = String.raw`"\x2e"`;
  await client.send('SET', '.', 'there');
  const result = await runInspect(server.url, ...words, hostile.toString(), 'absent', String.raw`"\x01"`);
  assert.equal(result.code, 1);
  assert.equal(linesOf(result.stdout).filter((line) => / in db 0: string/.test(line)).length, words.length + 1);
  assert.deepEqual(linesOf(result.stderr).toSorted(), [
    String.raw`rump: there is no key "\x01"`,
    'rump: there is no key "absent"',
  ]);
  assert.doesNotMatch(result.stdout, /[^\n -~…]/);
});

test('rump inspect looks into each database that is named', async (t) => {
  const server = await serverFor(t);
  for (const db of [0, 3]) await (await server.client(db)).send('SET', 'key', `of ${db}`);
  assert.match(await shown(`${server.url}/3`, 'key'), /^"key" in db 3.*\n +"of 3"\n$/);
  assert.equal((await shown(server.url, 'key', '--db', 'all')).match(/"of [03]"/g)?.length, 2);
});

test('rump inspect shows so many elements as --limit says, and how many more there are', async (t) => {
  const server = await serverFor(t);
  const client = await server.client();
  await client.send('RPUSH', 'list', ...Array.from({ length: 250 }, (_, i) => `item ${i}`));
  const usual = await shown(server.url, 'list');
  assert.deepEqual([lines(usual), /and 150 more/.test(usual)], [100, true]);
  assert.equal(lines(await shown(server.url, 'list', '--limit', '7')), 7);
  const all = await shown(server.url, 'list', '--limit', '0');
  assert.deepEqual([lines(all), / more /.test(all)], [250, false]);
});

test('rump inspect shows the keys of a cluster with slot and node, whichever node is named', async (t) => {
  const cluster = await startCluster(t);
  const names = ['{a}1', 'b', 'c', 'd'];
  await cluster.pipeline(names.map((name) => ['SET', name, `value of ${name}`]));
  for (const { url } of cluster.nodes) {
    const text = await shown(url, ...names);
    for (const name of names) {
      const slot = slotOf(Buffer.from(name));
      assert.match(
        text,
        new RegExp(`^"${name}" in db 0, slot ${slot} at 127\\.0\\.0\\.1:\\d+: string, .*\\n +"value of ${name}"$`, 'm'),
      );
    }
  }
});

test('rump inspect finds the primary of a service through Sentinel', async (t) => {
  const server = await serverFor(t);
  await (await server.client()).send('SET', 'key', 'value');
  const sentinel = await startSentinel({ primary: server });
  t.after(() => sentinel.stop());
  const text = await shown(`redis+sentinel://127.0.0.1:${sentinel.port}/main`, 'key');
  assert.match(text, /^"key" in db 0: string, .*\n +"value"\n$/);
});

test('rump inspect --json prints an object for each key, with what could be read of it', async (t) => {
  const server = await serverFor(t);
  const client = await server.client();
  await client.pipeline([
    ['HSET', 'hash', 'one', '1', 'two', Buffer.from([0xff])],
    ['PEXPIREAT', 'hash', FAR_AWAY],
    ['RPUSH', 'list', ...Array.from({ length: 50 }, (_, i) => `item ${i}`)],
  ]);
  const objects = linesOf(await shown(server.url, 'hash', 'list', '--json', '--limit', '10')).map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  );
  const [hash, list] = ['hash', 'list'].map((key) => objects.find((one) => one['key'] === key)!);
  assert.deepEqual([hash!['type'], hash!['expireAt'], hash!['checksum']], ['hash', FAR_AWAY, true]);
  assert.deepEqual(hash!['value'], [
    ['one', '1'],
    ['two', { base64: '/w==' }],
  ]);
  assert.deepEqual([list!['shown'], list!['elements'], (list!['value'] as unknown[]).length], [10, 50, 10]);
  const items = Array.from({ length: 200 }, (_, i) => `item ${i}`);
  const body = [build.length(items.length), build.strings(...items.slice(0, 150)), Buffer.from([0xff, 0xfe])];
  const frames = [
    command('RESTORE', 'cut', 0, build.payload(10, 1, ...body)),
    command('RESTORE', 'new', 0, build.payload(99, 120, build.string('x'))),
    command('RESTORE', 'late', String(LAST), build.payload(10, 0, build.string('x')), 'ABSTTL'),
  ];
  const lines = linesOf(await shown(fileOf(t, streamOf(Buffer.concat(frames), 3)), 'cut', 'new', 'late', '--json'));
  const [cut, unknown, late] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok((cut!['shown'] as number) >= 100 && (cut!['error'] as { offset: number }).offset > 1000, lines[0]);
  assert.deepEqual(
    [unknown!['type'], unknown!['typeByte'], Object.keys(unknown!['value'] as object)],
    [null, 120, ['dump']],
  );
  // No digit is rounded away.
  const now = BigInt(Date.now());
  assert.equal(late!['expireAt'], String(LAST));
  const ttl = BigInt(late!['ttl'] as string);
  assert.ok(ttl > BigInt(LAST) - now - 60_000n && ttl <= BigInt(LAST) - now + 60_000n, lines[2]);
});

test('rump inspect shows keys of files, packed or not, the last one where there are several', async (t) => {
  const server = await serverFor(t);
  const client = await server.client();
  await client.pipeline([
    ['SET', 'key', 'value'],
    ['HSET', 'hash', 'f', 'v'],
    ['PEXPIREAT', 'key', FAR_AWAY],
    ['SAVE'],
  ]);
  const folder = folderOf(t);
  const stream = join(folder, 'f.resp.gz');
  assertDone(await runRump(['--from', server.url, '--to', stream]));
  for (const file of [stream, join(server.dir, 'dump.rdb')]) {
    const text = await shown(file, 'key', 'hash');
    assert.match(text, new RegExp(`^"key" in db 0: string, raw, .*\\(${SHOWN_FAR_AWAY}\\)\\n +"value"$`, 'm'));
    assert.match(text, /^"hash" in db 0: hash.*\n +1\) "f" "v"$/m);
    assert.equal((await runInspect(file, 'absent')).code, 1);
  }
  const frames = ['old', 'new'].map((value) =>
    command('RESTORE', 'key', 0, build.payload(10, 0, build.string(value)), 'REPLACE'),
  );
  const twice = fileOf(t, streamOf(Buffer.concat(frames), 2));
  const text = await shown(twice, 'key');
  assert.match(text, /"new"/);
  assert.doesNotMatch(text, /"old"/);
});

test('rump inspect shows a payload that is damaged as far as it goes, and where it ends', async (t) => {
  const items = Array.from({ length: 200 }, (_, i) => `item ${i}`);
  const body = [build.length(items.length), build.strings(...items.slice(0, 150)), Buffer.from([0xff, 0xfe])];
  const damaged = build.payload(10, 1, ...body);
  const flipped = Buffer.from(build.payload(10, 0, build.string('value')));
  flipped[3]! ^= 1;
  const frames = Buffer.concat([command('RESTORE', 'cut', 0, damaged), command('RESTORE', 'flipped', 0, flipped)]);
  const text = await shown(fileOf(t, streamOf(frames, 2)), 'cut', 'flipped', '--limit', '0');
  assert.match(text, /^ +128\) "item 127"$/m);
  assert.match(text, /^ {2}Cannot decode the value \(type 1\).*byte 1\d\d\d/m);
  assert.match(text, /^ {2}type, 1 byte at 0\n {4}00000000 {2}01 .*\n {2}value, 1,\d+ bytes at 1\n {4}00000001 {2}/m);
  assert.match(text, /^"flipped" .*the checksum is wrong.*\n +"vblue"$|^"flipped" .*the checksum is wrong/m);
});

test('rump inspect shows what it has found in a stream that is damaged further on, and fails', async (t) => {
  const frames = command('RESTORE', 'key', 0, build.payload(10, 0, build.string('value')));
  const stream = Buffer.from(streamOf(frames, 1));
  const path = fileOf(
    t,
    Buffer.concat([stream.subarray(0, stream.lastIndexOf('rump:end')), Buffer.from('rump:end:7:0\r\n')]),
  );
  const result = await runInspect(path, 'key');
  assertFailed(result, { error: /^rump: Cannot read / });
  assert.match(result.stdout, /^"key" in db 0: string.*\n +"value"\n$/);
});

test('rump inspect shows the bytes of a value whose type nobody knows', async (t) => {
  const server = await serverFor(t);
  await (await server.client()).send('SET', 'new', 'value');
  const url = await payloadProxy(t, server.port, { dumped: (payload) => stamped(payload, 99, 120) });
  const text = await shown(url, 'new');
  assert.match(
    text,
    /^"new" in db 0: type 120, which rump does not know, \d+ bytes, RDB version 99, the checksum is right/,
  );
  assert.match(
    text,
    /^ {2}type, 1 byte at 0\n {4}00000000 {2}78 .* x\n {2}value, 6 bytes at 1\n {4}00000001 {2}05 76 61 6c 75 65 +\.value$/m,
  );
  assert.match(text, /^ {2}RDB version, 2 bytes at 7\n.*\n {2}CRC-64, 8 bytes at 9$/m);
});

test('rump inspect reads what is too large for its server in pieces', async (t) => {
  const server = await serverFor(t);
  const client = await server.client();
  await fillLarge(client);
  await client.send('CONFIG', 'RESETSTAT');
  const [before] = await client.pipeline([['INFO', 'stats']]);
  const text = await shown(server.url, ...LARGE_TYPES.map((type) => `large:${type}`), ...BIG_KEY, '--limit', '3');
  for (const type of LARGE_TYPES) assert.match(text, new RegExp(`^"large:${type}" in db 0: ${type}, .*in pieces`, 'm'));
  assert.equal(text.match(/ and 4,99\d more \(--limit\)\n/g)?.length, LARGE_TYPES.length - 1);
  assert.match(text, /^ +".{1000,}"…/m);
  assert.match(text, /^ +group "readers" at 1500-2, 1,500 pending/m);
  // Those are looks at its rights.
  const dumps = (await callsOf(client)).get('dump') ?? 0;
  assert.ok(dumps < LARGE_TYPES.length, `${dumps} dumps`);
  const sent = sentIn(await client.send('INFO', 'stats')) - sentIn(before);
  assert.ok(sent < 2_000_000, `${sent} bytes`);
});

test('rump inspect dates an expiry where the clocks are apart', async (t) => {
  const server = await serverFor(t);
  await (await server.client()).send('SET', 'key', 'value', 'PX', 86_400_000);
  const text = await shown(await withOtherClock(t, server.port, 3600), 'key');
  const [, date = ''] = /expires in (?:23 h 59 m|24 h 00 m) \(([^)]+)\)/.exec(text) ?? [];
  assert.ok(Math.abs(Date.parse(date) - Date.now() - 86_400_000) < 60_000, text);
});

test('rump inspect names who cannot be asked, without the password', async (t) => {
  const server = await serverFor(t, undefined, ['--requirepass', 'canary']);
  const url = (password: string): string => server.url.replace('//', `//:${password}@`);
  const wrong = await runInspect(url('canary-too'), 'key');
  assertFailed(wrong, { error: /^rump: Cannot log in to 127\.0\.0\.1:\d+/ });
  assert.doesNotMatch(wrong.stderr + wrong.stdout, /canary/);
  const password = join(folderOf(t), 'password');
  writeFileSync(password, 'canary\n');
  for (const result of [
    await runInspect(url('canary'), 'key'),
    await runInspect(server.url, 'key', '--from-password-file', password),
  ]) {
    assert.deepEqual([result.code, result.stderr], [1, 'rump: there is no key "key"\n']);
    assertPlainWords(result);
  }
  assertFailed(await runInspect(join(folderOf(t), 'none.resp'), 'key'), { error: /there is no such file/ });
  assertFailed(await runInspect('x.ndjson', 'key'), { code: 2, error: /^rump: Cannot read x\.ndjson: / });
});

test('rump inspect decodes every recorded payload out of a stream', async (t) => {
  for (const { server, payloads } of readPayloads()) {
    const frames = payloads.map(({ name, payload }) => command('RESTORE', name, 0, payload));
    const path = fileOf(t, streamOf(Buffer.concat(frames), frames.length));
    const text = await shown(path, ...payloads.map(({ name }) => name));
    const heads = linesOf(text).filter((line) => line.startsWith('"'));
    assert.equal(heads.length, payloads.length, server);
    for (const { name, type } of payloads)
      assert.ok(
        heads.some((head) => head.startsWith(`"${name}" in db 0: ${type}, `)),
        name,
      );
    assert.doesNotMatch(text, /Cannot|is wrong|does not know/);
    assert.ok(readFileSync(path).length > 0);
  }
});
