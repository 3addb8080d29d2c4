// A copy between clusters that goes so slowly that changes of either fall into it.
import type { TestCluster } from './redis-cluster.ts';
import { spawnRump, type RunningRump } from './rump.ts';

const KEYS = 60_000;
const PACE = ['--tpslimit', '15000'];
const UNDER_WAY_KEYS = 500;

export async function fillChanging(cluster: TestCluster): Promise<void> {
  const commands = Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value ${i}`, 'PX', 10_000_000 + i]);
  await cluster.pipeline(commands);
}

/** Resolves when the first keys are at the target. */
export async function startSlowCopy(source: TestCluster, target: TestCluster): Promise<RunningRump> {
  const running = spawnRump(['--from', source.url, '--to', target.url, ...PACE]);
  await target.until('keys arrive', async () => {
    if (running.child.exitCode !== null) throw new Error(`rump ended too soon: ${running.stderr}`);
    return ((await target.clients[0]!.send('DBSIZE')) as number) > UNDER_WAY_KEYS;
  });
  return running;
}
