// Ctrl-C and its like: the copy stops, says what it did, and never that it is done.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertSameData } from '../support/keyspace.ts';
import { holdMidRun, MID_RUN_KEYS, underWay } from '../support/mid-run.ts';
import { assertFailed, assertPlainWords } from '../support/outcome.ts';
import { processOf, spawnRump, type RunningRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { longTest, variants } from '../support/tier.ts';

const SIGNALS = [
  ['SIGINT', 130, 'Ctrl-C'],
  ['SIGTERM', 143, 'SIGTERM'],
  ['SIGHUP', 129, 'SIGHUP'],
] as const;

for (const [index, [signal, code, words]] of SIGNALS.entries()) {
  const sides = ['source', 'target'] as const;
  // The sides take turns in the quick tier.
  for (const held of variants(...(index % 2 === 0 ? sides : sides.toReversed()))) {
    test(`rump stops on ${signal} with exit code ${code} while it waits for the ${held}`, async (t) => {
      const { running, proxy, to } = await holdMidRun(t, { held, start: spawnRump });
      running.child.kill(signal);
      await said(running, /interrupted by/);
      proxy.unstall();
      const result = await running.done;
      assertFailed(result, { code, error: new RegExp(`^rump: interrupted by ${words}; stopping`) });
      assertFailed(result, { code, error: new RegExp(`^rump: Stopped by ${words}`) });
      assertPlainWords(result);
      const [, keys] = /^rump: ([\d,]+) keys, /m.exec(result.stderr) ?? [];
      const there = (await to.send('DBSIZE')) as number;
      assert.equal(Number(keys?.replace(',', '')), there, 'The summary counts other keys than the target has');
      assert.ok(there < MID_RUN_KEYS);
    });
  }
}

test('rump stops at once on a second SIGINT, although the target stalls', async (t) => {
  const { running } = await holdMidRun(t, { held: 'target', start: spawnRump });
  running.child.kill('SIGINT');
  await said(running, /interrupted by/);
  await sleep(300);
  assert.equal(running.child.exitCode, null, 'It did not wait for the target after the first');
  const second = performance.now();
  running.child.kill('SIGINT');
  const result = await running.done;
  // It would wait five seconds for replies.
  assert.ok(performance.now() - second < 4000, `It took ${performance.now() - second} ms`);
  assert.equal(result.code, 130);
  assert.equal(result.stdout.includes('Sync done'), false);
  assertPlainWords(result);
});

longTest('rump ends soon after one SIGINT, although the target stalls for good', async (t) => {
  const { running } = await holdMidRun(t, { held: 'target', start: spawnRump });
  const first = performance.now();
  running.child.kill('SIGINT');
  const result = await running.done;
  assert.ok(performance.now() - first < 30_000, `It took ${performance.now() - first} ms`);
  assertFailed(result, { code: 130, error: /^rump: Stopped by Ctrl-C/ });
});

test('rump stops on SIGINT before the servers have answered', async (t) => {
  const { source, target } = await startPair(t);
  source.pause();
  const proxy = await startProxy({ port: source.port });
  t.after(() => proxy.close());
  const running = spawnRump(['--from', proxy.url, '--to', target.url]);
  // By then it heeds signals.
  await underWay(running, () => proxy.bytesUp > 0);
  running.child.kill('SIGINT');
  const result = await running.done;
  assertFailed(result, { code: 130, error: /^rump: Stopped by Ctrl-C/ });
  assert.ok(result.elapsed < 30_000, `It took ${result.elapsed} ms`);
});

test('rump copies on, without a complaint, when nobody reads its stdout any more', async (t) => {
  const { running, proxy, from, to } = await holdMidRun(t, { held: 'target', start: spawnRump });
  processOf(running).stdout!.destroy();
  proxy.unstall();
  const result = await running.done;
  assert.equal(result.code, 0, result.stderr);
  assertPlainWords(result);
  await assertSameData(from, to);
});

async function said(running: RunningRump, words: RegExp): Promise<void> {
  await underWay(running, () => words.test(running.stderr));
}
