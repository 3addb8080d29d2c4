// What breaks while a copy runs and is not retried: it ends soon with exit code 75 and names the side, or it waits and ends
// rightly.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertSameData } from '../support/keyspace.ts';
import { holdMidRun, MID_RUN_KEYS, type MidRun } from '../support/mid-run.ts';
import { assertDone, assertFailed, assertPlainWords, linesOf } from '../support/outcome.ts';
import { variants } from '../support/tier.ts';

const SIDES = ['source', 'target'] as const;
/** A failure is final. */
const ONCE = ['--retries', '0'];
const OTHER = { source: 'target', target: 'source' } as const;
/** The target's turn comes in the long tier: longer than a connection is allowed to be silent by many a proxy and many a client. */
const STALL_MS = { source: 2000, target: 10_000 } as const;

describe('A copy whose connection fails', { concurrency: 2 }, () => {
  for (const side of variants(...SIDES)) {
    test(`rump fails when the ${side} is killed`, async (t) => {
      const run = await holdMidRun(t, { held: OTHER[side], args: ONCE });
      await run[side].kill();
      await assertFailsSoon(run, `(Lost the connection to|Cannot connect to) ${run.where[side]}`);
    });

    test(`rump fails when the connection to the ${side} is reset`, async (t) => {
      const run = await holdMidRun(t, { held: side, args: ONCE });
      run.proxy.reset();
      await assertFailsSoon(run, `Lost the connection to ${run.where[side]}`);
    });

    test(`rump fails when the connection to the ${side} is closed`, async (t) => {
      const run = await holdMidRun(t, { held: side, args: ONCE });
      run.proxy.cut();
      await assertFailsSoon(run, `Lost the connection to ${run.where[side]}`);
    });

    test(`rump --timeout bounds the wait when the ${side} stalls`, async (t) => {
      const run = await holdMidRun(t, { held: OTHER[side], args: [...ONCE, '--timeout', '2s'] });
      run[side].pause();
      run.proxy.unstall();
      const started = performance.now();
      const result = await run.running.done;
      const waited = performance.now() - started;
      assertFailed(result, { code: 75, error: new RegExp(`^rump: Gave up on ${run.where[side]}: for 2 s `) });
      assert.ok(waited > 1900 && waited < 10_000, `It took ${waited} ms`);
    });
  }

  test('rump fails when the target runs out of memory', async (t) => {
    const run = await holdMidRun(t, { held: 'source', args: ONCE, target: { args: ['--maxmemory', '14mb'] } });
    await assertFailsSoon(run, `Cannot write to ${run.where.target}: OOM .*\\(raise its maxmemory, `);
    const copied = (await run.to.send('DBSIZE')) as number;
    assert.ok(copied > 100 && copied < MID_RUN_KEYS, `${copied} keys`);
    // A key behind the one that had no room may have had it again: its reply comes too late to be counted.
    const [, keys] = /^rump: ([\d,]+) keys/m.exec((await run.running.done).stderr) ?? [];
    const counted = Number(keys?.replace(',', ''));
    assert.ok(counted > 0 && counted <= copied, `The summary counts ${counted} keys, and the target has ${copied}`);
  });

  test('rump fails when the target becomes a replica', async (t) => {
    const run = await holdMidRun(t, { held: 'source', args: ONCE });
    await run.to.send('REPLICAOF', '127.0.0.1', 1);
    await assertFailsSoon(run, `Cannot write to ${run.where.target}: READONLY `);
  });
});

describe('A copy that has to wait', { concurrency: 4 }, () => {
  for (const side of variants(...SIDES)) {
    test(`rump goes on when the ${side} comes back after ${STALL_MS[side] / 1000} s`, async (t) => {
      const run = await holdMidRun(t, { held: OTHER[side] });
      run[side].pause();
      run.proxy.unstall();
      await sleep(STALL_MS[side]);
      assert.equal(run.running.child.exitCode, null, run.running.stderr);
      run[side].resume();
      await assertCompleted(run);
    });

    test(`rump goes on when the line to the ${side} is back after ${STALL_MS[side] / 1000} s`, async (t) => {
      const run = await holdMidRun(t, { held: side });
      await sleep(STALL_MS[side]);
      assert.equal(run.running.child.exitCode, null, run.running.stderr);
      run.proxy.unstall();
      await assertCompleted(run);
    });
  }
});

async function assertFailsSoon(run: MidRun, error: string): Promise<void> {
  const started = performance.now();
  run.proxy.unstall();
  const result = await run.running.done;
  assert.ok(performance.now() - started < 8000, `It took ${performance.now() - started} ms`);
  assertFailed(result, { code: 75, error: new RegExp(`^rump: ${error}`) });
  assertPlainWords(result);
  const summaries = linesOf(result.stderr).filter((line) => /^rump: [\d,]+ keys, /.test(line));
  // Where the line is lost before a key is acknowledged, there is nothing to sum up.
  assert.ok(summaries.length <= 1, result.stderr);
}

async function assertCompleted(run: MidRun): Promise<void> {
  assertDone(await run.running.done);
  await assertSameData(run.from, run.to);
}
