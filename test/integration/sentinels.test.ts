// Sentinels on both sides: primaries that they name, and failovers while the copy is under way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startControlled } from '../support/controlled.ts';
import { assertSameData } from '../support/keyspace.ts';
import { lend } from '../support/lent-servers.ts';
import { underWay } from '../support/mid-run.ts';
import { assertDone } from '../support/outcome.ts';
import type { TestServer } from '../support/redis-server.ts';
import { startReplica } from '../support/replica.ts';
import { startPair } from '../support/server-pair.ts';
import { startSentinel, untilPrimary, untilReplicaKnown } from '../support/sentinel.ts';
import { longTest } from '../support/tier.ts';

const MANY = 20_000;
/** Nothing listens there. */
const DEAD = '127.0.0.1:1';

interface Watched {
  readonly replica: TestServer;
  readonly sentinels: readonly TestServer[];
  readonly url: string;
}

longTest(
  'rump finds both primaries through sentinels of which one is dead, and follows failovers during the copy',
  async (t) => {
    const [source, target] = await Promise.all([lend(t), lend(t)]);
    const from = await source.client();
    await from.pipeline(Array.from({ length: MANY }, (_, i) => ['SET', `key:${i}`, `value ${i}`, 'EX', 100_000]));
    const [left, right] = await Promise.all([watch(source), watch(target)]);
    t.after(() =>
      Promise.all([left, right].flatMap(({ replica, sentinels }) => [replica, ...sentinels].map((one) => one.stop()))),
    );
    const ends = ['--from', left.url, '--to', right.url];
    const { running, tell } = await startControlled(t, [...ends, '--tpslimit', '2000', '--json']);
    const to = await target.client();
    let seen = 0;
    const poll = setInterval(
      () =>
        void to.send('DBSIZE').then(
          (keys) => (seen = keys as number),
          () => {},
        ),
      50,
    );
    t.after(() => clearInterval(poll));
    await underWay(running, () => seen > 1000);
    clearInterval(poll);
    await Promise.all([source.kill(), target.kill()]);
    await Promise.all([left, right].map(({ sentinels, replica }) => untilPrimary(sentinels[0]!, replica)));
    await tell('tpslimit', '0');
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    for (const side of ['source', 'target'])
      assert.match(result.stdout, new RegExp(`"event":"reconnect".*"side":"${side}"`));
    assert.match(result.stdout, /"event":"start".*"kind":"sentinel".*"kind":"sentinel"/);
    // Who becomes a primary closes the connections that it had.
    await assertSameData(await left.replica.client(), await right.replica.client());
  },
);

test('rump says so where no sentinel answers at the end who the primary of the target is', async (t) => {
  const { from, to, target, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: 500 }, (_, i) => ['SET', `key:${i}`, i]));
  const sentinel = await startSentinel({ primary: target });
  t.after(() => sentinel.stop());
  const url = `redis+sentinel://127.0.0.1:${sentinel.port}/main`;
  const { running, tell } = await startControlled(t, [...endpoints.slice(0, 3), url, '--tpslimit', '50']);
  await underWay(running, async () => ((await to.send('DBSIZE')) as number) > 0);
  await sentinel.kill();
  await tell('tpslimit', '0');
  const result = await running.done;
  assertDone(result);
  const peer = `127\\.0\\.0\\.1:${target.port}`;
  assert.match(
    result.stderr,
    new RegExp(`^rump: warning: no sentinel says whether the target ${peer} is the primary still$`, 'm'),
  );
  await assertSameData(from, to);
});

/** Three sentinels in the address: the first is dead, the second decides, the third follows. Two rivals might split the vote. */
async function watch(primary: TestServer): Promise<Watched> {
  const replica = await startReplica(primary);
  const sentinels = await Promise.all([startSentinel({ primary }), startSentinel({ primary, quorum: 3 })]);
  await Promise.all(sentinels.map((sentinel) => untilReplicaKnown(sentinel)));
  const hosts = [DEAD, ...sentinels.map(({ port }) => `127.0.0.1:${port}`)].join(',');
  return { replica, sentinels, url: `redis+sentinel://${hosts}/main` };
}
