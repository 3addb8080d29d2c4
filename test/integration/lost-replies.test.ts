// Values that are on the target, while the reply that says so was lost: they are not another one's, and not written twice.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { array, bulk } from '../support/frames.ts';
import { assertDone } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { replyProxy, type ReplyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';

const QUICKLY = ['--retry-max', '20ms'];
const MEMBERS = Array.from({ length: 3000 }, (_, i) => `member:${i}`);

let [source, target]: TestServer[] = [];
let [from, to]: TestClient[] = [];

before(async () => {
  [source, target] = await Promise.all([startServer(), startServer()]);
  [from, to] = [await source.client(), await target.client()];
});
beforeEach(async () => {
  for (const client of [from!, to!]) await client.send('FLUSHALL');
});
after(() => Promise.all([source?.stop(), target?.stop()]));

for (const [conflict, rename] of [
  ['fail', 'RENAMENX'],
  ['skip', 'RENAMENX'],
  ['replace', 'RENAME'],
] as const) {
  test(`rump --on-conflict ${conflict} counts a value in pieces as written whose ${rename} lost its reply`, async (t) => {
    await from!.send('SADD', 'set', ...MEMBERS);
    const proxy: ReplyProxy = await replyProxy(t, target!.port, ([name], _, socket) => {
      if (name === rename && proxy.calls.get(rename) === 1) socket.destroy();
      return undefined;
    });
    const options = ['--on-conflict', conflict, '--big-key', '1k', ...QUICKLY];
    const result = await runRump(['--from', source!.url, '--to', proxy.url, ...options]);
    assertDone(result);
    assert.match(result.stderr, /^rump: 1 key, .* 0 skipped, /m);
    assert.equal(proxy.calls.get(rename), 1);
    assert.equal(await to!.send('SCARD', 'set'), MEMBERS.length);
    assert.equal(await to!.send('DBSIZE'), 1);
  });
}

test('rump --on-conflict fail leaves a key alone that the target has, also where the reply that says so was lost', async (t) => {
  await from!.send('SADD', 'set', ...MEMBERS);
  await to!.send('SET', 'set', 'of another');
  const proxy: ReplyProxy = await replyProxy(t, target!.port, ([name], _, socket) => {
    if (name === 'RENAMENX' && proxy.calls.get(name) === 1) socket.destroy();
    return undefined;
  });
  const options = ['--on-conflict', 'fail', '--big-key', '1k', ...QUICKLY];
  const result = await runRump(['--from', source!.url, '--to', proxy.url, ...options]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /^rump: key "set" in db 0: BUSYKEY /m);
  assert.equal(String(await to!.send('GET', 'set')), 'of another');
  assert.equal(await to!.send('DBSIZE'), 1);
});

for (const conflict of ['fail', 'skip'] as const) {
  test(`rump --on-conflict ${conflict} counts a large value as written whose RESTORE in one piece lost its reply`, async (t) => {
    await fillWide();
    const proxy: ReplyProxy = await replyProxy(t, target!.port, ([name, key], _, socket) => {
      if (name === 'RESTORE' && key === 'hash') restores++;
      if (name === 'RESTORE' && key === 'hash' && restores === 1) socket.destroy();
      return undefined;
    });
    let restores = 0;
    const options = ['--on-conflict', conflict, '--max-latency', '1ms', ...QUICKLY];
    const result = await runRump(['--from', source!.url, '--to', proxy.url, ...options]);
    assert.ok(restores > 0, 'Nothing was restored in one piece');
    assertDone(result);
    assert.match(result.stderr, /^rump: 1 key, .* 0 skipped, /m);
  });
}

test('rump --on-conflict fail has a large value once that SCAN gives twice', async (t) => {
  await fillWide();
  // Both names of the page are the same one.
  const proxy = await replyProxy(t, source!.port, ([name], reply) => {
    if (name !== 'SCAN' || !Array.isArray(reply) || !Array.isArray(reply[1]) || reply[1].length !== 1) return undefined;
    return array(bulk('0'), array(bulk('hash'), bulk('hash')));
  });
  const options = ['--on-conflict', 'fail', '--max-latency', '1ms'];
  const result = await runRump(['--from', proxy.url, '--to', target!.url, ...options]);
  assertDone(result);
  assert.match(result.stderr, /^rump: 1 key, .* 0 skipped, /m);
  assert.match(result.stderr, /SCAN gave 1 key twice/);
});

async function fillWide(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await from!.send('HSET', 'hash', ...Array.from({ length: 5000 }, (_, k) => [`f:${i}:${k}`, 'x'.repeat(20)]).flat());
  }
}
