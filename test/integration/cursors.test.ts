// Servers that count their SCAN cursors otherwise than they seem to, over short and long lines: no key is ever lost.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestClient, type Reply } from '../support/client.ts';
import { lend } from '../support/lent-servers.ts';
import type { CursorStyle } from '../support/memory-server/keyspace/key-table.ts';
import { startMemoryServer } from '../support/memory-server/memory-server.ts';
import { assertDone } from '../support/outcome.ts';
import { startServer } from '../support/redis-server.ts';
import { runInspect, runRump, startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';

/** Enough for several parts, and for a page to be a small part of one. */
const KEYS = 10_000;
const PAGE = KEYS / 20;
const ODD_PAGE = 777;
/** Of keys that come and go. */
const BATCH = KEYS / 10;
/** It is about cursors: the server tells no memory of a key, and each would be asked for its length. */
const UNMEASURED = ['--big-key', '1G'];
/** Each way: long enough for rump to read several parts of the keyspace at once. */
const DELAY_MS = 10;

for (const cursor of variants<CursorStyle>('reverse-binary', 'offset', 'node-high-bits', 'node-low-bits')) {
  test(`rump copies every key of a server with ${cursor} cursors, over a short line and a long one`, async (t) => {
    const source = await startMemoryServer({ cursor });
    const target = await startServer();
    t.after(() => Promise.all([source.stop(), target.stop()]));
    const from = await TestClient.connect({ port: source.port });
    t.after(() => from.close());
    await fill(from);
    const to = await target.client();
    // Offsets that are multiples of a page all lie in the first of four parts, or of eight.
    const counts = [PAGE, ODD_PAGE];
    for (const [delay, count] of [[0, PAGE], ...counts.map((count) => [DELAY_MS, count])] as [number, number][]) {
      const url = await delayed(t, source.port, delay);
      await to.send('FLUSHALL');
      assertDone(await runRump(['--from', url, '--to', target.url, '--count', String(count), ...UNMEASURED]));
      await assertEveryKey(to, `with a delay of ${delay} ms and a COUNT of ${count}`);
    }
  });
}

test('rump inspect and a dry run count each key once where what looks like parts of a keyspace proves to be none', async (t) => {
  const source = await startMemoryServer({ cursor: 'offset' });
  const from = await TestClient.connect({ port: source.port });
  t.after(() => Promise.all([from.close(), source.stop()]));
  // The bits of 520, reversed, are as large a part of all cursors as 520 keys are of so many.
  const keys = 8192;
  await from.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, 'value']));
  const url = await delayed(t, source.port, 3);
  const { code, stdout, stderr } = await runInspect(url, '--json', '--count', '520', ...UNMEASURED);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal((JSON.parse(stdout) as { keys: number }).keys, keys);
  const target = await lend(t);
  const dry = await runRump(['--from', url, '--to', target.url, '--dry-run', '--count', '520']);
  assert.match(dry.stderr, /^rump: total +8,192 /m);
});

for (const policy of ['fail', 'skip', 'replace']) {
  longTest(`rump --on-conflict ${policy} copies every key over a long line while others come and go`, async (t) => {
    const { source, target, from, to } = await startPair(t);
    await fill(from);
    const url = await delayed(t, source.port, DELAY_MS);
    const other = await source.client();
    const running = startRump(['--from', url, '--to', target.url, '--on-conflict', policy]);
    // The table of the source has to grow twice, and SCAN gives some keys more than once.
    for (let round = 0, ended = false; !ended; round += 1) {
      const batch = Array.from({ length: BATCH }, (_, i) => `other:${(round % 50) * BATCH + i}`);
      const isWriting = Math.floor(round / 50) % 2 === 0;
      await other.pipeline(batch.map((key) => (isWriting ? ['SET', key, 'other'] : ['DEL', key])));
      ended = await Promise.race([running.done.then(() => true), sleep(5, false)]);
    }
    const result = await running.done;
    assertDone(result);
    // The target was empty: whatever is there was written by this very run.
    assert.match(result.stderr, / 0 skipped, /);
    await assertEveryKey(to, 'while others came and went');
  });
}

async function delayed(t: TestContext, port: number, delay: number): Promise<string> {
  const proxy = await startProxy({ port, delay });
  t.after(() => proxy.close());
  return proxy.url;
}

async function fill(client: TestClient): Promise<void> {
  await client.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value ${i}`]));
}

async function assertEveryKey(client: TestClient, when: string): Promise<void> {
  const values = (await client.send('MGET', ...Array.from({ length: KEYS }, (_, i) => `key:${i}`))) as Reply[];
  const lost = values.flatMap((value, i) => (String(value) === `value ${i}` ? [] : [`key:${i}`]));
  assert.equal(lost.length, 0, `${lost.length} keys were lost ${when}: ${lost.slice(0, 5).join()}, …`);
}
