// A real cluster of the tests' own: some primaries, each with replicas if asked for, whose slots can be moved and whose
// primaries can fail. Made by CLUSTER commands alone.
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply, TestClient } from './client.ts';
import { slotOfKey } from './cluster-slot.ts';
import type { Argument } from './frames.ts';
import { startServer, type ServerOptions, type TestServer } from './redis-server.ts';
import { isInStep } from './replica.ts';
import { snapshot, type SameDataOptions, type Snapshot } from './snapshot.ts';

/** How clusters are compared whose slots move: the servers themselves lose time with each MIGRATE. */
export const AFTER_MOVES: SameDataOptions = { ttl: 'relative', tolerance: 3000 };

export interface ClusterOptions extends ServerOptions {
  /** Default 3. */
  readonly primaries?: number;
  /** Of each primary; default 0. */
  readonly replicas?: number;
  /** Primaries that serve no slot; default 0. */
  readonly spares?: number;
}

const SLOTS = 16_384;
/** Short, so that a failover takes a second or two. */
const NODE_TIMEOUT_MS = 1500;
const READY_MS = 60_000;
const FAILOVER_MS = 2000;
const POLL_MS = 20;
const MIGRATED_AT_ONCE = 500;

/** Ends with the test. */
export async function startCluster(t: TestContext, options: ClusterOptions = {}): Promise<TestCluster> {
  const creation = createCluster(options);
  // Registered before there is one: a test that fails meanwhile leaves none behind.
  t.after(async () => {
    const [created] = await Promise.allSettled([creation]);
    if (created.status === 'fulfilled') await created.value.stop();
  });
  return creation;
}

