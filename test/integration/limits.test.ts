// Limits of speed: by the target's own clock never more than was allowed; and no pause holds up an interrupt.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply, TestClient } from '../support/client.ts';
import { holdMidRun, underWay } from '../support/mid-run.ts';
import { assertDone, assertFailed } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { startRump, runRump, type RunningRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { variants } from '../support/tier.ts';

const POLL_MS = 20;
/** What a pause may save up: a twentieth of a second. */
const BURST_S = 0.05;
/** So many times longer than it has to a run may take on a machine that is busy. */
const PATIENCE = 4;
/** Far above what an interrupt takes, and far below what it cuts short. */
const PROMPT_MS = 10_000;

/** The keys that were there at some moment from `after` to `before`, in seconds. */
async function look(client: TestClient): Promise<{ keys: number; after: number; before: number }> {
  const [after, keys, before] = await client.pipeline([['TIME'], ['DBSIZE'], ['TIME']]);
  return { keys: keys as number, after: secondsOf(after!), before: secondsOf(before!) };
}

function secondsOf(time: Reply): number {
  const [seconds, micros] = time as Buffer[];
  return Number(seconds) + Number(micros) / 1e6;
}

for (const { args, perSecond, keys, bytes } of [
  { args: ['--tpslimit', '300'], perSecond: 300, keys: 450, bytes: 10 },
  { args: ['--bwlimit', '200k'], perSecond: 20, keys: 30, bytes: 10_240 },
  { args: ['--tpslimit', '10000', '--bwlimit', '400k'], perSecond: 40, keys: 60, bytes: 10_240 },
] as const) {
  test(`rump ${args.join(' ')} writes no more than that, and not much less`, async (t) => {
    const { from, to, endpoints } = await startPair(t, { source: { args: ['--rdbcompression', 'no'] } });
    await from.pipeline(Array.from({ length: keys }, (_, i) => ['SET', `key:${i}`, Buffer.alloc(bytes, 'x')]));
    // Nothing was sent before that, however late the first key comes.
    const { after: begin } = await look(to);
    const running = runRump([...endpoints, ...args]);
    let seen = await look(to);
    for (; seen.keys < keys; seen = await look(to)) {
      const most = perSecond * (seen.before - begin + BURST_S) + 1;
      assert.ok(seen.keys <= most, `${seen.keys} keys after ${seen.before - begin} s, and no more than ${most} may be`);
      await sleep(POLL_MS);
    }
    const took = seen.before - begin;
    assertDone(await running);
    assert.ok(took < (keys / perSecond) * PATIENCE, `It took ${took} s`);
  });
}

test('rump --tpslimit holds for a file as well', async (t) => {
  const { source, from } = await startPair(t);
  await from.pipeline(Array.from({ length: 300 }, (_, i) => ['SET', `key:${i}`, i]));
  const result = await runRump(['--from', source.url, '--to', join(folderOf(t), 'f.resp'), '--tpslimit', '200']);
  assertDone(result);
  assert.ok(result.elapsed > (300 / 200 - BURST_S) * 1000, `It took ${result.elapsed} ms`);
});

for (const args of [
  ['--tpslimit', '1'],
  ['--bwlimit', '1'],
]) {
  test(`rump ${args.join(' ')} stops soon on Ctrl-C`, async (t) => {
    const { from, to, endpoints } = await startPair(t);
    await from.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `key:${i}`, Buffer.alloc(1000, 'x')]));
    const running = startRump([...endpoints, ...args]);
    while ((await to.send('DBSIZE')) === 0) await sleep(POLL_MS);
    await assertStopsSoon(running);
    assert.ok(((await to.send('DBSIZE')) as number) < 100);
  });
}

for (const held of variants<'source' | 'target'>('source', 'target')) {
  test(`rump stops soon on Ctrl-C in the pause before it connects to the ${held} again`, async (t) => {
    const { running, proxy } = await holdMidRun(t, { held, args: ['--json'] });
    proxy.refuse();
    proxy.cut();
    // The pauses double: by then they last a second.
    await underWay(running, () => /"reconnect".*"attempt":5\b/.test(running.stdout));
    await assertStopsSoon(running);
    assert.doesNotMatch(running.stdout, /"attempt":7\b/);
  });
}

async function assertStopsSoon(running: RunningRump): Promise<void> {
  const start = performance.now();
  running.child.kill('SIGINT');
  const result = await running.done;
  const took = performance.now() - start;
  assert.equal(result.code, 130, result.stderr);
  assertFailed({ ...result }, { code: 130, error: /^rump: Stopped by Ctrl-C/ });
  assert.ok(took < PROMPT_MS, `It took ${took} ms`);
}
