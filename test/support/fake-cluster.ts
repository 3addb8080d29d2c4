// A cluster of names alone, feeds that tell what a test tells them, and all that Feeds makes of it.
import assert from 'node:assert/strict';
import { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../../src/cluster/deployment.ts';
import { Part } from '../../src/cluster/part.ts';
import { SlotMoves, slotOf, type SlotSet } from '../../src/cluster/slot.ts';
import { Topology, type Node } from '../../src/cluster/topology.ts';
import type { Feed, FeedPosition, FeedSink, FeedStart } from '../../src/live/feed.ts';
import { Feeds } from '../../src/live/feeds.ts';
import type { MissedShare } from '../../src/live/gaps.ts';
import type { LeftFeed } from '../../src/live/left-feeds.ts';
import type { Server } from '../../src/server/server.ts';

const PORTS: Readonly<Record<string, number>> = { a: 7001, b: 7002, r: 7003 };

export interface Followed {
  readonly feeds: Feeds;
  readonly made: readonly FakeFeed[];
  readonly missed: readonly MissedShare[];
  /** What was told of keys, and in which database. */
  readonly told: string[];
}

export async function following(cluster: FakeCluster, left?: readonly LeftFeed[]): Promise<Followed> {
  const [made, missed, told]: [FakeFeed[], MissedShare[], string[]] = [[], [], []];
  const newFeed = (node: Node, sink: FeedSink, from: FeedStart | undefined): Feed => {
    const feed = new FakeFeed(cluster, node, sink, from);
    made.push(feed);
    return feed;
  };
  const feeds = new Feeds(cluster as unknown as Deployment, newFeed, {
    onChange: (db) => told.push(`changed ${db}`),
    onMoved: (db) => told.push(`moved ${db}`),
    onMissed: (share) => missed.push(share),
    onFailed: assert.ifError,
  });
  await feeds.attach(left);
  return { feeds, made, missed, told };
}

type Serving = Readonly<Record<string, readonly (readonly [first: number, last: number])[]>>;

export class FakeCluster {
  readonly kind = 'cluster';
  readonly isCluster = true;
  /** How often each node lets nobody follow it. */
  readonly refusals = new Map<string, number>();
  /** Happens before a node that joins is followed, or refuses. */
  onAttaching: () => Promise<void> = async () => {};
  /** How often a connection is lost while its node is asked what it serves. */
  breaks = 0;
  /** Happens before somebody says who serves what. */
  onRefreshing: () => void = () => {};
  /** How often nobody says who serves what. */
  silences = 0;
  /** Ports of those that were asked first. */
  asked: (number | undefined)[] = [];
  topology: Topology;
  readonly moves = new SlotMoves();
  readonly part: Part;
  /** What nodes say of themselves that nobody else knows: the end of their line in CLUSTER NODES. */
  readonly words = new Map<string, string>();
  /** Nodes that cannot be asked anything. */
  readonly mute = new Set<string>();
  #serving: Serving;

  constructor(serving: Serving, part?: SlotSet) {
    this.#serving = serving;
    this.part = new Part(part);
    this.topology = topologyOf(serving);
  }

  /** It is known once somebody asks. */
  serve(serving: Serving): void {
    this.#serving = serving;
  }

  nodeOf(key: Buffer): Node | undefined {
    return this.topology.ownerOf(slotOf(key));
  }

  refresh(first?: { readonly port: number }): Promise<void> {
    this.asked.push(first?.port);
    this.onRefreshing();
    if (this.silences-- > 0) return Promise.reject(new RespError('SILENT', 'Nobody is there', { retryable: true }));
    this.topology = topologyOf(this.#serving);
    return Promise.resolve();
  }

  tryRefresh(first?: { readonly port: number }): Promise<boolean> {
    return this.refresh(first).then(
      () => true,
      () => false,
    );
  }

  async refreshIfPossible(): Promise<void> {
    await this.tryRefresh();
  }

  async nodesAsSeenBy({ id }: Pick<Node, 'id'>): Promise<string> {
    const served = this.#serving[id]?.map(([first, last]) => `${first}-${last}`).join(' ') ?? '';
    return `${id} 127.0.0.1:1@1 myself,master - 0 0 1 connected ${this.words.get(id) ?? served}`;
  }
}

function topologyOf(serving: Serving): Topology {
  const slots = Object.entries(serving).flatMap(([id, ranges]) =>
    ranges.map(([first, last]) => [first, last, [Buffer.from('127.0.0.1'), PORTS[id]!, Buffer.from(id)]]),
  );
  const nodes = Object.keys(serving).map((id) => `${id} 127.0.0.1:${PORTS[id]}@1${PORTS[id]} master - 0 0 1 connected`);
  return Topology.parse(slots, Buffer.from(nodes.join('\n')), (peer) => peer);
}

export class FakeFeed implements Feed {
  readonly kind = 'psync';
  readonly process = undefined;
  /** Answers whatever it is asked by what it serves. */
  get server(): Server | undefined {
    const isMute = this.#cluster.mute.has(this.node.id);
    return isMute ? undefined : ({ connection: this.#connection } as unknown as Server);
  }

  position: FeedPosition | undefined;
  isGone = false;
  isAttached = false;
  isDetached = false;
  caughtUps = 0;
  /** Whether it is behind, for whoever asks now. */
  waits = false;
  #isRefused = false;
  #onDetached: (error: RespError) => void = () => {};
  readonly node: Node;
  readonly sink: FeedSink;
  readonly from: FeedStart | undefined;
  readonly #cluster: FakeCluster;
  readonly #connection = {
    error: undefined as Error | undefined,
    request: async (): Promise<string> => {
      if (this.#cluster.breaks-- <= 0) return this.#cluster.nodesAsSeenBy(this.node);
      this.#connection.error = new Error('It was reset');
      throw this.#connection.error;
    },
  };

  constructor(cluster: FakeCluster, node: Node, sink: FeedSink, from: FeedStart | undefined) {
    this.#cluster = cluster;
    this.node = node;
    this.sink = sink;
    this.from = from;
  }

  async attach(): Promise<void> {
    const { refusals } = this.#cluster;
    const left = refusals.get(this.node.id) ?? 0;
    refusals.set(this.node.id, left - 1);
    this.#isRefused = left > 0;
    await this.#cluster.onAttaching();
    if (this.#isRefused) throw new RespError('LOADING', 'It is loading', { retryable: true });
    this.isAttached = true;
  }

  caughtUp(): Promise<void> {
    this.caughtUps += 1;
    // It has found its way back.
    this.#connection.error = undefined;
    if (this.#isRefused) return Promise.reject(new RespError('LOADING', 'It is loading'));
    return this.waits ? new Promise((_, reject) => (this.#onDetached = reject)) : Promise.resolve();
  }

  reopen(): void {
    assert.fail('there is no sentinel');
  }

  detach(): void {
    this.isDetached = true;
    this.#onDetached(new RespError('CLOSED', 'Nobody follows it any more'));
  }
}
