// Values that are on the target, while the reply that says so was lost: they are not another one's, and not written twice.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { TestClient } from '../support/client.ts';
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
