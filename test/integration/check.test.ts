// What a check finds: each single kind of difference by name, and none where there is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AT_ONCE, assertDifferent, assertEqual, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { callsOf } from '../support/command-stats.ts';
import { DIFFERENCES, type Commands } from '../support/differences.ts';
import type { Argument } from '../support/frames.ts';
import { fillAllTypes } from '../support/keyspace.ts';
import { assertDone, assertRefused } from '../support/outcome.ts';
import { decodePayload } from '../../src/rdb/decode.ts';
import { encodePayload } from '../../src/rdb/encode.ts';
import { versionOf } from '../../src/rdb/payload.ts';
import { untilInStep } from '../support/replica.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { servers } from '../support/server-versions.ts';

/** How often a command is sent before the first key, to see whether it may be. */
const MOST_PROBES = 5;
/** The same settings of a server as of another one that packs its values otherwise. */
const UNPACKED = ['list', 'set', 'zset', 'hash'].map((type) => `${type}-max-listpack-entries`);

async function give(client: TestClient, commands: Commands): Promise<void> {
  for (const reply of await client.pipeline(commands)) if (reply instanceof Error) throw reply;
}

/** Both sides have everything, to the millisecond. */
async function copyAll(endpoints: readonly string[], ...args: string[]): Promise<void> {
  assertDone(await runRump([...endpoints, ...args]));
}

test('rump check finds each kind of difference, names it, and exits with 3', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillAllTypes(from);
  for (const [, both] of DIFFERENCES) await give(from, both);
  await copyAll(endpoints);
  for (const [, , target] of DIFFERENCES) await give(to, target);
  const result = await runCheck([...endpoints, ...AT_ONCE]);
  assertDifferent(
    result,
    DIFFERENCES.map(([line]) => line),
  );
  const [differ, source, target] = ['*', '+', '-'].map((sign) => DIFFERENCES.filter(([line]) => line.startsWith(sign)));
  const counts = `${differ!.length} differ, ${source!.length} only at the source, ${target!.length} only at the target`;
  assert.ok(result.stderr.includes(counts), result.stderr);
  assert.match(result.stderr, new RegExp(`^rump: ${DIFFERENCES.length} keys are not the same on both sides$`, 'm'));
});

for (const { name, binary } of servers('valkey-8.1')) {
  test(`rump check finds no difference behind a copy of every type, to ${name}`, async (t) => {
    const { from, endpoints } = await startPair(t, { target: { binary } });
    const keys = await fillAllTypes(from);
    await copyAll(endpoints);
    assertEqual(await runCheck(endpoints), keys);
  });
}

test('rump check tells equal values from others by one byte at the end or one millisecond, however long they and their names are', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const [longKey, expiring] = ['k'.repeat(16 * 1024), { PXAT: 4_102_444_800_000 }];
  const lengths = [1, 70, 640, 16 * 1024 - 20, 16 * 1024, 16 * 1024 + 1];
  const both: Commands = [
    ...lengths.flatMap((length) => ['equal', 'other'].map((name) => ['SET', `${name}:${length}`, 'x'.repeat(length)])),
    ['SET', longKey, 'x'.repeat(16 * 1024)],
    ['SET', `${longKey}!`, 'x'],
    ['SET', 'expires', 1, 'PXAT', expiring.PXAT],
    ['SET', 'lives longer', 1, 'PXAT', expiring.PXAT],
  ];
  for (const side of [from, to]) {
    await side.send('CONFIG', 'SET', 'rdbcompression', 'no');
    await give(side, both);
  }
  await give(to, [
    ...lengths.map((length) => ['SETRANGE', `other:${length}`, length - 1, 'y']),
    ['SET', `${longKey}!`, 'y'],
    ['PEXPIREAT', 'lives longer', expiring.PXAT + 1],
  ]);
  const others = [...lengths.map((length) => `other:${length}`), `${longKey}!`].map((key) => `* ${key}\tvalue`);
  const result = await runCheck([...endpoints, ...AT_ONCE]);
  assertDifferent(result, [...others, '* lives longer\texpires 1 ms later at the target']);
  assert.match(result.stderr, /^rump: 8 equal, 8 differ/m);
});

