// What whoever reads the source has to know of those who listen to it: from which process a node is read, and whether that is
// heard. What was asked for where nobody listened is read once more, as soon as it is known what has become of it there.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeHearing } from '../cluster/node-hearing.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import type { Feed } from './feed.ts';
import { ToldKeys, type ToldKey } from './told-keys.ts';

/** By name as far as there is room, otherwise by slot. */
export interface Unheard {
  readonly keys: readonly ToldKey[];
  readonly slots: SlotSet;
}

/** Milliseconds between two looks where a feed is on its way, and somebody is to read. */
const LOOK_MS = 10;

export class Hearing implements NodeHearing {
  readonly #deployment: Deployment;
  /** By the id of the node. */
  readonly #feeds: ReadonlyMap<string, { readonly feed: Feed }>;
  /** Keys that were asked for at a node while it was not heard, by its id. */
  readonly #unheard = new Map<string, ToldKeys>();
  /** Those that are to be read once more. */
  readonly #due = new ToldKeys();
  #isOver = false;

  constructor(deployment: Deployment, feeds: ReadonlyMap<string, { readonly feed: Feed }>) {
    this.#deployment = deployment;
    this.#feeds = feeds;
  }

  /** The server process behind each feed, by the id of its node. */
  get processes(): ReadonlyMap<string, string> {
    const processes = new Map<string, string>();
    for (const [id, { feed }] of this.#feeds)
      if (feed.process !== undefined && !feed.isGone) processes.set(id, feed.process);
    return processes;
  }

  /** The same of one node, once its feed is attached; `undefined` where nobody follows it. */
  async processOf(nodeId: string): Promise<string | undefined> {
    for (;;) {
      const feed = this.#feeds.get(nodeId)?.feed;
      if (this.#isOver || feed === undefined || feed.isGone) return undefined;
      if (feed.process !== undefined) return feed.process;
      await sleep(LOOK_MS);
    }
  }

  isHeard(nodeId: string): boolean {
    // Where there is no other node, a feed that has found its way back says by itself what it has missed.
    if (!this.#deployment.isCluster) return true;
    const feed = this.#feeds.get(nodeId)?.feed;
    return feed?.process !== undefined && !feed.isGone;
  }

  onUnheard(nodeId: string, db: number, key: Buffer): void {
    if (!this.#deployment.part.has(key)) return;
    const keys = this.#unheard.get(nodeId) ?? new ToldKeys();
    this.#unheard.set(nodeId, keys);
    keys.add(db, key);
  }

  /** Whether there is anything that nobody has heard of, and that is not read once more yet. */
  get hasUnheard(): boolean {
    return this.#unheard.size > 0 || this.#due.hasAny;
  }

  /** The node is heard by now, or nobody waits for that any more. @param isTold whether all that it has changed of a slot is told */
  settle(nodeId: string, isTold: (slot: number) => boolean): void {
    const told = this.#unheard.get(nodeId);
    if (told === undefined) return;
    this.#unheard.delete(nodeId);
    for (const { db, key } of told.take()) if (!isTold(slotOf(key))) this.#due.add(db, key);
    const slots = new SlotSet();
    for (const slot of told.takeSlots()) if (!isTold(slot)) slots.add(slot);
    this.#due.addSlots(slots);
  }

  /** The same of every node that nobody waits for: it has nothing any more of what is followed. */
  settleOthers(isWaitedFor: (nodeId: string) => boolean): void {
    for (const id of this.#unheard.keys()) if (!isWaitedFor(id)) this.settle(id, () => false);
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
