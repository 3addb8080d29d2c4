// One feed for each node of the source, whoever the nodes are by now: a node that joins or takes over is followed as well, and
// what may have been written there before is a gap.

import { setTimeout as sleep } from 'node:timers/promises';
import { nameOf } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { slotOf, type SlotSet } from '../cluster/slot.ts';
import type { ServerInfo } from '../server/info.ts';
import type { Node } from '../cluster/topology.ts';
import type { FollowedNode } from './followed-node.ts';
import { FollowedNodes, type NewFeed } from './followed-nodes.ts';
import { FollowedPlaces } from './followed-places.ts';
import type { Feed, FeedSink } from './feed.ts';
import type { MissedShare } from './gaps.ts';
import { Hearing } from './hearing.ts';
import { LeftFeeds, type FeedBefore, type LeftFeed } from './left-feeds.ts';
import type { Removed } from './removed-counts.ts';
import type { ToldKey } from './told-keys.ts';
import { WrittenKeys, type Written } from './written-keys.ts';

export interface FeedsSink extends Pick<FeedSink, 'onChange' | 'onFailed'> {
  /** The key is to be read as after a change, though it may only have come or gone with its slot; see `written`. */
  onMoved(db: number | undefined, key: Buffer): void;
  onMissed(share: MissedShare): void;
}

/** Milliseconds between two looks at who is there. */
const LOOK_MS = 1000;
/** The same where something hinders, or was found, and somebody waits for it. */
const HURRIED_LOOK_MS = 100;

const NOTHING_WRITTEN: Written = { keys: [], slots: [] };

/** Of a look: more was told or is missed by it, or not all that is there could be looked at. */
type Found = 'nothing' | 'something' | 'trouble';

export class Feeds {
  readonly #deployment: Deployment;
  readonly #places: FollowedPlaces;
  readonly #sink: FeedsSink;
  readonly #nodes: FollowedNodes;
  /** Of the nodes that are read. */
  readonly hearing: Hearing;
  #looking: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #isLearning = false;
  #written: WrittenKeys | undefined;

