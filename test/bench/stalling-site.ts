// A target cluster of six nodes, of which the last one, with 2 % of the slots, stands still from when the copy is under way
// until the others have all their keys.
import { setTimeout as sleep } from 'node:timers/promises';
import { createCluster, type TestCluster } from '../support/redis-cluster.ts';
import { siteOf, type Site, type SiteOptions } from './site.ts';

const PRIMARIES = 5;
/** Behind the others. */
const SLOW = PRIMARIES;
const SLOTS = 328;
/** Nobody takes a node that stands still for lost: the cluster would serve nothing. */
const PATIENT = ['--cluster-node-timeout', '300000'];
const UNDER_WAY_KEYS = 50;
const POLL_MS = 1;
const LOOK_MS = 100;
/** So long nothing has to come for the others to have what they get. */
const STILL_MS = 3000;

export async function startStallingSite({ binary }: SiteOptions): Promise<Site> {
  const cluster = await createCluster({ binary, primaries: PRIMARIES, spares: 1, args: PATIENT });
  for (let slot = 0; slot < SLOTS; slot++) await cluster.moveSlot(slot, cluster.homeOf(slot), SLOW);
  return { ...siteOf(cluster), meanwhile: (isOver) => stall(cluster, isOver) };
}

async function stall(cluster: TestCluster, isOver: () => boolean): Promise<void> {
  const slow = cluster.nodes[SLOW]!;
  while ((await keysAt(cluster, [SLOW])) < UNDER_WAY_KEYS) {
    if (isOver()) return;
    await sleep(POLL_MS);
  }
  slow.pause();
  const others = cluster.nodes.flatMap((_, i) => (i === SLOW ? [] : [i]));
  let [keys, since] = [-1, performance.now()];
  while (performance.now() - since < STILL_MS && !isOver()) {
    const now = await keysAt(cluster, others);
    if (now !== keys) [keys, since] = [now, performance.now()];
    await sleep(LOOK_MS);
  }
  slow.resume();
  while (!isOver()) await sleep(LOOK_MS);
  if ((await keysAt(cluster, others)) !== keys) throw new Error('The other nodes waited for the one that stood still');
}

async function keysAt(cluster: TestCluster, nodes: readonly number[]): Promise<number> {
  const sizes = await Promise.all(nodes.map((i) => cluster.clients[i]!.send('DBSIZE')));
  return sizes.reduce<number>((sum, size) => sum + (size as number), 0);
}