test('rump check asks each side once about each key, also where the buffer holds a few of them', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const keys = 3000;
  const values: Commands = Array.from({ length: keys }, (_, i) => [
    'SET',
    `key:${i}`,
    String(i).repeat(i % 10 === 0 ? 2000 : 10),
  ]);
  for (const side of [from, to]) {
    await side.send('CONFIG', 'SET', 'rdbcompression', 'no');
    await give(side, values);
  }
  for (const buffer of ['64k', '64M']) {
    for (const side of [from, to]) await side.send('CONFIG', 'RESETSTAT');
    assertEqual(await runCheck([...endpoints, '--buffer', buffer]), keys);
    const [source, target] = await Promise.all([from, to].map(callsOf));
    for (const calls of [source!, target!]) {
      const dumps = calls.get('dump')! - keys;
      assert.ok(dumps >= 0 && dumps <= MOST_PROBES, `--buffer ${buffer}: ${dumps} more DUMPs than keys`);
    }
    assert.ok(source!.get('exists')! < keys / 10, `${source!.get('exists')} times EXISTS`);
  }
});

test('rump check finds no difference where the same values are packed otherwise', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  for (const name of UNPACKED) await to.pipeline([['CONFIG', 'SET', name, 1]]);
  await to.send('CONFIG', 'SET', 'set-max-intset-entries', 0);
  await to.send('CONFIG', 'SET', 'rdbcompression', 'no');
  const values: Commands = [
    ['RPUSH', 'list', ...Array.from({ length: 100 }, (_, i) => i)],
    ['SADD', 'set', 3, 1, 2],
    ['SADD', 'words', 'c', 'a', 'b'],
    ['HSET', 'hash', 'a', 1, 'b', 2],
    ['ZADD', 'zset', 1, 'a', 2, 'b'],
    ['SET', 'text', 'abc'.repeat(1000)],
  ];
  await give(from, values);
  await give(
    to,
    values.map((command) => (/^(SADD|HSET)$/.test(String(command[0])) ? reversed(command) : command)),
  );
  const [encoding, other] = await Promise.all([from, to].map((side) => side.send('OBJECT', 'ENCODING', 'hash')));
  assert.notEqual(String(encoding), String(other));
  assertEqual(await runCheck([...endpoints, ...AT_ONCE]), values.length);
});

/** The members, or pairs of fields and values, the other way round. */
function reversed([name, key, ...rest]: readonly Argument[]): readonly Argument[] {
  const size = name === 'HSET' ? 2 : 1;
  const groups = Array.from({ length: rest.length / size }, (_, i) => rest.slice(i * size, (i + 1) * size));
  return [name!, key!, ...groups.toReversed().flat()];
}

test('rump check --ttl-tolerance forgives expiries that are no further apart', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await give(from, [['SET', 'key', 1, 'PXAT', 4_102_444_800_000]]);
  await give(to, [['SET', 'key', 1, 'PXAT', 4_102_444_800_500]]);
  assertEqual(await runCheck([...endpoints, ...AT_ONCE, '--ttl-tolerance', '500ms']), 1);
  const line = '* key\texpires 500 ms later at the target';
  assertDifferent(await runCheck([...endpoints, ...AT_ONCE, '--ttl-tolerance', '499ms']), [line]);
  assertDifferent(await runCheck([...endpoints, ...AT_ONCE]), [line]);
  assertEqual(await runCheck([...endpoints, ...AT_ONCE, '--no-ttl']), 1);
});

test('rump check looks only at the keys that its filters let through', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await give(from, [
    ['SET', 'a:1', 1],
    ['SET', 'a:2', 1],
    ['SET', 'b:1', 1],
    ['RPUSH', 'a:list', 1],
  ]);
  await give(to, [
    ['SET', 'a:2', 2],
    ['SET', 'a:3', 3],
    ['SET', 'b:2', 2],
    ['RPUSH', 'a:other', 1],
  ]);
  const found = async (...args: string[]): Promise<void> => {
    const [lines, ...flags] = [args[0]!.split(' | '), ...args.slice(1)] as [string[], ...string[]];
    assertDifferent(await runCheck([...endpoints, ...AT_ONCE, ...flags]), lines);
  };
  await found('+ a:1 | * a:2\tvalue | - a:3 | + a:list | - a:other', '--match', 'a:*');
  await found('+ b:1 | - b:2', '--exclude', 'a:*');
  await found('+ a:list | - a:other', '--type', 'list');
  await found('+ a:1 | * a:2\tvalue | - a:3 | + b:1 | - b:2', '--type', 'string', '--match', '*');
});

