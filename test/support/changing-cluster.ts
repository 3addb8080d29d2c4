// A copy between clusters that goes slowly until changes of either have fallen into it, and slots that move meanwhile.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { startControlled, type Controlled } from './controlled.ts';
import { underWay } from './mid-run.ts';
import type { TestCluster } from './redis-cluster.ts';
import type { RunningRump } from './rump.ts';
import { count } from './tier.ts';

const KEYS = count(10_000, 20_000);
const PACE = ['--tpslimit', '1000'];
/** Slots of each primary. */
const MOVING = 150;
/** What each cluster has moved before rump may come to its end. */
const LEAST_MOVED = count(50, 100);

export async function fillChanging(cluster: TestCluster): Promise<void> {
  const commands = Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value ${i}`, 'PX', 10_000_000 + i]);
  await cluster.pipeline(commands);
}

/** Resolves when the first keys are at the target. It has to be told to go on as fast as may be. */
export async function startSlowCopy(t: TestContext, source: TestCluster, target: TestCluster): Promise<Controlled> {
  const run = await startControlled(t, ['--from', source.url, '--to', target.url, ...PACE]);
  await underWay(run.running, async () => ((await target.clients[0]!.send('DBSIZE')) as number) > 0);
  return run;
}

/** What may be said to a copy that has been slow so far. */
export function hurry({ tell }: Controlled): Promise<string> {
  return tell('tpslimit', '0');
}

/**
 * Moves slots of each cluster as long as rump runs. @param letGo what rump is to go on after: it is called once, when enough of
 * both have moved @param wanted the slots, where each comes from and where it goes
 */
export async function moveMeanwhile(
  clusters: readonly TestCluster[],
  { child }: RunningRump,
  letGo: () => unknown,
  wanted: (cluster: TestCluster) => readonly Move[] = fromEach,
): Promise<void> {
  let enough = 0;
  const move = async (cluster: TestCluster): Promise<void> => {
    let moved = 0;
    for (const each of wanted(cluster)) {
      if (child.exitCode !== null) break;
      await cluster.moveSlot(...each);
      if (++moved === LEAST_MOVED && ++enough === clusters.length) await letGo();
    }
    assert.ok(moved >= LEAST_MOVED, `${moved} slots moved while rump ran`);
  };
  await Promise.all(clusters.map(move));
}

export type Move = readonly [slot: number, from: number, to: number];

/** From one primary after the other to the next one, as people do. */
function fromEach(cluster: TestCluster): Move[] {
  const last = cluster.primaries - 1;
  return Array.from({ length: 16_384 }, (_, slot) => slot)
    .filter((slot) => {
      const home = cluster.homeOf(slot);
      return cluster.homeOf(slot - MOVING) !== home || (home === 0 && slot < MOVING);
    })
    .map((slot) => {
      const home = cluster.homeOf(slot);
      return [slot, home, home === last ? 0 : home + 1];
    });
}
