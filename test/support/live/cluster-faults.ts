// What happens to clusters while they are followed or written: slots move, one way or the other, and primaries are replaced.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply, TestClient } from '../client.ts';
import { slotOfKey } from '../cluster-slot.ts';
import type { TestCluster } from '../redis-cluster.ts';
import type { Fault } from './model.ts';
import { Random } from './random.ts';
import { TAGS } from './writers.ts';

const POLL_MS = 20;
const LEAST_MOVES = 3;
/** Slots of the tags that random writers write, so that their keys move. */
const WRITTEN = Array.from({ length: TAGS }, (_, i) => slotOfKey(`{t${i}}`));

/** Key by key, as `redis-cli --cluster reshard` does it. */
export function resharded(cluster: TestCluster): Fault {
  const owners = new Map<number, number>();
  return {
    pause: [20, 150],
    strike: (random) => reshard(cluster, owners, random),
    unfelt: () => few(owners.size),
  };
}

/** The same, one slot after the other. */
export async function reshardUntil(end: AbortSignal, cluster: TestCluster): Promise<void> {
  const [owners, random] = [new Map<number, number>(), new Random(1)];
  while (!end.aborted) {
    await reshard(cluster, owners, random);
    // Nodes that have not heard of the move before would refuse the next one.
    await sleep(POLL_MS);
  }
}

async function reshard(cluster: TestCluster, owners: Map<number, number>, random: Random): Promise<void> {
  const { slot, from, to } = someMove(cluster, owners, random);
  await cluster.moveSlot(slot, from, to);
  owners.set(slot, to);
}

interface MigratedOptions {
  /** Those that move. */
  readonly slots?: readonly number[];
  /** Milliseconds between two moves. */
  readonly pause?: readonly [number, number];
}

/** All keys of a slot at once (Valkey 9.0). */
export function slotsMigrated(
  cluster: TestCluster,
  { slots = WRITTEN, pause = [50, 250] }: MigratedOptions = {},
): Fault {
  const owners = new Map<number, number>();
  let moves = 0;
  return {
    pause,
    async strike(random) {
      const { slot, from, to } = someMove(cluster, owners, random, slots);
      const id = String(await cluster.clients[to]!.send('CLUSTER', 'MYID'));
      const source = cluster.clients[from]!;
      await source.send('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', slot, slot, 'NODE', id);
      let state = '';
      await cluster.until('the migration has ended', async () => {
        state = await lastMigration(source);
        return /^(?:success|failed|cancelled)/.test(state);
      });
      // It fails where one server was busy for too long; then the slot is where it was.
      if (!state.startsWith('success')) return;
      owners.set(slot, to);
      moves += 1;
    },
    unfelt: () => few(moves),
  };
}

/** Replica and primary change places. */
export function takenOver(cluster: TestCluster): Fault {
  let taken = 0;
  return {
    pause: [300, 900],
    async strike(random) {
      const home = random.below(cluster.primaries);
      const pair = [home, home + cluster.primaries];
      const roles = await Promise.all(pair.map((index) => cluster.clients[index]!.send('ROLE')));
      const replica = pair[roles.findIndex((role) => String((role as Reply[])[0]) !== 'master')]!;
      await cluster.takeOver(replica);
      taken += 1;
    },
    unfelt: () => (taken > 0 ? undefined : 'No replica has taken over'),
  };
}

export function failedOver(cluster: TestCluster): Fault {
  let isOver = false;
  return {
    pause: [500, 1000],
    times: 1,
    async strike(random) {
      const home = random.below(cluster.primaries);
      // What a replica does not have yet is lost with its primary, whoever follows.
      await cluster.clients[home]!.send('WAIT', 1, 1000);
      await cluster.failOver(home);
      await sleep(POLL_MS);
      isOver = true;
    },
    unfelt: () => (isOver ? undefined : 'No primary was lost'),
  };
}

function few(moves: number): string | undefined {
  return moves < LEAST_MOVES ? `${moves} slots moved` : undefined;
}

function someMove(
  cluster: TestCluster,
  owners: ReadonlyMap<number, number>,
  random: Random,
  slots: readonly number[] = WRITTEN,
): { readonly slot: number; readonly from: number; readonly to: number } {
  const slot = random.pick(slots);
  const from = owners.get(slot) ?? cluster.homeOf(slot);
  return { slot, from, to: (from + 1 + random.below(cluster.primaries - 1)) % cluster.primaries };
}

/** The state of the last migration that this node was asked for, and what it says of it. */
async function lastMigration(client: TestClient): Promise<string> {
  const [last] = (await client.send('CLUSTER', 'GETSLOTMIGRATIONS')) as Reply[][];
  const valueOf = (name: string): string => String(last![last!.findIndex((item) => String(item) === name) + 1]);
  return `${valueOf('state')}: ${valueOf('message')}`;
}
