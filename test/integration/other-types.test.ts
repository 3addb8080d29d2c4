// Keys that become ones of another type between the questions that a copy of one type asks about them.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { TestClient } from '../support/client.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { startMemoryServer } from '../support/memory-server/memory-server.ts';
import { assertDone } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;

before(async () => {
  [source, target] = await Promise.all([borrow(), borrow()]);
  [from, to] = await Promise.all([source.client(), target.client()]);
});
after(() => Promise.all([source, target].map(giveBack)));
beforeEach(async () => {
  await Promise.all([from.send('FLUSHALL'), to.send('FLUSHALL')]);
  await from.pipeline(hashes());
});

interface How {
  readonly args?: readonly string[];
  readonly port?: number;
}

function hashes(): string[][] {
  return ['kept', 'other'].map((name) => ['HSET', name, 'field', 'x'.repeat(5000)]);
}

function changed(): string[][] {
  return [
    ['DEL', 'other'],
    ['RPUSH', 'other', 'y'.repeat(5000)],
  ];
}

/** Copies the hashes of a server, one of which is a list behind the answer to this command. */
async function copyHashes(t: TestContext, command: string, { args = [], port = source.port }: How = {}): Promise<void> {
  const client = await TestClient.connect({ port });
  t.after(() => client.close());
  let changes = 0;
  const proxy = await replyProxy(t, port, async ([name, key]) => {
    const isIt = name === command && (command === 'SCAN' || key === 'other');
    if (isIt && changes++ === 0) await client.pipeline(changed());
    return undefined;
  });
  assertDone(await runRump(['--from', proxy.url, '--to', target.url, '--type', 'hash', ...args]));
  assert.ok(changes > 0);
  assert.deepEqual(await to.send('KEYS', '*'), [Buffer.from('kept')]);
}

test('rump --type copies no key that is of another type when its value is read', (t) => copyHashes(t, 'SCAN'));

test('rump --type copies none that is of another type when its pieces are read', (t) =>
  copyHashes(t, 'EXISTS', { args: ['--big-key', '1k'] }));

test('rump --type copies none that is of another type since TYPE was asked, where SCAN does not tell types', async (t) => {
  const old = await startMemoryServer({ version: '5.0.14' });
  t.after(() => old.stop());
  const client = await TestClient.connect(old);
  t.after(() => client.close());
  await client.pipeline(hashes());
  await copyHashes(t, 'TYPE', { port: old.port });
});
