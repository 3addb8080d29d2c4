// Sources that are newer than rump: what they dump or save begins with bytes that it does not know, or carries what it cannot read.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { callsOf } from '../support/command-stats.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { assertDone, assertFailed, linesOf } from '../support/outcome.ts';
import { payloadProxy, stamped } from '../support/payload-proxy.ts';
import { snapshotOf } from '../support/rdb-file.ts';
import { fillByRecipes } from '../support/recipe-keyspace.ts';
import { bulk } from '../support/frames.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import type { TestServer } from '../support/redis-server.ts';
import { runRump } from '../support/rump.ts';
import { assertSameData } from '../support/snapshot.ts';
import * as build from '../src/rdb/payload-builder.ts';

/** Redis 8.10, of which a stream has a type byte of its own, and a module may put metadata in front of any. */
const VERSION = 15;
const NEW_STREAM = 27;
const UNKNOWN = 0x78;
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
  [source, target] = await Promise.all([borrow(), borrow()]);
  [from, to] = await Promise.all([source.client(), target.client()]);
});
after(() => Promise.all([source, target].map(giveBack)));
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

test('rump names what it cannot carry of a snapshot of a newer server or of another kind, and copies the rest', async () => {
  const path = join(target.dir, 'newer.rdb');
  const newer = [[28], build.string('array'), [1, 0, 0, 3], build.string('element')].map((part) => Buffer.from(part));
  const expiry = [[250], build.strings('keydb-subexpire-key', 'm'), [250], build.strings('keydb-subexpire-when', '1')];
  const others = [[2], build.string('empty'), [0], [0], build.strings('string', 'value'), ...expiry].map((part) =>
    Buffer.from(part),
  );
  writeFileSync(path, Buffer.concat([snapshotOf('REDIS0014', ...newer, ...others), Buffer.from('0'.repeat(40))]));
  const result = await runRump(['--from', path, '--to', target.url]);
  const form = 'it was written by a newer server: RDB version 14, type 28';
  assertFailed(result, { error: new RegExp(`^rump: key "array" in db 0: Cannot read the value: ${form}$`) });
  for (const said of [
    'collections of the snapshot are empty (1: empty): servers drop them, as a copy does',
    'members of keys of the snapshot expire, as only KeyDB has it (1: string): these expiries are left out',
    '40 bytes follow the end of the snapshot, which hold no keys',
  ]) {
    assert.ok(result.stderr.includes(`rump: warning: ${said}\n`), result.stderr);
  }
  assert.deepEqual(((await to.send('KEYS', '*')) as Buffer[]).map(String), ['string']);
});

function failuresOf(stderr: string): string[] {
  return linesOf(stderr).flatMap((line) => /^rump: (key ".*)$/.exec(line)?.[1] ?? []);
}

for (const [cut, cuts] of [
  ['DUMP', 2],
  ['EXISTS', Infinity],
] as const) {
  test(`A value whose form nobody knows comes to an end where ${cut} breaks ${cuts} connections`, async (t) => {
    await from.send('SET', 'x', 'value');
    let left: number = cuts;
    const { url, calls } = await replyProxy(t, source.port, ([name, key], reply, client) => {
      if (name === cut && key === 'x' && left-- > 0) client.destroy();
      return name === 'DUMP' && key === 'x' ? bulk(stamped(reply as Buffer, VERSION, UNKNOWN)) : undefined;
    });
    const result = await runRump(['--from', url, '--to', target.url]);
    assert.ok(calls.get('DUMP')! < 20, `${calls.get('DUMP')} DUMPs`);
    if (cuts === Infinity) return assertFailed(result, { error: /key "x" in db 0: / });
    assertDone(result);
    await assertSameData(from, to, { byCommands: true });
  });
}
