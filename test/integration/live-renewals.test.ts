// Keys that live shorter than the copy takes, and are renewed all the time: none of them vanishes at the target.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FEEDS, Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { RenewingWriter } from '../support/live/writers.ts';
import { startPair } from '../support/server-pair.ts';
import { variants } from '../support/tier.ts';

const FILLING = 9000;
/** The copy takes 3 s, and a key lives for 2.5 s. */
const PACE = ['--tpslimit', '3000'];
const LOOK_MS = 20;

for (const feed of variants(...FEEDS)) {
  test(`No key vanishes that is renewed while it is copied and followed by ${feed}`, async (t) => {
    const { source, from, to, endpoints } = await startPair(t);
    await from.pipeline(Array.from({ length: FILLING }, (_, i) => ['SET', `key:${i}`, i]));
    const side = serverSide(() => source, [0]);
    const router = side.router();
    t.after(() => router.close());
    const writer = new RenewingWriter(router).start();
    const names = Array.from({ length: RenewingWriter.keys }, (_, i) => `renewed:${i}`);
    while (Number(await from.send('EXISTS', ...names)) < names.length) await sleep(LOOK_MS);

    const run = new Following(t, { endpoints, feed, source: side, args: PACE }).start();
    const began = performance.now();
    const seen = new Set<string>();
    const vanished = new Set<string>();
    for (let isInSync = false, end = Infinity; performance.now() < end; await sleep(LOOK_MS)) {
      const found = await to.pipeline(names.map((name) => ['EXISTS', name]));
      for (const [index, name] of names.entries()) {
        if (found[index] === 1) seen.add(name);
        else if (seen.has(name)) vanished.add(name);
      }
      if (!isInSync && PHASE.inSync.test(run.running.stderr)) [isInSync, end] = [true, performance.now() + 500];
      assert.equal(run.running.child.exitCode, null, run.running.stderr);
    }
    assert.ok(performance.now() - began > RenewingWriter.ttl, 'The copy was over before a key could end');
    await writer.stop();
    await from.pipeline(names.map((name) => ['PEXPIRE', name, 600_000]));
    run.cutOver();
    assert.equal((await run.done()).code, 0, run.stderr);
    assert.deepEqual([...vanished], []);
    assert.equal(await to.send('EXISTS', ...names), names.length);
  });
}