  constructor(deployment: Deployment, newFeed: NewFeed, sink: FeedsSink) {
    this.#deployment = deployment;
    this.#places = new FollowedPlaces(deployment);
    this.#nodes = new FollowedNodes(deployment, newFeed, {
      onChange: (followed, db, key) => this.#onChange(followed, db, key),
      onMissed: (share) => sink.onMissed(share),
      onFailed: (error) => sink.onFailed(error),
    });
    this.hearing = new Hearing(deployment, this.#nodes.byId);
    this.#sink = sink;
  }

  /**
   * Resolves once every change that any node acknowledges from then on will be told.
   * @param left where they go on, as of `Following.attach`: what was missed since is told as a gap
   * @throws RespError
   */
  async attach(left?: readonly FeedBefore[]): Promise<void> {
    const before = left && new LeftFeeds(left);
    const attach = (node: Node): Promise<unknown> =>
      before ? this.#nodes.goOn(node, before) : this.#nodes.follow(node, undefined);
    await Promise.all(this.#places.served.map(attach));
    // Slots of the part may be on the way to others.
    for (const node of await this.#places.all(this.#asker(), false))
      if (!this.#nodes.byId.has(node.id)) await attach(node);
  }

  /** Looks who is there, until `detach`. */
  async watch(): Promise<void> {
    if (this.#deployment.kind === 'server') return;
    while (!this.#isOver) {
      await sleep(LOOK_MS, undefined, { ref: false });
      await this.#lookNext();
    }
  }

  /**
   * Resolves once every change that any node had acknowledged before the call is told, or is part of a gap that is told.
   * @param looks whether nodes count as well that have joined or taken over since the last look
   */
  async caughtUp({ looks = false } = {}): Promise<void> {
    while (!this.#isOver) {
      const followed = this.#nodes.all;
      await Promise.all(followed.map((one) => this.#nodes.caughtUpWith(one)));
      if (!looks || this.#deployment.kind === 'server') return;
      const found = await this.#lookNext(true);
      if (found !== 'nothing') await sleep(HURRIED_LOOK_MS);
      // Another look may have found who has taken over meanwhile.
      const hasJoined = this.#nodes.all.some((one) => !followed.includes(one));
      if (found === 'nothing' && !hasJoined) return;
    }
  }

  /** How far each node's changes are told. */
  get left(): readonly LeftFeed[] {
    const { topology, isCluster } = this.#deployment;
    return this.#nodes.all.map(({ node, feed }) => ({
      id: node.id,
      position: feed.position ?? null,
      slots: isCluster ? topology.rangesOf(node) : [],
    }));
  }

  /** Whether nothing is told that has to be told once more, when it is known who serves it. */
  get isPlain(): boolean {
    if (this.#isLearning || this.hearing.hasUnheard) return false;
    for (const { elsewhere, missed } of this.#nodes.all) if (elsewhere.hasAny || missed !== undefined) return false;
    return true;
  }

  /** See `FollowedNodes`. */
  infos(): Promise<ReadonlyMap<string, ServerInfo>> {
    return this.#nodes.infos();
  }

  /** What the servers have removed by themselves until now. */
  async removed(): Promise<Removed> {
    await this.#nodes.infos();
    return this.#nodes.removed;
  }

  get feeds(): readonly Feed[] {
    return this.#nodes.all.map(({ feed }) => feed);
  }

  /** From now on the nodes of a cluster are asked which of the changes that they tell are writes: see `written`. */
  tellWritesApart(): void {
    if (this.#deployment.isCluster) this.#written ??= new WrittenKeys();
  }

  get tellsWritesApart(): boolean {
    return this.#written !== undefined;
  }

  /** What was written since the last time; empty where changes are told as they come. All of it has to be told by now. */
  async written(): Promise<Written> {
    const primaries = (): string[] => this.#deployment.topology.primaries.map(({ id }) => id);
    const asked = { nodeIds: this.#nodes.byId.keys(), caughtUp: () => this.caughtUp(), ask: this.#asker(), primaries };
    return (await this.#written?.take(asked)) ?? NOTHING_WRITTEN;
  }

  detach(): void {
    this.#isOver = true;
    this.hearing.end();
    this.#nodes.detach();
  }

  /**
   * A node tells of keys that come with their slot before it serves it; and it may serve one, and have changed there what it
   * tells, before anybody else has heard of that: whoever is asked for the key may answer with what was before. So that
   * one is read again as soon as the node itself was asked what it serves.
   */
  #onChange({ node, elsewhere }: FollowedNode, db: number | undefined, key: Buffer): void {
    if (!this.#deployment.part.has(key)) return;
    const isOwn = !this.#deployment.isCluster || this.#deployment.nodeOf(key)?.id === node.id;
    if (isOwn && this.#written === undefined) return this.#sink.onChange(db, key);
    if (!isOwn) this.#deployment.moves.add([slotOf(key)]);
    this.#sink.onMoved(db, key);
    if (isOwn) return this.#written?.add(node.id, db, key);
    this.#written?.addElsewhere(node.id, key);
    elsewhere.add(db, key);
  }

  /** Asks a node that is followed what it serves. */
  #asker(): (id: string) => Promise<string | undefined> {
    return async (id) => this.#nodes.byId.get(id)?.askNodes();
  }

  /** Looks once the look that is under way is over, which may have asked too early. */
  #lookNext(asksAll = false): Promise<Found> {
    const look = this.#looking.then(() => (this.#isOver ? 'nothing' : this.#lookAnew(asksAll)));
    this.#looking = look.catch(() => {});
    return look;
  }

  /** @throws RespError */
  async #lookAnew(asksAll: boolean): Promise<Found> {
    const nodes = this.#nodes.all;
    const missed = nodes.map((followed) => {
      const reason = followed.missed;
      followed.missed = undefined;
      return reason;
    });
    const told = nodes.filter(({ elsewhere }) => !elsewhere.isEmpty);
    this.#isLearning = told.length > 0 || missed.some((reason) => reason !== undefined);
    let found: Found = 'nothing';
    try {
      if (!(await this.#learn(told))) found = 'trouble';
      if (this.#isOver) return 'nothing';
      for (const [i, followed] of nodes.entries()) {
        if ((await this.#meet(followed, missed[i])) && found === 'nothing') found = 'something';
        // Others may not know what it serves, so what of that is missed is still to be found out.
        if (followed.missed !== undefined && !followed.feed.isGone) found = 'trouble';
      }
    } finally {
      this.#isLearning = false;
    }
    const joined = await this.#look(asksAll);
    return joined === 'nothing' || found === 'trouble' ? found : joined;
  }

  /** Who serves what. @returns false where nobody would say */
  async #learn(nodes: readonly FollowedNode[]): Promise<boolean> {
    let isKnown = true;
    for (const followed of nodes) {
      const { elsewhere, node } = followed;
      const keys = elsewhere.take();
      isKnown = (await this.#deployment.tryRefresh(node.peer)) && isKnown;
      for (const { db, key } of keys) {
        this.#sink.onMoved(db, key);
        if (!isKnown) elsewhere.add(db, key);
      }
    }
    return nodes.length > 0 ? isKnown : this.#deployment.tryRefresh();
  }

  /** @param before as `FollowedNode.missed` was before it was asked what it serves. @returns whether more is missed now */
  async #meet(followed: FollowedNode, before: string | undefined): Promise<boolean> {
    const { node, slots, elsewhere } = followed;
    const { topology, isCluster } = this.#deployment;
    if (!isCluster) return followed.demandPlace(topology.nodes[0]!);
    const untold = elsewhere.takeSlots();
    const missed = before ?? followed.missed;
    const served = topology.slotsOf(node);
    if (missed !== undefined) {
      const own = await followed.askOwn();
      if (own === undefined && !followed.isOpen && !followed.feed.isGone) followed.missed ??= missed;
      served.addAll(own ?? []);
      // It may have come while the node was not heard.
      for (const slot of served) if (!slots.has(slot)) untold.add(slot);
    }
    slots.addAll(served);
    if (untold.size === 0) return false;
    // A gap is walked where the slots are, as far as that is known.
    if (missed !== undefined) await this.#deployment.tryRefresh(node.peer);
    const reason = missed ?? cameTo(node);
    this.#nodes.tellMissed({ reason, databases: undefined, slots: untold, isFlush: false });
    return true;
  }

  async #look(asksAll: boolean): Promise<Found> {
    if (!this.#deployment.isCluster) return 'nothing';
    let found: Found = 'nothing';
    const due = await this.#places.all(this.#asker(), asksAll);
    for (const node of due) {
      if (this.#isOver || this.#nodes.byId.get(node.id)?.feed.isGone === false) continue;
      const hasJoined = await this.#join(node);
      // One that serves nothing may be there by name alone.
      const isMissed = !hasJoined && this.#deployment.topology.slotsOf(node).size > 0;
      if (isMissed) found = 'trouble';
      else if (hasJoined && found === 'nothing') found = 'something';
    }
    const { topology } = this.#deployment;
    for (const followed of this.#nodes.all) {
      followed.look(!due.some(({ id }) => id === followed.node.id));
      if (this.#nodes.letGo(followed)) this.#tellElsewhere(followed);
    }
    // What serves nothing may be there by name alone.
    const awaited = due.filter(({ id }) => topology.nodes.some((node) => node.id === id));
    this.hearing.settleOthers((id) => awaited.some((node) => node.id === id));
    const isTold = this.#tellUnheard();
    return isTold && found === 'nothing' ? 'something' : found;
  }

  /** What has been told of slots of others is read once more, whoever has them by now. */
  #tellElsewhere({ node, elsewhere }: FollowedNode): void {
    this.#readAgain(elsewhere.take(), elsewhere.takeSlots(), cameTo(node));
  }

  /** By name, or by slot where there were too many names. */
  #readAgain(keys: readonly Pick<ToldKey, 'db' | 'key'>[], slots: SlotSet, reason: string): void {
    for (const { db, key } of keys) this.#sink.onMoved(db, key);
    if (slots.size > 0) this.#nodes.tellMissed({ reason, databases: undefined, slots, isFlush: false });
  }

  /** @returns whether it is followed */
  async #join(node: Node): Promise<boolean> {
    const joined = await this.#nodes.join(node);
    if (joined === undefined) return false;
    const { followed, isMissed } = joined;
    this.hearing.settle(node.id, (slot) => !isMissed || followed.mayHaveServed(slot));
    return true;
  }

  /** @returns whether there is anything to be read once more */
  #tellUnheard(): boolean {
    const { keys, slots } = this.hearing.takeUnheard();
    this.#readAgain(keys, slots, 'many keys were read at nodes before these were followed');
    return keys.length + slots.size > 0;
  }
}

function cameTo({ peer }: Node): string {
  return `many keys came to ${nameOf(peer)} with their slots`;
}
