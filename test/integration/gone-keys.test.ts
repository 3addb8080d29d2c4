// Keys that are gone by rights while a source is read, beside what may be taken for a flush: they are no loss.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply, TestClient } from '../support/client.ts';
import { error } from '../support/frames.ts';
import { assertDone } from '../support/outcome.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const KEYS = 6000;
const A_PAGE = '250';
const POLL_MS = 5;
const NAMES = Array.from({ length: KEYS }, (_, i) => `key:${i}`);

async function fill(client: TestClient): Promise<void> {
  await client.pipeline(NAMES.map((name, i) => ['SET', name, i]));
}

test('rump takes keys that expire between two questions for no loss, where the server does not tell of flushes', async (t) => {
  const { source, target, from } = await startPair(t);
  await fill(from);
  let [isWalked, hasExpired] = [false, false];
  const { url } = await replyProxy(t, source.port, async ([name, section], reply) => {
    if (section === 'commandstats') return error("NOPERM this user has no permissions to run the 'info' command");
    if (name === 'SCAN') isWalked ||= String((reply as Reply[])[0]) === '0';
    if (name !== 'INFO' || !isWalked || hasExpired) return undefined;
    hasExpired = true;
    await from.pipeline(NAMES.map((key) => ['PEXPIRE', key, 1]));
    while ((await from.send('EXISTS', ...NAMES)) !== 0) await sleep(POLL_MS);
    return undefined;
  });
  assertDone(await runRump(['--from', url, '--to', target.url]));
  assert.ok(hasExpired);
});

test('rump takes keys that are deleted meanwhile for no fault where another database is flushed at its start', async (t) => {
  const { source, target, from } = await startPair(t);
  const other = await source.client(5);
  await Promise.all([from, other].map(fill));
  let [isMet, isWalked] = [false, false];
  const { url } = await replyProxy(t, source.port, async ([name, ...args]) => {
    if (name === 'INFO' && !isMet) {
      isMet = true;
      await other.send('FLUSHDB');
    }
    // One more is of the handshake.
    if (name === 'SCAN' && args.at(-1) === A_PAGE && !isWalked) {
      isWalked = true;
      await from.send('DEL', ...NAMES.slice(0, KEYS * 0.8));
    }
    return undefined;
  });
  assertDone(await runRump(['--from', url, '--to', target.url, '--count', A_PAGE]));
  assert.ok(isWalked);
});
