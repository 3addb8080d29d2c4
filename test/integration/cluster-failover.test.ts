// A primary that fails or hands over during a copy: no key is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillChanging, hurry, startSlowCopy } from '../support/changing-cluster.ts';
import { refusalsOf } from '../support/command-stats.ts';
import { startControlled } from '../support/controlled.ts';
import { assertDone } from '../support/outcome.ts';
import { AFTER_MOVES, startCluster } from '../support/redis-cluster.ts';
import { startServer } from '../support/redis-server.ts';
import { DEFAULT, present } from '../support/server-versions.ts';
import { assertSame } from '../support/snapshot.ts';
import { longTest, variants } from '../support/tier.ts';

const SIDES = ['source', 'target'] as const;
const CASES = [DEFAULT, ...present(['valkey-8.1'])].flatMap((server) => SIDES.map((side) => ({ ...server, side })));

for (const { name, binary, side } of variants(...CASES)) {
  test(`A primary of the ${side} fails during a copy, and no key is lost (${name})`, async (t) => {
    const [source, target] = await Promise.all([
      startCluster(t, { binary, replicas: side === 'source' ? 1 : 0 }),
      startCluster(t, { binary, replicas: side === 'target' ? 1 : 0 }),
    ]);
    await fillChanging(source);
    // What a replica does not have yet is lost with its primary, whoever copies.
    if (side === 'source') await Promise.all(source.clients.slice(0, 3).map((client) => client.send('WAIT', 1, 5000)));
    const before = await source.contents();
    const run = await startSlowCopy(t, source, target);
    await { source, target }[side].failOver(1);
    await hurry(run);
    const result = await run.running.done;
    assertDone(result);
    assert.match(result.stderr, /, [1-9]\d* reconnects?$/m, 'Nothing was felt of the failover');
    assertSame(await target.contents(), before, AFTER_MOVES);
  });
}

const KEYS = 20_000;
/** RESTOREs: 1,024, and far more where the line seems long, as the machine is busy. */
const MOST_ON_THE_WAY = KEYS * 0.75;

longTest(
  'A primary of the target that hands over refuses what was on the way to it, and is sent nothing more',
  async (t) => {
    const [source, target] = await Promise.all([startServer(), startCluster(t, { primaries: 1, replicas: 1 })]);
    t.after(() => source.stop());
    const [client, [first, second]] = [await source.client(), target.clients];
    await client.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value ${i}`]));
    const ends = ['--from', source.url, '--to', target.url];
    const { running, tell } = await startControlled(t, [...ends, '--tpslimit', '2000']);
    await target.until('keys arrive', async () => ((await first!.send('DBSIZE')) as number) > KEYS / 20);
    await target.takeOver(1);
    await tell('tpslimit', '0');
    const result = await running.done;
    assertDone(result);
    // What it has acknowledged may never have reached the other one.
    assert.match(result.stderr, /replaced, restarted or emptied; what it may have lost is copied once more/);
    assert.equal(await second!.send('DBSIZE'), KEYS);
    const refused = await refusalsOf(first!, 'restore');
    assert.ok(refused > 0 && refused <= MOST_ON_THE_WAY, `${refused} refused RESTOREs`);
  },
);
