// Sources that are newer than rump: what they dump begins with bytes that it does not know, or carries what it cannot read.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { callsOf } from '../support/command-stats.ts';
import { assertDone, linesOf } from '../support/outcome.ts';
import { payloadProxy, stamped } from '../support/payload-proxy.ts';
import { fillByRecipes } from '../support/recipe-keyspace.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { runRump } from '../support/rump.ts';
import { assertSameData } from '../support/snapshot.ts';

/** Redis 8.10, of which a stream has a type byte of its own, and a module may put metadata in front of any. */
const VERSION = 15;
const NEW_STREAM = 27;
/** Every type byte that streams had before. */
const STREAMS = new Set([15, 19, 21]);
const FOOTER_BYTES = 10;
/** One class: its id, a number, the end. */
const METADATA = [243, 1, 1, 2, 3, 4, 2, 5, 0];

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;

before(async () => {
  [source, target] = await Promise.all([startServer(), startServer()]);
  [from, to] = await Promise.all([source.client(), target.client()]);
});
after(() => Promise.all([source.stop(), target.stop()]));
beforeEach(() => Promise.all([from.send('FLUSHALL'), to.send('FLUSHALL'), to.send('CONFIG', 'RESETSTAT')]));

test('rump reads by commands what begins with a byte that neither it nor the target knows', async (t) => {
  const keys = await fillByRecipes(from);
  await from.send('PEXPIREAT', 'stream:groups', 4_102_444_800_123);
  const url = await payloadProxy(t, source.port, {
    dumped: (payload) => stamped(payload, VERSION, STREAMS.has(payload[0]!) ? NEW_STREAM : payload[0]!),
  });
  const result = await runRump(['--from', url, '--to', target.url]);
  assertDone(result);
  assert.match(result.stderr, new RegExp(`, ${keys.length} converted, `));
  await assertSameData(from, to, { byCommands: true });
});

test('rump reads by commands what has metadata in front of its type byte', async (t) => {
  await from.pipeline([
    ['SET', 'string', 'value'],
    ['HSET', 'hash', 'field', 'value'],
    ['PEXPIREAT', 'hash', 4_102_444_800_123],
    ['SET', 'empty', ''],
  ]);
  const url = await payloadProxy(t, source.port, {
    dumped: (payload) => stamped(payload, VERSION, payload[0]!, METADATA),
  });
  const result = await runRump(['--from', url, '--to', target.url]);
  assertDone(result);
  assert.match(result.stderr, /, 3 converted, /);
  await assertSameData(from, to);
});

test('rump leaves it to the target whether it knows a type byte', async (t) => {
  await from.send('XADD', 'stream', '1-1', 'field', 'value');
  const payload = (await from.send('DUMP', 'stream')) as Buffer;
  const [typeByte, version] = [payload[0]!, payload.readUInt16LE(payload.length - FOOTER_BYTES)];
  await from.send('CONFIG', 'RESETSTAT');
  const [newSource, newTarget] = await Promise.all([
    payloadProxy(t, source.port, { dumped: (payload) => stamped(payload, VERSION, NEW_STREAM) }),
    payloadProxy(t, target.port, { restored: (payload) => stamped(payload, version, typeByte) }),
  ]);
  const result = await runRump(['--from', newSource, '--to', newTarget]);
  assertDone(result);
  assert.doesNotMatch(result.stderr, /converted/);
  await assertSameData(from, to);
  assert.equal((await callsOf(to)).get('xadd'), undefined);
});

test('rump names the keys of a file whose payloads neither it nor the target knows', async (t) => {
  await from.pipeline([
    ['XADD', 'stream', '1-1', 'field', 'value'],
    ['SET', 'string', 'value'],
  ]);
  const url = await payloadProxy(t, source.port, {
    dumped: (payload) => stamped(payload, VERSION, payload[0] === 0 ? 0 : NEW_STREAM),
  });
  const file = join(target.dir, 'newer.resp');
  assertDone(await runRump(['--from', url, '--to', file]));
  const result = await runRump(['--from', file, '--to', target.url]);
  assert.equal(result.code, 1);
  const why = 'Cannot write it: it was written by a newer server: RDB version 15, type 27';
  assert.deepEqual(failuresOf(result.stderr), [`key "stream" in db 0: ${why}`]);
  assert.equal(String(await to.send('GET', 'string')), 'value');
});

test('rump names what it cannot read by commands either, and copies the rest', async (t) => {
  await from.pipeline([
    ['SADD', 'array', 'member'],
    ['SET', 'string', 'value'],
  ]);
  const url = await payloadProxy(t, source.port, {
    dumped: (payload) => stamped(payload, VERSION, payload[0] === 0 ? 0 : 28),
    told: (line) => (line === '+set' ? '+array' : line),
  });
  const result = await runRump(['--from', url, '--to', target.url]);
  assert.equal(result.code, 1);
  const why = 'Cannot read a value of the type array by commands: rump knows none that do';
  assert.deepEqual(failuresOf(result.stderr), [`key "array" in db 0: ${why}`]);
  assert.equal(String(await to.send('GET', 'string')), 'value');
});

function failuresOf(stderr: string): string[] {
  return linesOf(stderr).flatMap((line) => /^rump: (key ".*)$/.exec(line)?.[1] ?? []);
}