test('rump check follows databases and prefixes to where the keys went', async (t) => {
  const { source, target, from, to } = await startPair(t);
  for (const db of [0, 3]) {
    await from.send('SELECT', db);
    await fillAllTypes(from, { prefix: `old:${db}:` });
  }
  const endpoints = ['--from', source.url, '--to', target.url];
  const renamed = ['--db', '0,3', '--db-map', '0:5,3:7', '--strip-prefix', 'old:', '--add-prefix', 'new:'];
  await copyAll(endpoints, ...renamed);
  await to.send('SELECT', 5);
  await to.send('SET', 'foreign', 'no key of the source could be called so');
  assertEqual(await runCheck([...endpoints, ...renamed]));
  await to.send('SET', 'new:stranger', 1);
  await to.send('SELECT', 7);
  await to.send('DEL', 'new:3:string:int');
  await to.send('SET', 'new:3:string:empty', 1);
  const result = await runCheck([...endpoints, ...renamed, ...AT_ONCE]);
  assertDifferent(result, ['- 5:new:stranger', '+ 3:old:3:string:int', '* 3:old:3:string:empty\tvalue']);
});

test('rump check takes both names into account that a stripped prefix may have been before', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await give(from, [
    ['SET', 'a:x', 1],
    ['SET', 'y', 1],
  ]);
  await give(to, [
    ['SET', 'x', 1],
    ['SET', 'y', 1],
  ]);
  assertEqual(await runCheck([...endpoints, '--strip-prefix', 'a:']), 2);
  await give(to, [['SET', 'z', 1]]);
  assertDifferent(await runCheck([...endpoints, '--strip-prefix', 'a:', '--recheck-interval', '1ms']), ['- z']);
});

test('rump check refuses to compare a database with itself, and flags that mean nothing to it', async (t) => {
  const { source, endpoints } = await startPair(t);
  const same = await runCheck(['--from', source.url, '--to', `redis://localhost:${source.port}`]);
  assertRefused(same, { error: /^rump: Cannot compare: .* are the same database 0/ });
  for (const [flag, ...value] of [['--on-conflict', 'skip'], ['--dry-run'], ['--bwlimit', '1M'], ['--verify']]) {
    const error = new RegExp(`^rump: Cannot use ${flag}: it means nothing to a check`);
    assertRefused(await runCheck([...endpoints, flag!, ...value]), { code: 2, error });
  }
});

test('rump check compares two databases of one server, and with a replica', async (t) => {
  const { source, target, from, to } = await startPair(t);
  const keys = await fillAllTypes(from);
  await copyAll(['--from', source.url, '--to', `${source.url}/4`]);
  assertEqual(await runCheck(['--from', source.url, '--to', `${source.url}/4`]), keys);
  await to.send('REPLICAOF', '127.0.0.1', source.port);
  await untilInStep(to);
  assertEqual(await runCheck(['--from', source.url, '--to', target.url]), keys);
});

test('rump check sends neither side a command that writes', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await fillAllTypes(from);
  await copyAll(endpoints);
  await to.send('SET', 'only', 1);
  for (const client of [from, to]) await client.send('CONFIG', 'RESETSTAT');
  await runCheck([...endpoints, '--recheck-interval', '1ms']);
  for (const client of [from, to]) {
    const stats = String(await client.send('INFO', 'commandstats'));
    const names = Array.from(stats.matchAll(/^cmdstat_([^:|]+)/gm), ([, name]) => name!);
    assert.ok(names.includes('dump'), names.join());
    for (const name of names) {
      const [about] = (await client.send('COMMAND', 'INFO', name)) as [[Buffer, number, Buffer[]]];
      assert.ok(!about[2].map(String).includes('write'), name);
    }
  }
});

test('rump check compares a stream that says it has more entries than it has, as servers keep it', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  for (let i = 1; i <= 300; i += 1) await from.send('XADD', 'sound', `${i}-0`, 'field', 'x'.repeat(20));
  const payload = (await from.send('DUMP', 'sound')) as Buffer;
  const sound = decodePayload(payload);
  assert.ok(sound.type === 'stream');
  await from.send('RESTORE', 'odd', 0, encodePayload({ ...sound, length: 302 }, versionOf(payload)));
  assert.equal(await from.send('XLEN', 'odd'), 302);
  for (const options of [[], ['--big-key', '1k']]) {
    await copyAll(endpoints);
    assertEqual(await runCheck([...endpoints, ...options]), 2);
    await to.send('RESTORE', 'odd', 0, payload, 'REPLACE');
    assertDifferent(await runCheck([...endpoints, ...options, ...AT_ONCE]), ['* odd\tlength']);
  }
});
