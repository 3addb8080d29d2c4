// A copy between clusters that goes so slowly that changes of either fall into it, and slots that move meanwhile.
import assert from 'node:assert/strict';
import type { TestCluster } from './redis-cluster.ts';
import { startRump, type RunningRump } from './rump.ts';
import { count } from './tier.ts';

const KEYS = count(10_000, 20_000);
const PACE = ['--tpslimit', String(count(4000, 8000))];
const UNDER_WAY_KEYS = 500;
/** Slots of each primary. */
const MOVING = 150;
/** What has moved when the run has ended, which is when moving ends. */
const LEAST_MOVED = 5;

export async function fillChanging(cluster: TestCluster): Promise<void> {
  const commands = Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value ${i}`, 'PX', 10_000_000 + i]);
  await cluster.pipeline(commands);
}

/** Resolves when the first keys are at the target. */
export async function startSlowCopy(source: TestCluster, target: TestCluster): Promise<RunningRump> {
  const running = startRump(['--from', source.url, '--to', target.url, ...PACE]);
  await target.until('keys arrive', async () => {
    if (running.child.exitCode !== null) throw new Error(`rump ended too soon: ${running.stderr}`);
    return ((await target.clients[0]!.send('DBSIZE')) as number) > UNDER_WAY_KEYS;
  });
  return running;
}

/** Moves slots of each primary to the next one, as long as rump runs: from one primary after the other, as people do. */
export async function moveMeanwhile(cluster: TestCluster, { child }: RunningRump): Promise<void> {
  const last = cluster.primaries - 1;
  const wanted = Array.from({ length: 16_384 }, (_, slot) => slot).filter((slot) => {
    const home = cluster.homeOf(slot);
    return cluster.homeOf(slot - MOVING) !== home || (home === 0 && slot < MOVING);
  });
  let moved = 0;
  for (const slot of wanted) {
    if (child.exitCode !== null) break;
    const home = cluster.homeOf(slot);
    await cluster.moveSlot(slot, home, home === last ? 0 : home + 1);
    moved++;
  }
  assert.ok(moved >= LEAST_MOVED, `${moved} slots moved while rump ran`);
}
