// One feed for each node of the source, whoever the nodes are by now: a node that joins or takes over is followed as well, and
// what may have been written there before is a gap.

import { setTimeout as sleep } from 'node:timers/promises';
import { nameOf, RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { slotOf, type SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import { FollowedNode, type SaidInfos } from './followed-node.ts';
import { FollowedPlaces } from './followed-places.ts';
import type { Feed, FeedSink, FeedStart, Gap } from './feed.ts';
import type { MissedShare } from './gaps.ts';
import { Hearing } from './hearing.ts';
import { LeftFeeds, type FeedBefore, type LeftFeed } from './left-feeds.ts';
import { WrittenKeys, type Written } from './written-keys.ts';

export interface FeedsSink extends Pick<FeedSink, 'onChange' | 'onFailed'> {
  /** The key is to be read as after a change, though it may only have come or gone with its slot; see `written`. */
  onMoved(db: number | undefined, key: Buffer): void;
  onMissed(share: MissedShare): void;
}

export type NewFeed = (node: Node, sink: FeedSink, from: FeedStart | undefined) => Feed;

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
  readonly #newFeed: NewFeed;
  readonly #sink: FeedsSink;
  /** In the order in which they came. */
  readonly #nodes = new Map<string, FollowedNode>();
  /** Of the nodes that are read. */
  readonly hearing: Hearing;
  #looking: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #isLearning = false;
  #written: WrittenKeys | undefined;
  readonly #lastInfos: SaidInfos[] = [];

  constructor(deployment: Deployment, newFeed: NewFeed, sink: FeedsSink) {
    this.#deployment = deployment;
    this.#places = new FollowedPlaces(deployment);
    this.hearing = new Hearing(deployment, this.#nodes);
    this.#newFeed = newFeed;
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
      before ? this.#goOn(node, before) : this.#follow(node, undefined);
    await Promise.all(this.#places.served.map(attach));
    // Slots of the part may be on the way to others.
    for (const node of await this.#places.all(this.#asker(), false)) if (!this.#nodes.has(node.id)) await attach(node);
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
      const followed = [...this.#nodes.values()];
      await Promise.all(followed.map((one) => this.#caughtUpWith(one)));
      if (!looks || this.#deployment.kind === 'server') return;
      const found = await this.#lookNext(true);
      if (found !== 'nothing') await sleep(HURRIED_LOOK_MS);
      // Another look may have found who has taken over meanwhile.
      const hasJoined = [...this.#nodes.values()].some((one) => !followed.includes(one));
      if (found === 'nothing' && !hasJoined) return;
    }
  }

  /** How far each node's changes are told. */
  get left(): readonly LeftFeed[] {
    const { topology, isCluster } = this.#deployment;
    return Array.from(this.#nodes.values(), ({ node, feed }) => ({
      id: node.id,
      position: feed.position ?? null,
      slots: isCluster ? topology.rangesOf(node) : [],
    }));
  }

  /** Whether nothing is told that has to be told once more, when it is known who serves it. */
  get isPlain(): boolean {
    if (this.#isLearning || this.hearing.hasUnheard) return false;
    for (const { elsewhere, missed } of this.#nodes.values())
      if (elsewhere.hasAny || missed !== undefined) return false;
    return true;
  }

  /** What the server behind each feed says of itself now; whoever does not say is missing. */
  async infos(): Promise<readonly SaidInfos[]> {
    const asked = await Promise.all(Array.from(this.#nodes.values(), (followed) => followed.askInfos()));
    return asked.filter((said) => said !== undefined);
  }

  /** What those said last that were let go of since the last time, and since `tellWritesApart`. */
  takeLastInfos(): readonly SaidInfos[] {
    return this.#lastInfos.splice(0);
  }

  get feeds(): readonly Feed[] {
    return Array.from(this.#nodes.values(), ({ feed }) => feed);
  }

  /** From now on the nodes of a cluster are asked which of the changes that they tell are writes: see `written`. */
  tellWritesApart(): void {
    if (this.#deployment.isCluster) this.#written ??= new WrittenKeys();
  }

  /** What was written since the last time; empty where changes are told as they come. All of it has to be told by now. */
  async written(): Promise<Written> {
    const ask = async (id: string): Promise<string | undefined> => this.#nodes.get(id)?.askNodes();
    const primaries = (): string[] => this.#deployment.topology.primaries.map(({ id }) => id);
    const asked = { nodeIds: this.#nodes.keys(), caughtUp: () => this.caughtUp(), ask, primaries };
    return (await this.#written?.take(asked)) ?? NOTHING_WRITTEN;
  }

  detach(): void {
    this.#isOver = true;
    this.hearing.end();
    for (const { feed } of this.#nodes.values()) feed.detach();
  }

  /** @throws RespError where it is lost, and nobody takes its place */
  async #caughtUpWith(followed: FollowedNode): Promise<void> {
    try {
      await followed.feed.caughtUp();
    } catch (error) {
      const isFollowed = !this.#isOver && this.#nodes.get(followed.node.id) === followed;
      if (isFollowed && followed.isAttached && !this.#isReplaced(followed)) throw error;
    }
  }

  #isReplaced({ node }: FollowedNode): boolean {
    return this.#deployment.isCluster && this.#deployment.topology.find(node.id) === undefined;
  }

  async #goOn(node: Node, left: LeftFeeds): Promise<void> {
    const { topology, isCluster, part } = this.#deployment;
    const before = left.of(node, topology.slotsOf(node), topology);
    const followed = await this.#follow(node, before?.position);
    const { feed, slots } = followed;
    if (!part.isWhole || before === undefined) await this.#addOwn(followed);
    const position = await before?.position;
    const missed = left.missedBy(feed, position ? before : undefined, slots, isCluster);
    if (missed.size === 0) return;
    const reason = `what was written to ${nameOf(node.peer)} before it was followed is not known by name`;
    this.#tellMissed({ reason, databases: undefined, slots: isCluster ? missed : undefined, isFlush: false });
  }

  async #follow(node: Node, from: FeedStart | undefined): Promise<FollowedNode> {
    const newFeed = (followed: FollowedNode): Feed => {
      const sink: FeedSink = {
        onChange: (db, key) => this.#onChange(followed, db, key),
        onGap: (gap) => this.#onGap(followed, gap),
        onFailed: (error) => this.#onFailed(followed, error),
      };
      return this.#newFeed(node, sink, from);
    };
    const followed = new FollowedNode(node, this.#deployment.topology.slotsOf(node), newFeed);
    this.#nodes.set(node.id, followed);
    await followed.feed.attach();
    followed.isAttached = true;
    return followed;
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

  #onGap(followed: FollowedNode, gap: Gap): void {
    const { isCluster } = this.#deployment;
    if (isCluster && gap.slots === undefined) followed.missed ??= gap.reason;
    this.#tellMissed(followed.shareOf(gap, isCluster));
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

  /** What was missed of slots that are not of the part, is of no concern. */
  #tellMissed(missed: MissedShare): void {
    const { slots } = missed;
    const { part } = this.#deployment;
    if (part.isWhole || slots === undefined || part.keepOf(slots).size > 0) this.#sink.onMissed(missed);
  }

  /** Asks a node that is followed what it serves. */
  #asker(): (id: string) => Promise<string | undefined> {
    return async (id) => this.#nodes.get(id)?.askNodes();
  }

  /** Looks once the look that is under way is over, which may have asked too early. */
  #lookNext(asksAll = false): Promise<Found> {
    const look = this.#looking.then(() => (this.#isOver ? 'nothing' : this.#lookAnew(asksAll)));
    this.#looking = look.catch(() => {});
    return look;
  }

  /** @throws RespError */
  async #lookAnew(asksAll: boolean): Promise<Found> {
    const nodes = [...this.#nodes.values()];
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
      for (const [i, followed] of nodes.entries())
        if ((await this.#meet(followed, missed[i])) && found === 'nothing') found = 'something';
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
      // Others may not know yet what it serves: as long as it cannot be asked, that is still to be found out.
      if (own === undefined && !followed.isOpen && !followed.feed.isGone) followed.missed ??= missed;
      served.addAll(own ?? []);
      // It may have come while the node was not heard.
      for (const slot of served) if (!slots.has(slot)) untold.add(slot);
    }
    slots.addAll(served);
    if (untold.size === 0) return false;
    const reason = missed ?? `many keys came to ${nameOf(node.peer)} with their slots`;
    this.#tellMissed({ reason, databases: undefined, slots: untold, isFlush: false });
    return true;
  }

  async #look(asksAll: boolean): Promise<Found> {
    if (!this.#deployment.isCluster) return 'nothing';
    let found: Found = 'nothing';
    const due = await this.#places.all(this.#asker(), asksAll);
    for (const node of due) {
      if (this.#isOver || this.#nodes.get(node.id)?.feed.isGone === false) continue;
      const hasJoined = await this.#join(node);
      // One that serves nothing may be there by name alone.
      const isMissed = !hasJoined && this.#deployment.topology.slotsOf(node).size > 0;
      if (isMissed) found = 'trouble';
      else if (hasJoined && found === 'nothing') found = 'something';
    }
    const { topology } = this.#deployment;
    for (const followed of this.#nodes.values()) {
      followed.look(!due.some(({ id }) => id === followed.node.id));
      await this.#letGo(followed);
    }
    // What serves nothing may be there by name alone.
    const awaited = due.filter(({ id }) => topology.nodes.some((node) => node.id === id));
    this.hearing.settleOthers((id) => awaited.some((node) => node.id === id));
    const isTold = this.#tellUnheard();
    return isTold && found === 'nothing' ? 'something' : found;
  }

  /** Of whoever is no primary any more, or has told all, having given away what is followed. */
  async #letGo(followed: FollowedNode): Promise<void> {
    const { node, feed } = followed;
    const mayGo = (): boolean => this.#deployment.topology.find(node.id) === undefined || followed.isDone;
    if (!mayGo()) return;
    const last = this.#written && (await followed.askInfos());
    if (!mayGo()) return;
    if (last !== undefined) this.#lastInfos.push(last);
    feed.detach();
    this.#nodes.delete(node.id);
  }

  /** @returns whether there is anything to be read once more */
  #tellUnheard(): boolean {
    const { keys, slots } = this.hearing.takeUnheard();
    for (const { db, key } of keys) this.#sink.onMoved(db, key);
    const reason = 'many keys were read at nodes before these were followed';
    if (slots.size > 0) this.#tellMissed({ reason, databases: undefined, slots, isFlush: false });
    return keys.length + slots.size > 0;
  }

  /**
   * What a node that has taken over has of its predecessor's history, it goes on to tell.
   * @returns whether it is followed
   */
  async #join(node: Node): Promise<boolean> {
    const slots = this.#deployment.topology.slotsOf(node);
    const from = this.#predecessorOf(slots)?.feed.position;
    // Where it was a primary before, it is one anew, and comes last.
    this.#nodes.get(node.id)?.feed.detach();
    this.#nodes.delete(node.id);
    try {
      const followed = await this.#follow(node, from);
      await this.#deployment.refreshIfPossible();
      followed.slots.addAll(this.#deployment.topology.slotsOf(node));
      await this.#addOwn(followed);
      const isMissed = from === undefined || followed.missed !== undefined;
      const gap = { reason: `${nameOf(node.peer)} serves slots by now` };
      if (isMissed && followed.slots.size + followed.asked.size > 0)
        this.#tellMissed(followed.shareOf(gap, this.#deployment.isCluster));
      this.hearing.settle(node.id, (slot) => !isMissed || followed.mayHaveServed(slot));
      return true;
    } catch (error) {
      this.#nodes.delete(node.id);
      if (!(error instanceof RespError)) throw error;
      // It is met again at the next look, if it is still there.
      if (!error.retryable) this.#sink.onFailed(error);
      return false;
    }
  }

  /** Who served these slots last and is no primary any more, or was none in between. */
  #predecessorOf(slots: SlotSet): FollowedNode | undefined {
    return [...this.#nodes.values()].findLast(
      (followed) => (followed.feed.isGone || this.#isReplaced(followed)) && followed.hasServed(slots),
    );
  }

  #onFailed(followed: FollowedNode, error: RespError): void {
    // Whoever takes its place is followed.
    if (!this.#isReplaced(followed)) this.#sink.onFailed(error);
  }
}
