// A checkpoint at the target: a key in each database of each node, with all of it in each. A node that comes back with older data has
// an older one, a flushed database none; the oldest holds. Of two runs, who finds what the other has kept or removed since ends.

import { randomUUID } from 'node:crypto';
import { nameOf, ReplyError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import { type Argv, RoutedClient } from '../cluster/routed-client.ts';
import { slotOf, tagOf } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import {
  CHECKPOINT_TAKEN,
  formatCheckpoint,
  parseCheckpoint,
  type Checkpoint,
  type TargetIdentity,
} from './checkpoint.ts';
import { flushesBetween, flushesIn, type Flushes } from '../server/flushes.ts';
import { parseInfo, wasReplica, type ServerInfo } from '../server/info.ts';
import { countOf } from '../../resp/figures.ts';
import { Backoff, pauseAfter } from '../server/retry.ts';
import { CHECKPOINT_PREFIX } from '../scan/checkpoint-names.ts';
import type { CheckpointStore } from './store.ts';

/** Keys that are named one by one. */
const MOST_NAMED = 8;

/** Where one of the keys is. */
interface Spot {
  readonly db: number;
  readonly place: string;
}

/** The server process that has one of the keys. */
interface Keeper {
  readonly info: ServerInfo;
  readonly flushes: Flushes | undefined;
}

type KeeperBefore = Pick<TargetIdentity, 'runId' | 'replicationId' | 'evictedKeys' | 'flushes'>;

export class CheckpointKeys implements CheckpointStore {
  readonly name: string;
  whyVoid: string | undefined;
  readonly #deployment: Deployment;
  readonly #client: RoutedClient;
  readonly #options: NodeLinkOptions;
  readonly #databases: Set<number>;
  readonly #suffix: string;
  /** Names of keys, of which each node has one at least. */
  readonly #places = new Set<string>();
  readonly #run = randomUUID();
  #sequence = 0;
  #last: Checkpoint | undefined;
  /** Of what an earlier run had kept. */
  #foundSequence = 0;
  /** By place: as they were when something was kept there. */
  #keepers: ReadonlyMap<string, Keeper> | undefined;

  /**
   * @param databases of the target
   * @param part of several that write to it, each with a checkpoint of its own
   */
  constructor(
    deployment: Deployment,
    databases: readonly number[],
    shown: string,
    part: number | undefined,
    options: NodeLinkOptions,
  ) {
    const ofPart = part === undefined ? '' : ` of part ${part}`;
    this.name = `the checkpoint${ofPart} in database ${Math.min(...databases)} of ${shown}`;
    this.#suffix = part === undefined ? '' : `:${part}`;
    this.#deployment = deployment;
    // Whoever writes the data tells of the same losses.
    this.#client = new RoutedClient(deployment, { ...options, onReconnect: () => {} });
    this.#options = options;
    this.#databases = new Set(databases);
  }

  async read(): Promise<Checkpoint | undefined> {
    for (const node of this.#deployment.topology.nodes) this.#places.add(this.#placeAt(node));
    const asked = new Map<string, Checkpoint | undefined>();
    const unasked = (): readonly Spot[] => this.#spots.filter((spot) => !asked.has(idOf(spot)));
    for (let spots = unasked(); spots.length > 0; spots = unasked()) {
      const checkpoints = await Promise.all(spots.map((spot) => this.#readAt(spot)));
      for (const [i, checkpoint] of checkpoints.entries()) {
        asked.set(idOf(spots[i]!), checkpoint);
        // Each one names all of them, also those of nodes that are no more.
        for (const place of checkpoint?.places ?? []) this.#places.add(place);
        for (const db of databasesOf(checkpoint)) this.#databases.add(db);
      }
    }
    const found = [...asked.values()].filter((checkpoint) => checkpoint !== undefined);
    const [oldest, ...newer] = found.toSorted((one, other) => sequenceOf(one) - sequenceOf(other));
    if (oldest === undefined) return undefined;
    const newest = newer.at(-1) ?? oldest;
    this.#sequence = this.#foundSequence = sequenceOf(newest);
    this.#keepers = await this.#askKeepers();
    const { places = [] } = newest;
    const spots = places.flatMap((place) => databasesOf(oldest).map((db) => ({ db, place })));
    const missing = spots.find((spot) => asked.get(idOf(spot))?.database !== spot.db);
    // What is missing went with data that were acknowledged, unless the run that had written all of it was removing what it kept.
    const lost = missing && `key ${missing.place} of database ${missing.db} is not there`;
    const loss = lost ?? this.#lossOfNodes(places, newest);
    if (loss === undefined || (newest.isGoing === true && this.#haveAllKept(newest))) return oldest;
    this.whyVoid = loss;
    return { ...oldest, source: [], targets: [] };
  }

  /** Which node may have lost what it acknowledged, though each key that was kept is there. */
  #lossOfNodes(places: readonly string[], newest: Checkpoint): string | undefined {
    // The place of a node may have gone to another one, with its slot.
    const { nodes } = this.#deployment.topology;
    const bare = nodes.find((node) => !this.#isOnNode(node, places) && !this.#hasKept(node, newest));
    if (bare !== undefined)
      return `the target ${nameOf(bare.peer)} has no key of it, and may have lost what it acknowledged`;
    const left = newest.targets.find((before) => !this.#goesOn(before, newest));
    return left && `the target ${left.address} serves no slot any more, and may have lost data before`;
  }

  /** In each database and at each node; a cluster of many is not to be listed. */
  get wayOut(): string {
    const places = [...this.#places];
    const named = places.length > MOST_NAMED ? `${CHECKPOINT_PREFIX}{*}${this.#suffix}` : places.join(', ');
    const what = places.length === 1 ? 'its key' : `its ${countOf(places.length, 'key')}`;
    return `to begin anew, remove ${what} from database ${[...this.#databases].join(', ')} of the target (UNLINK): ${named}`;
  }

  async write(checkpoint: Checkpoint): Promise<number> {
    for (const node of this.#deployment.topology.nodes)
      if (!this.#isOnNode(node, [...this.#places])) this.#places.add(this.#placeAt(node));
    for (const db of databasesOf(checkpoint)) this.#databases.add(db);
    const keep = async (): Promise<number> => {
      await this.#demandAlone();
      return this.#writeAll({ ...checkpoint, isGoing: false });
    };
    // Without the first one nothing may be written; of all others the next one makes up for what was not kept.
    const bytes = await (this.#last === undefined ? this.#insist(keep) : keep());
    this.#keepers ??= await this.#askKeepers();
    return bytes;
  }

  /** A node that is lost meanwhile is tried again; and whoever finds only some of them knows that everything was done. */
  async remove(): Promise<void> {
    await this.#insist(() => this.#demandAlone());
    await this.#insist(() => this.#writeAll({ ...this.#last!, isGoing: true }));
    await this.#insist(() => this.#atAll(({ place }) => ['UNLINK', place]));
  }

  close(): void {
    this.#client.close();
  }

  /** Beside the first slot that the node serves. */
  #placeAt(node: Node): string {
    const [slot = 0] = this.#deployment.topology.slotsOf(node);
    return `${CHECKPOINT_PREFIX}{${tagOf(slot)}}${this.#suffix}`;
  }

  #isOnNode({ id }: Node, places: readonly string[]): boolean {
    return places.some((place) => this.#deployment.nodeOf(Buffer.from(place))?.id === id);
  }

  /** Whether the node is known to have acknowledged what was kept, and has lost nothing since. */
  #hasKept(node: Node, { targets }: Checkpoint): boolean {
    const before = targets.find(({ id }) => id === node.id);
    return before !== undefined && hasKeptAll(before, this.#keepers?.get(this.#placeAt(node)));
  }

  /**
   * Whether the node serves slots as before, or a replica of it does in its place. Of one whose slots went to others nobody can
   * say what it had lost by then: its key may have gone before.
   */
  #goesOn({ id, replicationId }: TargetIdentity, { targets }: Checkpoint): boolean {
    const { nodes } = this.#deployment.topology;
    if (nodes.some((node) => node.id === id)) return true;
    const others = nodes.filter((node) => targets.every((before) => before.id !== node.id));
    return others.some((node) => {
      const info = this.#keepers?.get(this.#placeAt(node))?.info;
      return replicationId !== '' && [info?.replicationId, info?.formerReplicationId].includes(replicationId);
    });
  }

  /** The same of every node, and no node is any more. */
  #haveAllKept(checkpoint: Checkpoint): boolean {
    const { nodes } = this.#deployment.topology;
    const isThere = ({ id }: TargetIdentity): boolean => nodes.some((node) => node.id === id);
    return checkpoint.targets.every(isThere) && nodes.every((node) => this.#hasKept(node, checkpoint));
  }

  get #spots(): readonly Spot[] {
    const places = [...this.#places];
    return [...this.#databases].flatMap((db) => places.map((place) => ({ db, place })));
  }

  async #readAt(spot: Spot): Promise<Checkpoint | undefined> {
    const reply = await this.#ask(spot, ['GET', spot.place]);
    if (reply === null) return undefined;
    return parseCheckpoint(String(reply), `key ${spot.place} of ${this.name}`, this.wayOut);
  }

  /** A node that came back with older data has what an earlier run has kept; only what is newer is another one's. */
  async #demandAlone(): Promise<void> {
    const kept = await Promise.all(this.#spots.map((spot) => this.#readAt(spot)));
    const isOther = (one: Checkpoint): boolean => one.run !== this.#run && sequenceOf(one) > this.#foundSequence;
    if (kept.some((one) => one !== undefined && isOther(one)))
      throw taken('another run keeps its progress in', this.name);
    if (kept.every((one) => one === undefined) && (await this.#isRemoved()))
      throw taken('another run has finished, or somebody has removed', this.name);
  }

  /** Whether a key has gone from a process that has lost nothing: who is done with the copy removes all of them. */
  async #isRemoved(): Promise<boolean> {
    const before = this.#keepers;
    if (before === undefined) return false;
    const now = await this.#askKeepers();
    const hasKept = ([place, { info, flushes }]: [string, Keeper]): boolean =>
      hasKeptAll({ ...info, flushes: flushes ?? null }, now.get(place));
    if ([...before].some(hasKept)) return true;
    this.#keepers = now;
    return false;
  }

  async #askKeepers(): Promise<ReadonlyMap<string, Keeper>> {
    const [db = 0] = this.#databases;
    const asked = [...this.#places].map(async (place) => {
      const replies = await this.#client.ask(db, Buffer.from(place), [['INFO'], ['INFO', 'commandstats']]);
      const [info, counts] = replies.map((reply) => (reply instanceof ReplyError ? '' : String(reply)));
      return [place, { info: parseInfo(info!), flushes: flushesIn(counts!) }] as const;
    });
    return new Map(await Promise.all(asked));
  }

  /** @returns bytes that were written, and that are read back before the next time */
  async #writeAll(checkpoint: Checkpoint): Promise<number> {
    this.#sequence++;
    const places = [...this.#places];
    const last = { ...checkpoint, places, sequence: this.#sequence, run: this.#run };
    this.#last = last;
    const texts = new Map(Array.from(this.#databases, (db) => [db, formatCheckpoint({ ...last, database: db })]));
    await this.#atAll(({ place, db }) => ['SET', place, texts.get(db)!]);
    return 2 * places.length * [...texts.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Does it again where a node was lost, as often as is allowed: done twice it is the same. */
  async #insist<T>(work: () => Promise<T>): Promise<T> {
    const backoff = new Backoff(this.#options.retry);
    const { role: side, signal, topology } = this.#deployment;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const { peer = topology.nodes[0]!.peer } = error as RespError;
        await pauseAfter(error, backoff, { side, peer, signal }, this.#options);
      }
    }
  }

  async #atAll(command: (spot: Spot) => Argv): Promise<void> {
    await Promise.all(this.#spots.map((spot) => this.#ask(spot, command(spot))));
  }

  async #ask({ db, place }: Spot, command: Argv): Promise<Reply> {
    const [reply] = await this.#client.ask(db, Buffer.from(place), [command]);
    if (!(reply instanceof ReplyError)) return reply!;
    const slot = this.#deployment.isCluster ? ` of slot ${slotOf(Buffer.from(place))}` : '';
    const message = `Cannot keep ${this.name}${slot}: ${reply.message}`;
    throw new RespError(reply.code, message, { peer: reply.peer, cause: reply });
  }
}

/** Whether it is the same process, and says that it has neither been flushed nor evicted a key since. */
function hasKeptAll(before: KeeperBefore, now: Keeper | undefined): boolean {
  if (now === undefined) return false;
  const flushes = flushesBetween(before.flushes ?? undefined, now.flushes);
  if (flushes === undefined || flushes.ofOne + flushes.ofMore > 0) return false;
  const isSame = before.runId !== '' && before.runId === now.info.runId;
  return isSame && !wasReplica(before, now.info, flushes.demotions) && before.evictedKeys === now.info.evictedKeys;
}

function taken(why: string, name: string): RespError {
  return new RespError(CHECKPOINT_TAKEN, `Cannot go on: ${why} ${name}`, {
    hint: 'one run at a time writes to a target; if there is none any more, the same command goes on',
  });
}

/** Of the target. */
function databasesOf(checkpoint: Checkpoint | undefined): readonly number[] {
  return checkpoint?.databases.map(([, db]) => db) ?? [];
}

function idOf({ db, place }: Spot): string {
  return `${db} ${place}`;
}

function sequenceOf({ sequence = 0 }: Checkpoint): number {
  return sequence;
}
