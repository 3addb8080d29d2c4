// A node of the source as it is followed: its feed, what it has served since, and what of that was missed.

import { nameOf, RespError } from '../../resp/errors.ts';
import { SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import { ownSlots } from '../scan/coverage.ts';
import { askInfo, type ServerInfo } from '../server/info.ts';
import type { Server } from '../server/server.ts';
import type { Feed, Gap } from './feed.ts';
import type { MissedShare } from './gaps.ts';
import { RemovedCounts } from './removed-counts.ts';
import { ToldKeys } from './told-keys.ts';

export class FollowedNode {
  readonly node: Node;
  readonly feed: Feed;
  /** Every slot that it was seen to serve. */
  readonly slots: SlotSet;
  /** Slots of which keys were asked for there: it may have served one between two looks alone. */
  readonly asked = new SlotSet();
  /** What it has told of slots that another node serves, as far as that is known. */
  readonly elsewhere = new ToldKeys();
  /** Since it is followed. */
  readonly removed = new RemovedCounts();
  /** Until then whoever wants to follow it hears what is wrong. */
  isAttached = false;
  /** Whether another one goes on to tell what it has not told yet, or all of that counts as missed there. */
  isSucceeded = false;
  /** Why something was missed of all that it serves, until a look has found out what that is. */
  missed: string | undefined;

  /** Since when nothing is there that is followed, and whether what the node had changed by then is told. */
  #left: { isTold: boolean } | undefined;

  constructor(node: Node, slots: SlotSet, newFeed: (followed: FollowedNode) => Feed) {
    this.node = node;
    this.slots = slots;
    this.feed = newFeed(this);
  }

  /** @param isLeft whether the node has given all that is followed to others: what it had changed before, it may still have to tell */
  look(isLeft: boolean): void {
    if (!isLeft) this.#left = undefined;
    else if (this.#left === undefined) {
      const left = { isTold: false };
      this.#left = left;
      // Where it is lost meanwhile, it is asked again by the feed that takes its place.
      const onTold = (): void => void (left.isTold = true);
      const onLost = (): void => void (this.#left = undefined);
      this.feed.caughtUp().then(onTold, onLost);
    }
  }

  /** Whether nothing that it had changed is left to be told: where it is gone for good, it has said so itself. */
  get owesNothing(): boolean {
    return this.isDone || this.isSucceeded || this.feed.isGone || this.slots.size + this.asked.size === 0;
  }

  /** Whether all is told that it had changed when it gave the last of its slots away, and it may be let go. */
  get isDone(): boolean {
    return this.#left?.isTold === true && !this.elsewhere.hasAny;
  }

  /** What the server says of itself now; `undefined` where it does not say, or is being reached anew. */
  async askInfo(): Promise<ServerInfo | undefined> {
    const server = this.#open;
    const info = await (server && askInfo(server.connection).catch(() => undefined));
    if (info !== undefined) this.removed.hear(info);
    return info;
  }

  /** CLUSTER NODES as the node itself has it, in the process that has told: no other one knows what that one serves. */
  async askNodes(): Promise<string | undefined> {
    return this.#open?.connection.request('CLUSTER NODES').then(String, () => undefined);
  }

  /** The slots that it says itself to serve or to take over; `undefined` where it does not answer. */
  async askOwn(): Promise<SlotSet | undefined> {
    const nodes = await this.askNodes();
    if (nodes === undefined) return undefined;
    const slots = new SlotSet();
    const own = ownSlots(nodes, this.node.id);
    for (const some of [own?.serving, own?.coming]) slots.addAll(some ?? []);
    return slots;
  }

  /** Sentinels say that the primary is elsewhere by now, while the old one still answers. Returns whether it is let go of. */
  demandPlace({ peer }: Node): boolean {
    const { server } = this.feed;
    if (server === undefined || nameOf(server.connection.peer) === nameOf(peer)) return false;
    const message = `Cannot follow ${nameOf(server.connection.peer)} any more: the primary is ${nameOf(peer)} by now`;
    this.feed.reopen(new RespError('REPLACED', message, { peer: server.connection.peer, retryable: true }));
    return true;
  }

  hasServed(some: SlotSet): boolean {
    for (const slot of some) if (this.slots.has(slot)) return true;
    return false;
  }

  /** Whether it may have changed anything of the slot: what is missed of all of the node is so of this one. */
  mayHaveServed(slot: number): boolean {
    return this.slots.has(slot) || this.asked.has(slot);
  }

  /** The same of every slot of which another one may have. */
  mayHaveServedAll({ slots, asked }: FollowedNode): boolean {
    return [...slots, ...asked].every((slot) => this.mayHaveServed(slot));
  }

  /** @param isCluster otherwise there are no slots */
  shareOf({ reason, databases, slots: some, isFlush = false, isWrite = false }: Gap, isCluster: boolean): MissedShare {
    const slots = new SlotSet(some?.map((slot) => [slot, slot] as const) ?? []);
    for (const all of some === undefined ? [this.slots, this.asked] : []) slots.addAll(all);
    return { reason, databases, slots: isCluster ? slots : undefined, isFlush, isWrite };
  }

  /** Whether it can be asked now. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  get #open(): Server | undefined {
    const { server } = this.feed;
    return server?.connection.error === undefined ? server : undefined;
  }
}
