// A check of data that moves: writes settle, keys expire, SCAN gives keys twice, connections are lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { AT_ONCE, assertDifferent, assertEqual, differencesIn, runCheck } from '../support/check.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { runRump, startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longOnly, longTest, variants } from '../support/tier.ts';
import type { Usage } from '../bench/copy-process.ts';

/** With what comes and goes meanwhile it is more than a table of 32,768 takes. */
const MANY = 20_000;
/** Enough for a connection to be cut in their middle. */
const SOME = 8000;
const HOOK = new URL('../bench/usage-hook.js', import.meta.url).href;
/** 64 MiB of budget that small values never use, Node itself, and what it is slow to give back. */
const MOST_MIB = 150;
/** With the queue of keys to be read again full: 140 MiB were measured for 60,000 such keys, 168 for 240,000. */
const MOST_QUEUED_MIB = 220;

function numbered(count: number, value = ''): (string | number)[][] {
  return Array.from({ length: count }, (_, i) => ['SET', `key:${i}`, `${value}${i}`]);
}

test('rump check waits for a target that is a step behind, and finds both sides equal', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline(numbered(1000));
  await to.pipeline(numbered(1000));
  await from.pipeline([
    ['SET', 'late', 1],
    ['SET', 'key:1', 'new'],
    ['DEL', 'key:2'],
  ]);
  const running = startRump(['check', ...endpoints, '--recheck', '5', '--recheck-interval', '300ms']);
  while (!running.stderr.includes('(1 of 5)')) {
    assert.equal(running.child.exitCode, null, running.stderr);
    await sleep(5);
  }
  assert.match(running.stderr, /^rump: 3 keys differ as yet; looking again in 0\.3 s \(1 of 5\)$/m);
  await to.pipeline([
    ['SET', 'late', 1],
    ['SET', 'key:1', 'new'],
    ['DEL', 'key:2'],
  ]);
  assertEqual(await running.done);
});

test('rump check of a source under constant writes that then stop finds what is true in the end', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline(numbered(SOME));
  await to.pipeline(numbered(SOME));
  let writes = 0;
  const end = new AbortController();
  const writing = (async () => {
    while (!end.signal.aborted) {
      const batch = Array.from({ length: 200 }, () => ['SET', `key:${writes++ % SOME}`, `w${writes}`]);
      await from.pipeline(batch);
      // What follows the source is a little behind.
      await sleep(2);
      await to.pipeline(batch);
    }
  })();
  const running = startRump(['check', ...endpoints, '--recheck-interval', '500ms']);
  while (!running.stderr.includes('1 of 3') && running.child.exitCode === null) await sleep(5);
  end.abort();
  await writing;
  assertEqual(await running.done, SOME);
});

test('Keys that expire meanwhile are no difference', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const at = Date.now() + 3000;
  const keys = Array.from({ length: 500 }, (_, i) => i);
  await from.pipeline(keys.map((i) => ['SET', `short:${i}`, i, 'PXAT', at]));
  await from.pipeline([
    ['SET', 'stays', 1],
    ['SET', 'untold', 1, 'PXAT', at],
  ]);
  // The target's copies have gone already, or have another expiry, or other values.
  await to.pipeline(keys.slice(100, 200).map((i) => ['SET', `short:${i}`, 'other', 'PXAT', at]));
  await to.pipeline(keys.slice(200).map((i) => ['SET', `short:${i}`, i, 'PXAT', at]));
  await to.pipeline([
    ['SET', 'stays', 1],
    ['SET', 'theirs', 1, 'PXAT', at],
  ]);
  const result = await runCheck([...endpoints, '--recheck', '3', '--recheck-interval', '1200ms']);
  assertEqual(result);
  assert.match(result.stderr, /[1-9]\d* expired meanwhile/);
});

longTest('A difference is found in a large keyspace while SCAN gives keys twice, and nothing else is', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline(numbered(MANY));
  await to.pipeline(numbered(MANY));
  await to.pipeline([
    ['SET', 'key:77', 'x'],
    ['SET', 'more', 1],
  ]);
  const running = startRump(['check', ...endpoints, '--recheck-interval', '200ms', '--count', '100']);
  // The tables shrink and grow under the scan.
  for (let i = 0; running.child.exitCode === null && !running.stderr.includes('of 3'); i++) {
    const churn = Array.from({ length: 15_000 }, (_, k) => `churn:${i}:${k}`);
    for (const side of [from, to]) await side.pipeline(churn.map((key) => ['SET', key, 1]));
    for (const side of [from, to]) await side.pipeline(churn.map((key) => ['UNLINK', key]));
  }
  const result = await running.done;
  assertDifferent(result, ['* key:77\tvalue', '- more']);
});

