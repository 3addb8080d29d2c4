// The nodes of the source that are followed: who begins to be, who goes on for another one or for an earlier run, and who is let go
// of. What was missed of a node is told as it comes and goes.

import { nameOf, RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import type { Feed, FeedSink, FeedStart, Gap } from './feed.ts';
import type { ServerInfo } from '../server/info.ts';
import { FollowedNode } from './followed-node.ts';
import type { MissedShare } from './gaps.ts';
import type { LeftFeeds } from './left-feeds.ts';
import { sumOf, type Removed } from './removed-counts.ts';

export type NewFeed = (node: Node, sink: FeedSink, from: FeedStart | undefined) => Feed;

export interface FollowedNodesSink {
  onChange(followed: FollowedNode, db: number | undefined, key: Buffer): void;
  onMissed(share: MissedShare): void;
  /** One is lost for good, and nobody takes its place. */
  onFailed(error: RespError): void;
}

export interface Joined {
  readonly followed: FollowedNode;
  /** Whether what was written there before is a gap. */
  readonly isMissed: boolean;
}

export class FollowedNodes {
  readonly #deployment: Deployment;
  readonly #newFeed: NewFeed;
  readonly #sink: FollowedNodesSink;
  /** In the order in which they came. */
  readonly #nodes = new Map<string, FollowedNode>();
  /** By those that were let go of. */
  #removed: Removed = { keys: 0, fields: 0 };
  #isOver = false;

  constructor(deployment: Deployment, newFeed: NewFeed, sink: FollowedNodesSink) {
    this.#deployment = deployment;
    this.#newFeed = newFeed;
    this.#sink = sink;
  }

  get byId(): ReadonlyMap<string, FollowedNode> {
    return this.#nodes;
  }

  get all(): readonly FollowedNode[] {
    return [...this.#nodes.values()];
  }

  /** What the server behind each feed says of itself now, by the id of its node; whoever does not say is missing. */
  async infos(): Promise<ReadonlyMap<string, ServerInfo>> {
    const infos = new Map<string, ServerInfo>();
    const asking = this.all.map(async (followed) => {
      const info = await followed.askInfo();
      if (info !== undefined) infos.set(followed.node.id, info);
    });
    await Promise.all(asking);
    return infos;
  }

  /** What all that are or were followed have removed by themselves, as they have said last: that never grows less. */
  get removed(): Removed {
    return sumOf([this.#removed, ...this.all.map(({ removed }) => removed)]);
  }

  /** @throws RespError */
  async follow(node: Node, from: FeedStart | undefined): Promise<FollowedNode> {
    const newFeed = (followed: FollowedNode): Feed => {
      const sink: FeedSink = {
        onChange: (db, key) => this.#sink.onChange(followed, db, key),
        onGap: (gap) => this.#onGap(followed, gap),
        onFailed: (error) => this.#onFailed(followed, error),
      };
      return this.#newFeed(node, sink, from);
    };
    const followed = new FollowedNode(node, this.#deployment.topology.slotsOf(node), newFeed);
    this.#nodes.set(node.id, followed);
    await followed.feed.attach();
    // What it removes from then on is told.
    await followed.askInfo();
    followed.isAttached = true;
    return followed;
  }

  /** Follows it from where an earlier run was left. @throws RespError */
  async goOn(node: Node, left: LeftFeeds): Promise<void> {
    const { topology, isCluster, part } = this.#deployment;
    const before = left.of(node, topology.slotsOf(node), topology);
    const followed = await this.follow(node, before?.position);
    const { feed, slots } = followed;
    if (!part.isWhole || before === undefined) await this.#addOwn(followed);
    const position = await before?.position;
    const missed = left.missedBy(feed, position ? before : undefined, slots, isCluster);
    if (missed.size === 0) return;
    const reason = `what was written to ${nameOf(node.peer)} before it was followed is not known by name`;
    this.tellMissed({ reason, databases: undefined, slots: isCluster ? missed : undefined, isFlush: false });
  }

  /** What a node that has taken over has of its predecessor's history, it goes on to tell. `undefined` where it cannot be followed now. */
  async join(node: Node): Promise<Joined | undefined> {
    const slots = this.#deployment.topology.slotsOf(node);
    const before = this.#predecessorOf(slots);
    const from = before?.feed.position;
    // Where it was a primary before, it is one anew, and comes last.
    this.#drop(this.#nodes.get(node.id));
    try {
      const followed = await this.follow(node, from);
      // Others may not have heard of what it serves, and a gap is walked where they say.
      await this.#deployment.refreshIfPossible(node.peer);
      followed.slots.addAll(this.#deployment.topology.slotsOf(node));
      await this.#addOwn(followed);
      const isMissed = from === undefined || followed.missed !== undefined;
      if (before !== undefined) before.isSucceeded = !isMissed || followed.mayHaveServedAll(before);
      const gap = { reason: `${nameOf(node.peer)} serves slots by now` };
      if (isMissed && followed.slots.size + followed.asked.size > 0)
        this.tellMissed(followed.shareOf(gap, this.#deployment.isCluster));
      return { followed, isMissed };
    } catch (error) {
      this.#drop(this.#nodes.get(node.id));
      if (!(error instanceof RespError)) throw error;
      // It is met again at the next look, if it is still there.
      if (!error.retryable) this.#sink.onFailed(error);
      return undefined;
    }
  }

  /**
   * Lets it go where it is no primary any more, or has told all, having given away what is followed. What it had changed before,
   * and has not told, nobody else knows: whoever serves its slots by now may have been followed all the while.
   * @returns whether it is let go
   */
  letGo(followed: FollowedNode): boolean {
    const { node, isDone, owesNothing } = followed;
    if (!isDone && !this.#isReplaced(followed)) return false;
    const gap = { reason: `${nameOf(node.peer)} is no primary any more` };
    if (!owesNothing) this.tellMissed(followed.shareOf(gap, this.#deployment.isCluster));
    this.#drop(followed);
    return true;
  }

  /** @throws RespError where it is lost, and nobody takes its place */
  async caughtUpWith(followed: FollowedNode): Promise<void> {
    try {
      await followed.feed.caughtUp();
    } catch (error) {
      const isFollowed = !this.#isOver && this.#nodes.get(followed.node.id) === followed;
      if (isFollowed && followed.isAttached && !this.#isReplaced(followed)) throw error;
    }
  }

  detach(): void {
    this.#isOver = true;
    for (const { feed } of this.#nodes.values()) feed.detach();
  }

  /** What was missed of slots that are not of the part, is of no concern. */
  tellMissed(missed: MissedShare): void {
    const { slots } = missed;
    const { part } = this.#deployment;
    if (part.isWhole || slots === undefined || part.keepOf(slots).size > 0) this.#sink.onMissed(missed);
  }

  #drop(followed: FollowedNode | undefined): void {
    if (followed === undefined) return;
    followed.feed.detach();
    this.#removed = sumOf([this.#removed, followed.removed]);
    this.#nodes.delete(followed.node.id);
  }

  #isReplaced({ node }: FollowedNode): boolean {
    return this.#deployment.isCluster && this.#deployment.topology.find(node.id) === undefined;
  }

  /** Who served these slots last and is no primary any more, or was none in between. */
  #predecessorOf(slots: SlotSet): FollowedNode | undefined {
    return this.all.findLast(
      (followed) => (followed.feed.isGone || this.#isReplaced(followed)) && followed.hasServed(slots),
    );
  }

  /**
   * What it serves, or takes over key by key, may have been written there before it was followed, whether others have heard of that
   * or not. One that does not say may serve any slot of the part.
   */
  async #addOwn(followed: FollowedNode): Promise<void> {
    const { part } = this.#deployment;
    const own = await followed.askOwn();
    followed.slots.addAll(own ?? (part.isWhole ? [] : part.slots));
  }

  #onGap(followed: FollowedNode, gap: Gap): void {
    const { isCluster } = this.#deployment;
    if (isCluster && gap.slots === undefined) followed.missed ??= gap.reason;
    this.tellMissed(followed.shareOf(gap, isCluster));
  }

  #onFailed(followed: FollowedNode, error: RespError): void {
    // Whoever takes its place is followed.
    if (!this.#isReplaced(followed)) this.#sink.onFailed(error);
  }
}