export async function createCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const { primaries = 3, replicas = 0, spares = 0, args = [], ...server } = options;
  const habits = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT_MS)];
  const relaxed = ['--cluster-migration-barrier', '99', '--appendonly', 'no'];
  const secret = server.tls === undefined ? [] : ['--tls-cluster', 'yes', '--tls-replication', 'yes'];
  const start = { ...server, args: [...habits, ...relaxed, ...secret, ...args] };
  const starts = await Promise.allSettled(
    Array.from({ length: primaries * (1 + replicas) + spares }, () => startServer(start)),
  );
  const nodes = starts.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failed = starts.find(({ status }) => status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(nodes.map((node) => node.stop()));
    throw (failed as PromiseRejectedResult).reason;
  }
  const cluster = new TestCluster(nodes, await Promise.all(nodes.map((node) => node.client())), primaries, spares);
  try {
    await cluster.form();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

export class TestCluster {
  /** The primaries first, then their replicas in the same order, then those without slots. */
  readonly nodes: readonly TestServer[];
  readonly clients: readonly TestClient[];
  readonly primaries: number;
  readonly #spares: number;
  readonly #ids: string[] = [];

  constructor(nodes: readonly TestServer[], clients: readonly TestClient[], primaries: number, spares: number) {
    this.nodes = nodes;
    this.clients = clients;
    this.primaries = primaries;
    this.#spares = spares;
  }

  /** Any node is a valid address. */
  get url(): string {
    return this.nodes[0]!.url;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async form(): Promise<void> {
    for (const client of this.clients) this.#ids.push(String(await client.send('CLUSTER', 'MYID')));
    for (let i = 0; i < this.primaries; i++) {
      const [first, end] = [Math.floor((SLOTS * i) / this.primaries), Math.floor((SLOTS * (i + 1)) / this.primaries)];
      await this.clients[i]!.send('CLUSTER', 'ADDSLOTS', ...Array.from({ length: end - first }, (_, k) => first + k));
      await this.clients[i]!.send('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    const meet = this.nodes.slice(1).map((node) => this.clients[0]!.send('CLUSTER', 'MEET', '127.0.0.1', node.port));
    await Promise.all(meet);
    await this.until('all nodes know each other', async () => {
      const known = await Promise.all(this.clients.map((client) => client.send('CLUSTER', 'NODES')));
      return known.every((text) => this.#ids.every((id) => String(text).includes(id)));
    });
    const replicas = this.nodes.length - this.#spares;
    for (let i = this.primaries; i < replicas; i++) {
      await this.clients[i]!.send('CLUSTER', 'REPLICATE', this.#ids[i % this.primaries]!);
    }
    await this.isOk();
    await this.until('the replicas are in step', async () => {
      const infos = await Promise.all(
        this.clients.slice(this.primaries, replicas).map((client) => client.send('INFO', 'replication')),
      );
      return infos.every((info) => String(info).includes('master_link_status:up'));
    });
  }

  /** Resolves when every node that lives says that the cluster is whole. */
  async isOk(but: ReadonlySet<number> = new Set()): Promise<void> {
    await this.until('the cluster is whole', async () => {
      const living = this.clients.filter((_, i) => !but.has(i));
      const infos = await Promise.all(living.map((client) => client.send('CLUSTER', 'INFO')));
      return infos.every((info) => String(info).includes('cluster_state:ok'));
    });
  }

  /** The index of the primary that served this slot when the cluster was made. */
  homeOf(slot: number): number {
    for (let i = this.primaries - 1; i > 0; i--) if (slot >= Math.floor((SLOTS * i) / this.primaries)) return i;
    return 0;
  }

  homeOfKey(key: string): number {
    return this.homeOf(slotOfKey(key));
  }

  /** Sends each command, whose first argument is its key, to the node that served its slot at the beginning. */
  async pipeline(commands: readonly (readonly Argument[])[]): Promise<void> {
    const shares = this.clients.map((): (readonly Argument[])[] => []);
    for (const command of commands) shares[this.homeOfKey(command[1] as string)]!.push(command);
    const replies = await Promise.all(shares.map((share, i) => this.clients[i]!.pipeline(share)));
    for (const reply of replies.flat()) if (reply instanceof Error) throw reply;
  }

  /** What the primaries have now, by key in latin1. */
  async contents(): Promise<Map<string, Snapshot>> {
    const primaries = await this.#livingPrimaries();
    const parts = await Promise.all(primaries.map((client) => snapshot(client)));
    return new Map(parts.flatMap((part) => [...part]));
  }

  /** Has one node alone say that a slot is on the way, from or to another one. */
  async markSlot(slot: number, at: number, state: 'MIGRATING' | 'IMPORTING', other: number): Promise<void> {
    await this.clients[at]!.send('CLUSTER', 'SETSLOT', slot, state, this.#ids[other]!);
  }

  /** Opens a slot to be moved, and moves so many of its keys. */
  async openSlot(slot: number, from: number, to: number, keys: number): Promise<void> {
    const source = this.clients[from]!;
    await this.markSlot(slot, to, 'IMPORTING', from);
    await this.markSlot(slot, from, 'MIGRATING', to);
    const moved = (await source.send('CLUSTER', 'GETKEYSINSLOT', slot, keys)) as Buffer[];
    if (moved.length === 0) return;
    await source.send('MIGRATE', '127.0.0.1', this.nodes[to]!.port, '', 0, 5000, 'REPLACE', 'KEYS', ...moved);
  }

  /** Moves a slot with all its keys, as `redis-cli --cluster reshard` does. */
  async moveSlot(slot: number, from: number, to: number): Promise<void> {
    const source = this.clients[from]!;
    await this.openSlot(slot, from, to, MIGRATED_AT_ONCE);
    for (;;) {
      const keys = (await source.send('CLUSTER', 'GETKEYSINSLOT', slot, MIGRATED_AT_ONCE)) as Buffer[];
      if (keys.length === 0) break;
      await source.send('MIGRATE', '127.0.0.1', this.nodes[to]!.port, '', 0, 5000, 'REPLACE', 'KEYS', ...keys);
    }
    for (const i of [to, from]) await this.clients[i]!.send('CLUSTER', 'SETSLOT', slot, 'NODE', this.#ids[to]!);
    for (let i = 0; i < this.primaries; i++) {
      if (i !== from && i !== to) await this.clients[i]!.send('CLUSTER', 'SETSLOT', slot, 'NODE', this.#ids[to]!);
    }
  }

  /** Takes slots from their nodes; resolves once every node says so, as what one forgets comes and goes with gossip. */
  async unassign(slots: readonly number[]): Promise<void> {
    const commands = slots.map((slot) => ['CLUSTER', 'DELSLOTS', slot]);
    await this.until('no node serves the slots', async () => {
      const replies = await Promise.all(this.clients.map((client) => client.pipeline(commands)));
      return replies.flat().every((reply) => reply instanceof Error && /is already unassigned/.test(reply.message));
    });
  }

  /** Has a replica take the place of its primary by hand; resolves once that one is its replica. */
  async takeOver(index: number): Promise<void> {
    const client = this.clients[index]!;
    await this.until('the replica is in step', () => isInStep(client));
    let asked = -Infinity;
    await this.until('it has taken over', async () => {
      // A node that is the primary already refuses. Whoever is asked again begins anew, so it has time to come to an end.
      if (performance.now() - asked > FAILOVER_MS) {
        await client.pipeline([['CLUSTER', 'FAILOVER']]);
        asked = performance.now();
      }
      return /role:master[^]*connected_slaves:1/.test(String(await client.send('INFO', 'replication')));
    });
  }

  /** Kills a primary; resolves when its replica has taken its place. */
  async failOver(index: number): Promise<void> {
    const replica = index + this.primaries;
    await this.nodes[index]!.kill();
    await this.until(
      'the replica is a primary',
      async () => roleOf(await this.clients[replica]!.send('ROLE')) === 'master',
    );
    await this.isOk(new Set([index]));
  }

  async #livingPrimaries(): Promise<TestClient[]> {
    const roles = await Promise.all(this.clients.map((client) => client.send('ROLE').then(roleOf, () => 'gone')));
    return this.clients.filter((_, i) => roles[i] === 'master');
  }

  /** Looks again and again; rejects when it has waited for too long. */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + READY_MS; Date.now() < deadline; await sleep(POLL_MS)) {
      if (await holds()) return;
    }
    throw new Error(`Waited in vain until ${what}`);
  }
}

function roleOf(reply: Reply): string {
  return String((reply as Reply[])[0]);
}
