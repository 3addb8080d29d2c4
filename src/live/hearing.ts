// What those who read the source and those who listen to it know of each other: the process of each node, and what was asked for
// there. What was asked for where nobody listened yet may have changed or gone unheard: it is read once more.
//
//     a reader ──▶ asked for ──▶ the node is followed: what is missed of it, is so of this slot too
//                            └─▶ nobody follows it: the name is kept ── a look ──▶ read once more, unless a gap is about it

import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../cluster/deployment.ts';
import type { AskedKeys, NodeHearing } from '../cluster/node-hearing.ts';
import type { Part } from '../cluster/part.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import type { KeyId } from '../flow/key-id.ts';
import type { FollowedNode } from './followed-node.ts';
import { ToldKeys, type ToldKey } from './told-keys.ts';

/** By the id of the node. */
type FollowedNodes = ReadonlyMap<string, Pick<FollowedNode, 'feed' | 'asked' | 'isAttached'>>;

/** By name as far as there is room, otherwise by slot. */
export interface Unheard {
  readonly keys: readonly ToldKey[];
  readonly slots: SlotSet;
}

/** Milliseconds between two looks where a feed is on its way, and somebody is to read. */
const LOOK_MS = 10;

export class Hearing implements NodeHearing {
  readonly #deployment: Deployment;
  readonly #nodes: FollowedNodes;
  /** By the id of the node. */
  readonly #asked = new Map<string, NodeAsked>();
  /** Those that are to be read once more. */
  readonly #due = new ToldKeys();
  #isOver = false;

  constructor(deployment: Deployment, nodes: FollowedNodes) {
    this.#deployment = deployment;
    this.#nodes = nodes;
  }

  /** The server process behind each feed, by the id of its node. */
  get processes(): ReadonlyMap<string, string> {
    const processes = new Map<string, string>();
    for (const [id, { feed }] of this.#nodes)
      if (feed.process !== undefined && !feed.isGone) processes.set(id, feed.process);
    return processes;
  }

  /** The same of one node, once its feed is attached; `undefined` where nobody follows it. */
  async processOf(nodeId: string): Promise<string | undefined> {
    for (;;) {
      const feed = this.#nodes.get(nodeId)?.feed;
      if (this.#isOver || feed === undefined || feed.isGone) return undefined;
      if (feed.process !== undefined) return feed.process;
      await sleep(LOOK_MS);
    }
  }

  askedOf(nodeId: string): AskedKeys | undefined {
    if (!this.#deployment.isCluster) return undefined;
    const asked = this.#asked.get(nodeId) ?? new NodeAsked(nodeId, this.#deployment.part, this.#nodes);
    this.#asked.set(nodeId, asked);
    return asked;
  }

  /** Whether a key was asked for that may have changed unheard, and is not told once more yet. */
  get hasUnheard(): boolean {
    if (this.#due.hasAny) return true;
    for (const { unheard } of this.#asked.values()) if (unheard.hasAny) return true;
    return false;
  }

  /** How often a key was asked for that may have changed unheard. */
  get times(): number {
    let times = 0;
    for (const asked of this.#asked.values()) times += asked.times;
    return times;
  }

  /** Has all that was asked for at the node read once more. @param isTold whether all that it has changed of a slot is told */
  settle(nodeId: string, isTold: (slot: number) => boolean): void {
    const unheard = this.#asked.get(nodeId)?.unheard;
    if (unheard === undefined) return;
    for (const { db, key } of unheard.take()) if (!isTold(slotOf(key))) this.#due.add(db, key);
    const slots = new SlotSet();
    for (const slot of unheard.takeSlots()) if (!isTold(slot)) slots.add(slot);
    this.#due.addSlots(slots);
  }

  /** The same of every node but those that are about to be followed. */
  settleOthers(isWaitedFor: (nodeId: string) => boolean): void {
    for (const id of this.#asked.keys()) if (!isWaitedFor(id)) this.settle(id, () => false);
  }

  /** Takes out what is to be read once more. */
  takeUnheard(): Unheard {
    return { keys: this.#due.take(), slots: this.#due.takeSlots() };
  }

  /** Nobody listens any more. */
  end(): void {
    this.#isOver = true;
  }
}

/** What is asked for at one node. */
class NodeAsked implements AskedKeys {
  /** While nobody followed it. */
  readonly unheard = new ToldKeys();
  readonly #nodeId: string;
  readonly #part: Part;
  readonly #nodes: FollowedNodes;
  #times = 0;

  constructor(nodeId: string, part: Part, nodes: FollowedNodes) {
    this.#nodeId = nodeId;
    this.#part = part;
    this.#nodes = nodes;
  }

  get times(): number {
    return this.#times;
  }

  add({ db, key }: KeyId): void {
    const slot = slotOf(key);
    if (!this.#part.slots.has(slot)) return;
    const followed = this.#nodes.get(this.#nodeId);
    // It may be gone from there before anybody looks who serves what.
    followed?.asked.add(slot);
    if (followed?.isAttached === true && !followed.feed.isGone) return;
    this.unheard.add(db, key);
    this.#times++;
  }
}
