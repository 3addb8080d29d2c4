// A check of two sides that lose their keys meanwhile: what went away was not equal, and nobody is told that it expired.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertEqual, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump, startRump } from '../support/rump.ts';

const KEYS = 1000;
const COUNT = '100';

let [source, target]: TestServer[] = [];
let [from, to]: TestClient[] = [];

before(async () => {
  [source, target] = await Promise.all([startServer(), startServer()]);
  [from, to] = [await source.client(), await target.client()];
});
beforeEach(flushBoth);
after(() => Promise.all([source?.stop(), target?.stop()]));

async function flushBoth(): Promise<void> {
  for (const client of [from!, to!]) await client.send('FLUSHALL');
}

/** The same on both sides. */
function numbered(): (string | number)[][] {
  return Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]);
}

for (const [words, args] of [
  ['check', ['check']],
  ['--verify', ['--verify']],
] as const) {
  test(`rump ${words} fails where both sides are flushed meanwhile`, async (t) => {
    await from!.pipeline(numbered());
    if (words === 'check') await to!.pipeline(numbered());
    let flushes = 0;
    const proxy = await replyProxy(t, source!.port, async ([name, ...rest]) => {
      if (name !== 'SCAN' || rest[0] !== '0' || rest.at(-1) !== COUNT) return undefined;
      // The check begins: the names of the first page are known, and none of the values.
      if ((await to!.send('DBSIZE')) === KEYS && flushes++ === 0) await flushBoth();
      return undefined;
    });
    const result = await runRump([...args, '--from', proxy.url, '--to', target!.url, '--count', COUNT]);
    assert.ok(flushes > 0, 'Nothing was flushed');
    assertFailed(result, { error: /^rump: Keys were lost while they were read: .*it was flushed/ });
    assert.doesNotMatch(result.stdout, /equal/);
  });
}

for (const args of [['check'], []]) {
  test(`rump ${args[0] ?? 'copy'} fails where the source is flushed before its names are read`, async (t) => {
    await from!.pipeline(numbered());
    // Of the handshake, which has been told by then how many keys there are.
    const proxy = await replyProxy(t, source!.port, async ([name]) => {
      if (name === 'SCAN') await from!.send('FLUSHALL');
      return undefined;
    });
    const result = await runRump([...args, '--from', proxy.url, '--to', target!.url]);
    assertFailed(result, {
      error: /^rump: Keys were lost while they were read: .* held 1,000 when it began, 0 were seen/,
    });
    assert.doesNotMatch(result.stdout, /equal|done/i);
  });
}

test('rump check does not say of nothing that both sides are equal', async (t) => {
  const others = Array.from({ length: 2 * KEYS }, (_, i) => ['SET', `other:${i}`, i]);
  for (const client of [from!, to!]) await client.pipeline([...numbered(), ...others]);
  const names = numbered().map(([, name]) => name!);
  const proxy = await replyProxy(t, source!.port, async ([name, ...rest]) => {
    if (name === 'SCAN' && rest.includes('key:*'))
      for (const client of [from!, to!]) await client.send('DEL', ...names);
    return undefined;
  });
  const result = await runRump([
    'check',
    '--from',
    proxy.url,
    '--to',
    target!.url,
    '--match',
    'key:*',
    '--count',
    '5000',
  ]);
  assertFailed(result, { error: /nothing was compared: 1,000 keys went from both sides meanwhile/ });
  assert.doesNotMatch(result.stderr + result.stdout, /are equal/);
});

test('rump check counts what was deleted on both sides meanwhile apart from what has expired', async () => {
  const at = Date.now() + 2500;
  await from!.pipeline([...numbered(), ['SET', 'short', 1, 'PXAT', at], ['SET', 'one', 1], ['SET', 'two', 2]]);
  await to!.pipeline([...numbered(), ['SET', 'short', 2, 'PXAT', at], ['SET', 'two', 1], ['SET', 'three', 1]]);
  const running = startRump([
    'check',
    '--from',
    source!.url,
    '--to',
    target!.url,
    '--recheck-interval',
    '3s',
    '--recheck',
    '1',
  ]);
  while (!running.stderr.includes('(1 of 1)')) {
    assert.equal(running.child.exitCode, null, running.stderr);
    await sleep(5);
  }
  for (const client of [from!, to!]) await client.send('DEL', 'one', 'two', 'three');
  const result = await running.done;
  assertEqual(result, KEYS);
  assert.match(result.stderr, /, 0 only at the target, 1 expired meanwhile, 3 gone meanwhile, in /);
});

test('rump check counts what has expired in a file once, however often the file is read', async () => {
  const at = Date.now() + 500;
  await from!.pipeline([
    ...[1, 2, 3].map((i) => ['SET', `short:${i}`, i, 'PXAT', at]),
    ['SET', 'one', 1],
    ['SET', 'two', 2],
    // In the same turn: nothing has expired before.
    ['SAVE'],
  ]);
  const [snapshot, stream] = ['dump.rdb', 'dump.resp'].map((name) => join(source!.dir, name)) as [string, string];
  assertDone(await runRump(['--from', snapshot, '--to', stream]));
  await to!.send('SET', 'one', 1);
  while (Date.now() <= at) await sleep(at + 1 - Date.now());
  const asked = ['--recheck', '2', '--recheck-interval', '10ms'];
  for (const ends of [
    ['--from', snapshot, '--to', target!.url],
    ['--from', target!.url, '--to', snapshot],
  ]) {
    const result = await runCheck([...ends, ...asked]);
    assert.equal(result.code, 3, result.stderr);
    assert.match(result.stderr, /^rump: 1 equal, .*, 3 expired meanwhile, in /m);
  }
  // The one leaves them out, and the other has them still.
  assertEqual(await runCheck(['--from', snapshot, '--to', stream]), 2);
});