for (const side of variants<'source' | 'target'>('source', 'target')) {
  test(`rump check goes on where the connection to the ${side} is cut`, async (t) => {
    const pair = await startPair(t);
    for (const client of [pair.from, pair.to]) await client.pipeline(numbered(SOME));
    await pair.to.send('SET', 'key:5', 'x');
    const proxy = await startProxy({ port: pair[side].port });
    t.after(() => proxy.close());
    const endpoints = pair.endpoints.map((word) => (word === pair[side].url ? proxy.url : word));
    const running = startRump(['check', ...endpoints, '--retry-max', '50ms', '--recheck-interval', '10ms']);
    let cuts = 0;
    const timer = setInterval(() => {
      if (proxy.bytesDown < 100_000 * (cuts + 1) || cuts === 3) return;
      cuts += 1;
      proxy.cut();
    }, 5);
    const result = await running.done.finally(() => clearInterval(timer));
    assert.ok(cuts > 0, 'Nothing was cut');
    assertDifferent(result, ['* key:5\tvalue']);
    assert.match(result.stderr, new RegExp(`lost the ${side} `));
    assert.match(result.stderr, /^rump: 7,999 equal, 1 differ,.* reconnects?, /m);
  });
}

test('rump check ends where a side is lost for good, and does not say that it is equal', async (t) => {
  const { target, from, to, endpoints } = await startPair(t);
  for (const client of [from, to]) await client.pipeline(numbered(MANY));
  const running = startRump(['check', ...endpoints, '--progress', 'dots', '--retries', '1', '--retry-max', '20ms']);
  while (!running.stdout.includes('.')) await sleep(2);
  await target.kill();
  const result = await running.done;
  assertFailed(result, { code: 75, error: /^rump: Cannot connect to 127\.0\.0\.1:\d+/ });
  assert.doesNotMatch(result.stdout, /equal/);
});

longTest('What differs beyond the budget of names is told as it stands, and the memory has its bound', async (t) => {
  const { source, from, endpoints } = await startPair(t);
  const names = 30_000;
  await from.pipeline(
    Array.from({ length: names }, (_, i) => ['SET', `${String(i).padStart(6, '0')}${'n'.repeat(300)}`, 1]),
  );
  const usageFile = join(source.dir, 'usage');
  const result = await runCheck([...endpoints, '--recheck', '1', '--recheck-interval', '1ms'], {
    env: { NODE_OPTIONS: `--import=${HOOK}`, BENCH_USAGE_FILE: usageFile },
  });
  assert.equal(result.code, 3, result.stderr);
  assert.match(result.stderr, /^rump: warning: more keys differ than can be kept in mind/m);
  const lines = differencesIn(result.stdout);
  assert.equal(lines.length, names);
  assert.equal(new Set(lines).size, names);
  const { peakRss } = JSON.parse(readFileSync(usageFile, 'utf8')) as Usage;
  assert.ok(peakRss < MOST_QUEUED_MIB * 2 ** 20, `peak RSS ${Math.round(peakRss / 2 ** 20)} MiB`);
});

longOnly(() => {
  test('rump check of many keys stays within its bound', async (t) => {
    const { source, from, to, endpoints } = await startPair(t);
    for (const client of [from, to]) await client.pipeline(numbered(150_000, 'x'.repeat(70)));
    const usageFile = join(source.dir, 'usage');
    const result = await runCheck(endpoints, {
      env: { NODE_OPTIONS: `--import=${HOOK}`, BENCH_USAGE_FILE: usageFile },
    });
    assertEqual(result, 150_000);
    const { peakRss } = JSON.parse(readFileSync(usageFile, 'utf8')) as Usage;
    assert.ok(peakRss < MOST_MIB * 2 ** 20, `peak RSS ${Math.round(peakRss / 2 ** 20)} MiB`);
  });
});

test('rump check --recheck 0 tells what differs at once', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.send('SET', 'key', 1);
  const result = await runCheck([...endpoints, ...AT_ONCE]);
  assertDifferent(result, ['+ key']);
  assert.doesNotMatch(result.stderr, /looking again/);
  assertDone(await runRump(endpoints));
  assertEqual(await runCheck([...endpoints, ...AT_ONCE]), 1);
});
