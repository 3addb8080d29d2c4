// rump inspect ENDPOINT where the source breaks, changes, or is left: what is counted is right, or said to be a part.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bulk, command } from '../support/frames.ts';
import { assertFailed } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { fileOf, restores } from '../support/resp-file.ts';
import { type RumpResult, runInspect, startRump } from '../support/rump.ts';
import { startOne } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import * as build from '../src/rdb/payload-builder.ts';

interface Figures {
  readonly complete: boolean;
  readonly keys: number;
  readonly expiring: number;
  readonly prefixes: readonly { readonly keys: number }[];
}

test('rump inspect fails without a table where it was not read to its end', async (t) => {
  const [server, client] = await startOne(t);
  await client.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `key:${i}`, 'v'.repeat(500)]));
  const proxy = await startProxy({ port: server.port });
  t.after(() => proxy.close());
  proxy.cutAfter(200_000, 'down');
  const lost = await runInspect(proxy.url, '--retries', '0');
  assertFailed(lost, { code: 75, error: /^rump: Lost .*127\.0\.0\.1:\d+/ });
  assert.equal(lost.stdout, '');
  const unsteady = await replaced(t, server, Infinity);
  assertFailed(unsteady, {
    code: 75,
    error: /^rump: Gave up on the source: it was replaced, .* 5 times while it was/m,
  });
  assert.equal(unsteady.stdout, '');
  const frames = restores(5);
  const cut = await runInspect(fileOf(t, frames.subarray(0, frames.length - 3)));
  assertFailed(cut, { error: /^rump: Cannot read / });
  assert.equal(cut.stdout, '');
  const damaged = Buffer.concat([
    command('RESTORE', 'key', 0, build.payload(10, 0, build.string('v'))),
    Buffer.from('x\r\n'),
  ]);
  const nonsense = await runInspect(fileOf(t, damaged), '--json');
  assert.equal(nonsense.code, 1);
  assert.doesNotMatch(nonsense.stdout, /"complete"/);
});

/** What is printed where another process answers, so many times, from the third page on. */
async function replaced(t: TestContext, { port }: TestServer, times: number): Promise<RumpResult> {
  let [runId, pages, left] = ['', 0, times];
  const { url } = await replyProxy(t, port, ([name, cursor], reply, client) => {
    if (name === 'INFO' && runId !== '') return bulk(String(reply).replace(/run_id:\w+/, `run_id:${runId}`));
    if (name === 'SCAN') pages = cursor === '0' ? 1 : pages + 1;
    if (pages < 3 || left === 0) return undefined;
    [runId, pages, left] = [randomBytes(20).toString('hex'), 0, left - 1];
    client.destroy();
    return undefined;
  });
  return runInspect(url, '--json', '--count', '500', '--retry-max', '50ms');
}

test('rump inspect counts no key twice where the source is replaced while it is read', async (t) => {
  const [server, client] = await startOne(t);
  await client.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `key:${i}`, 'value', 'EX', 1000]));
  const { code, stdout, stderr } = await replaced(t, server, 2);
  const { complete, keys, expiring, prefixes } = JSON.parse(stdout) as Figures;
  assert.deepEqual([code, complete, keys, expiring, prefixes[0]?.keys], [0, true, 5000, 5000, 5000], stderr);
  assert.match(stderr, /warning: 127\.0\.0\.1:\d+ was replaced, .*: it is scanned once more/);
});

test('rump inspect that is interrupted prints what it has counted, and says that it is a part', async (t) => {
  const [server, client] = await startOne(t);
  await client.pipeline(Array.from({ length: 5000 }, (_, i) => ['SET', `key:${i}`, 'v'.repeat(500)]));
  const proxy = await startProxy({ port: server.port });
  t.after(() => proxy.close());
  proxy.hold('key:4321', 'down');
  const running = startRump(['inspect', proxy.url, '--progress', 'none', '--count', '10']);
  while (proxy.met === 0) await sleep(5);
  running.child.kill('SIGINT');
  const { code, stdout, stderr } = await running.done;
  assert.equal(code, 130, stderr);
  assert.match(stdout, /^This is a part: not everything was read\.\n/);
  assert.match(stderr, /^rump: Stopped by Ctrl-C before everything was counted$/m);
});
