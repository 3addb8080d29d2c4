// Walks one database of a cluster, each slot where it is or went to, until all were covered or cannot be. How a node is
// walked is others' concern.

import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import { SlotWatch, Coverage } from './coverage.ts';
import type { Node } from '../cluster/topology.ts';
import { Backoff, pauseFor, type RetryOptions } from '../server/retry.ts';

export type Wanted = (key: Buffer) => boolean;

/** Where the slots of the node were meanwhile; it was never looked at where the node was lost. */
export type WalkNode = (node: Node, wanted: Wanted | undefined) => Promise<SlotWatch>;

export type WalkNotice =
  /** So many slots were on the move, or at a node that failed: they are walked once more. */
  | { readonly code: 'SLOTS_MOVED'; readonly slots: number }
  /** This node of a cluster does not say which slots it holds: a slot that moves is not followed. */
  | { readonly code: 'SLOTS_UNWATCHED'; readonly peer: Peer };

export interface ClusterWalkSink {
  onNotice(notice: WalkNotice): void;
}

/** Milliseconds before slots that are on the move are looked at again. */
const FOLLOW_MS = 500;
/** However few tries there are to be: from an owner to another node, and back. */
const LEAST_TRIES = 3;

export class ClusterWalk {
  readonly #deployment: Deployment;
  readonly #walkNode: WalkNode;
  readonly #sink: ClusterWalkSink;
  readonly #coverage = new Coverage();
  readonly #backoff: Backoff;

  constructor(deployment: Deployment, { retries, longest }: RetryOptions, sink: ClusterWalkSink, walkNode: WalkNode) {
    this.#deployment = deployment;
    this.#walkNode = walkNode;
    this.#sink = sink;
    this.#backoff = new Backoff({ retries: Math.max(retries, LEAST_TRIES), longest });
  }

  /** @returns why some slots were not covered, once all others are; slots that nobody served at the start are left out */
  async run(wanted: Wanted | undefined): Promise<RespError | undefined> {
    const coverage = this.#coverage;
    coverage.demand([...SlotSet.all()].filter((slot) => !this.#deployment.isUnserved(slot)));
    for (let round = 1; coverage.left.size > 0; round++) {
      if (round > 1) await this.#follow();
      const before = coverage.left.size;
      const isFurther = await this.#walkOnce(wanted, round === 1);
      if (coverage.left.size < before) this.#backoff.reset();
      else {
        const pause = this.#backoff.next();
        if (pause === undefined) return this.#uncovered();
        if (!isFurther) await pauseFor(pause, this.#deployment.signal);
      }
    }
    return undefined;
  }

  /** @returns whether that brought anything */
  async #walkOnce(wanted: Wanted | undefined, isFirst: boolean): Promise<boolean> {
    const coverage = this.#coverage;
    const stranded = coverage.stranded(this.#deployment.topology);
    const walks = [...coverage.plan(this.#deployment.topology)].map(async ([node, slots]) => {
      const watch = await this.#walkNode(node, isFirst ? this.#ofAny(wanted) : ofThese(slots, wanted));
      return { node, slots, watch };
    });
    const walked = await Promise.all(walks);
    for (const [node, slots] of stranded) walked.push({ node, slots, watch: await this.#lookAt(node) });
    await this.#deployment.refreshIfPossible();
    const { topology } = this.#deployment;
    for (const { node, watch } of walked) {
      if (watch.isBlind) this.#sink.onNotice({ code: 'SLOTS_UNWATCHED', peer: node.peer });
    }
    return walked.filter(({ node, slots, watch }) => coverage.walked(node, slots, watch, topology)).length > 0;
  }

  /** The first time whatever a node has is welcome, and saves the look at each key's slot. */
  #ofAny(wanted: Wanted | undefined): Wanted | undefined {
    if (this.#deployment.unserved.size === 0) return wanted;
    return (key) => !this.#deployment.isUnserved(slotOf(key)) && (wanted?.(key) ?? true);
  }

  async #follow(): Promise<void> {
    await pauseFor(FOLLOW_MS, this.#deployment.signal);
    await this.#deployment.refreshIfPossible();
    const plan = [...this.#coverage.plan(this.#deployment.topology).values()];
    const slots = plan.reduce((sum, { size }) => sum + size, 0);
    if (slots > 0) this.#sink.onNotice({ code: 'SLOTS_MOVED', slots });
  }

  /** Whether the node has given up to give its slots to one that is not there. */
  async #lookAt(node: Node): Promise<SlotWatch> {
    const watch = new SlotWatch(node.id);
    try {
      watch.observe(await this.#deployment.nodesAsSeenBy(node));
      return watch;
    } catch (error) {
      if (error instanceof RespError && error.retryable) return new SlotWatch(node.id);
      throw error;
    }
  }

  #uncovered(): RespError {
    const { left } = this.#coverage;
    const what = `Cannot read all keys of the source in slots ${left.describe()}`;
    const [stranded] = this.#coverage.stranded(this.#deployment.topology);
    if (stranded !== undefined) {
      const [{ peer }, slots] = stranded;
      const [slot] = [...slots] as [number];
      const owner = nameOf(peer);
      const reason = `${owner} is giving slot ${slot} to node ${this.#coverage.destinationOf(slot)}, which is not there`;
      const hint = `if nothing moves any more, end it by CLUSTER SETSLOT ${slot} STABLE at ${owner}`;
      return new RespError('CLUSTERDOWN', `${what}: ${reason}`, { peer, hint, retryable: true });
    }
    const isServed = [...left].some((slot) => this.#deployment.topology.ownerOf(slot) !== undefined);
    const reason = isServed ? 'they were on the move each time' : 'no node serves them any more';
    return new RespError('CLUSTERDOWN', `${what}: ${reason}`, { retryable: true });
  }
}

function ofThese(slots: SlotSet, wanted: Wanted | undefined): Wanted {
  return (key) => slots.has(slotOf(key)) && (wanted?.(key) ?? true);
}
