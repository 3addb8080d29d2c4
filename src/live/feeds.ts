// One feed for each node of the source, whoever the nodes are by now: a node that joins or takes over is followed as well, and
// what may have been written there before is a gap.

import { setTimeout as sleep } from 'node:timers/promises';
import { nameOf, RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import type { Feed, FeedPosition, FeedSink, Gap } from './feed.ts';
import type { MissedShare } from './gaps.ts';

export interface FeedsSink extends Pick<FeedSink, 'onChange' | 'onFailed'> {
  onMissed(share: MissedShare): void;
}

export type NewFeed = (node: Node, sink: FeedSink, from: FeedPosition | undefined) => Feed;

/** Milliseconds between two looks at who is there. */
const LOOK_MS = 1000;

interface FollowedNode {
  readonly node: Node;
  readonly feed: Feed;
  /** Every slot that it was seen to serve. */
  readonly slots: SlotSet;
  isAttached: boolean;
}

export class Feeds {
  readonly #deployment: Deployment;
  readonly #newFeed: NewFeed;
  readonly #sink: FeedsSink;
  readonly #nodes = new Map<string, FollowedNode>();
  #isOver = false;

  constructor(deployment: Deployment, newFeed: NewFeed, sink: FeedsSink) {
    this.#deployment = deployment;
    this.#newFeed = newFeed;
    this.#sink = sink;
  }

  /**
   * Resolves once every change that any node acknowledges from then on will be told.
   * @param positions where each node's feed was left, by the id of the node
   * @throws RespError
   */
  async attach(positions: ReadonlyMap<string, FeedPosition> = new Map()): Promise<void> {
    const { primaries } = this.#deployment.topology;
    await Promise.all(primaries.map((node) => this.#follow(node, positions.get(node.id))));
  }

  /** Looks who is there, until `detach`. */
  async watch(): Promise<void> {
    if (this.#deployment.kind === 'server') return;
    while (!this.#isOver) {
      await sleep(LOOK_MS, undefined, { ref: false });
      await this.#deployment.refreshIfPossible();
      if (!this.#isOver) await this.#look();
    }
  }

  /** Resolves once every change that any node had acknowledged before the call is told, or is part of a gap that is told. */
  async caughtUp(): Promise<void> {
    await Promise.all(Array.from(this.#nodes.values(), ({ feed }) => feed.caughtUp()));
  }

  /** How far each node's changes are told, by the id of the node; those that cannot go on from anywhere are missing. */
  get positions(): ReadonlyMap<string, FeedPosition> {
    const positions = new Map<string, FeedPosition>();
    for (const [id, { feed }] of this.#nodes) if (feed.position !== undefined) positions.set(id, feed.position);
    return positions;
  }

  /** The server process behind each feed, by the id of its node. */
  get processes(): ReadonlyMap<string, string> {
    const processes = new Map<string, string>();
    for (const [id, { feed }] of this.#nodes) if (feed.server !== undefined) processes.set(id, feed.server.info.runId);
    return processes;
  }

  get feeds(): readonly Feed[] {
    return Array.from(this.#nodes.values(), ({ feed }) => feed);
  }

  detach(): void {
    this.#isOver = true;
    for (const { feed } of this.#nodes.values()) feed.detach();
  }

  async #follow(node: Node, from: FeedPosition | undefined): Promise<FollowedNode> {
    const followed: FollowedNode = {
      node,
      slots: this.#deployment.topology.slotsOf(node),
      isAttached: false,
      feed: this.#newFeed(
        node,
        {
          onChange: (db, key) => this.#sink.onChange(db, key),
          onGap: (gap) => this.#sink.onMissed(this.#shareOf(followed, gap)),
          onFailed: (error) => this.#onFailed(followed, error),
        },
        from,
      ),
    };
    this.#nodes.set(node.id, followed);
    await followed.feed.attach();
    followed.isAttached = true;
    return followed;
  }

  async #look(): Promise<void> {
    const { topology } = this.#deployment;
    for (const { node, slots, feed } of this.#nodes.values()) {
      if (this.#deployment.isCluster) slots.addAll(topology.slotsOf(node));
      else this.#demandPlace(feed, topology.nodes[0]!);
    }
    for (const node of topology.primaries) if (!this.#nodes.has(node.id)) await this.#join(node);
    for (const [id, { feed }] of this.#nodes) {
      if (topology.find(id) !== undefined) continue;
      feed.detach();
      this.#nodes.delete(id);
    }
  }

  /** Sentinels say that the primary is elsewhere by now, while the old one still answers. */
  #demandPlace(feed: Feed, { peer }: Node): void {
    const { server } = feed;
    if (server === undefined || nameOf(server.connection.peer) === nameOf(peer)) return;
    const message = `Cannot follow ${nameOf(server.connection.peer)} any more: the primary is ${nameOf(peer)} by now`;
    feed.reopen(new RespError('REPLACED', message, { peer: server.connection.peer, retryable: true }));
  }

  /** What a node that has taken over has of its predecessor's history, it goes on to tell. */
  async #join(node: Node): Promise<void> {
    const slots = this.#deployment.topology.slotsOf(node);
    const from = this.#predecessorOf(slots)?.feed.position;
    try {
      const followed = await this.#follow(node, from);
      await this.#deployment.refreshIfPossible();
      followed.slots.addAll(this.#deployment.topology.slotsOf(node));
      const isNew = from === undefined && followed.slots.size > 0;
      if (isNew) this.#sink.onMissed(this.#shareOf(followed, { reason: `${nameOf(node.peer)} serves slots by now` }));
    } catch (error) {
      this.#nodes.delete(node.id);
      if (!(error instanceof RespError)) throw error;
      // It is met again at the next look, if it is still there.
      if (!error.retryable) this.#sink.onFailed(error);
    }
  }

  /** Who served these slots and is no primary any more. */
  #predecessorOf(slots: SlotSet): FollowedNode | undefined {
    const { topology } = this.#deployment;
    for (const followed of this.#nodes.values()) {
      if (topology.find(followed.node.id) === undefined && intersect(followed.slots, slots)) return followed;
    }
    return undefined;
  }

  #onFailed({ node }: FollowedNode, error: RespError): void {
    // Whoever takes its place is followed.
    const isGone = this.#deployment.isCluster && this.#deployment.topology.find(node.id) === undefined;
    if (!isGone) this.#sink.onFailed(error);
  }

  #shareOf({ slots }: FollowedNode, { reason, databases, slots: some, isFlush = false }: Gap): MissedShare {
    const { isCluster } = this.#deployment;
    const own = some === undefined ? copyOf(slots) : new SlotSet(some.map((slot) => [slot, slot] as const));
    return { reason, databases, slots: isCluster ? own : undefined, isFlush };
  }
}

function intersect(one: SlotSet, other: SlotSet): boolean {
  for (const slot of other) if (one.has(slot)) return true;
  return false;
}

function copyOf(slots: SlotSet): SlotSet {
  const copy = new SlotSet();
  copy.addAll(slots);
  return copy;
}
