// Where the feeds were when a copy was broken off, or begin behind a snapshot, and which of them each node of now goes on from.

import { SlotSet, type SlotRange } from '../cluster/slot.ts';
import type { Node, Topology } from '../cluster/topology.ts';
import type { Feed, FeedPosition, FeedStart } from './feed.ts';

/** Plain, so that it can be kept as JSON. */
export interface LeftFeed {
  /** Of its node. */
  readonly id: string;
  /** `null` where nobody can go on from there. */
  readonly position: FeedPosition | null;
  /** Those that the node served; none where it is no cluster. */
  readonly slots: readonly SlotRange[];
}

/** The same of a feed that may be yet to learn where it goes on. */
export interface FeedBefore extends Omit<LeftFeed, 'position'> {
  readonly position: FeedStart;
}

/** What is known of one node's feed, by the node and where it was left; the slots of a cluster are those of now. */
export class LeftFeeds {
  readonly #left: readonly FeedBefore[];

  constructor(left: readonly FeedBefore[]) {
    this.#left = left;
  }

  /** Its own, or that of a node which served some of its slots, and is no primary any more. */
  of({ id }: Node, slots: SlotSet, topology: Topology): FeedBefore | undefined {
    const own = this.#left.find((left) => left.id === id);
    return own ?? this.#left.find((left) => topology.find(left.id) === undefined && serves(left, slots));
  }

  /**
   * The slots of which changes may have been missed, though the feed goes on from there; all where it does not.
   * @param before where that was known
   * @param served by its node
   */
  missedBy(feed: Feed, before: Pick<LeftFeed, 'slots'> | undefined, served: SlotSet, isCluster: boolean): SlotSet {
    const missed = new SlotSet();
    missed.addAll(served);
    if (before === undefined || feed.kind !== 'psync') return missed;
    if (!isCluster) return new SlotSet();
    for (const slot of new SlotSet(before.slots)) missed.delete(slot);
    return missed;
  }
}

function serves({ slots }: FeedBefore, wanted: SlotSet): boolean {
  for (const slot of new SlotSet(slots)) if (wanted.has(slot)) return true;
  return false;
}
