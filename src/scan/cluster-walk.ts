// Walks one database of a cluster, each slot where it is or went to, until all were covered or cannot be. How a node is
// walked is others' concern.

import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { slotOf, SlotSet, type SlotRange } from '../cluster/slot.ts';
import { SlotWatch, Coverage, type CoverageState, type SlotWatchState } from './coverage.ts';
import type { NodeScanState, ScanNotice } from './node-scan.ts';
import type { Node } from '../cluster/topology.ts';
import { Backoff, pauseFor, type RetryOptions } from '../server/retry.ts';

export type Wanted = (key: Buffer) => boolean;

/** Keys of these slots, and of no others; all where it is missing. */
export interface WalkShare {
  readonly wanted?: Wanted | undefined;
  readonly slots?: SlotSet | undefined;
}

/** Where the walk of one node is; plain, so that it can be kept as JSON. */
export interface NodeWalkState {
  readonly id: string;
  /** `null` where it is over, or begins anew. */
  readonly scan: NodeScanState | null;
  /** Where it is over: where the slots of the node were meanwhile. */
  readonly watch: SlotWatchState | null;
  /** Keys in the database when it began. */
  readonly keys: number;
}

/** One node that is walked. */
export interface NodeWalk {
  readonly state: NodeWalkState;
  /** Where the slots of the node were meanwhile; it was never looked at where the node was lost. */
  readonly end: Promise<SlotWatch>;
}

/** @param from where an earlier walk of the node was left */
export type WalkNode = (node: Node, wanted: Wanted | undefined, from: NodeWalkState | undefined) => NodeWalk;

/** Where the walk of a cluster is; plain, so that it can be kept as JSON. */
export interface ClusterWalkState extends CoverageState {
  readonly round: number;
  /** Slots that nobody served. */
  readonly leftOut: readonly SlotRange[];
  /** What is walked in this round, and for which slots. */
  readonly nodes: readonly (NodeWalkState & { readonly slots: readonly SlotRange[] })[];
}

export type WalkNotice =
  /** These slots were on the move, or at a node that failed: they are walked once more. */
  | { readonly code: 'SLOTS_MOVED'; readonly slots: SlotSet }
  /** This node of a cluster does not say which slots it holds: a slot that moves is not followed. */
  | { readonly code: 'SLOTS_UNWATCHED'; readonly peer: Peer };

export interface ClusterWalkSink {
  onNotice(notice: WalkNotice | ScanNotice): void;
}

/** Milliseconds before slots that are on the move are looked at again. */
const FOLLOW_MS = 500;
/** However few tries there are to be: from an owner to another node, and back. */
const LEAST_TRIES = 3;

export class ClusterWalk {
  readonly #deployment: Deployment;
  readonly #walkNode: WalkNode;
  readonly #sink: ClusterWalkSink;
  readonly #coverage: Coverage;
  readonly #backoff: Backoff;
  /** Where it goes on, until that is taken up. */
  #before: ClusterWalkState | undefined;
  #round: number;
  #leftOut = new SlotSet();
  /** What is walked in this round. */
  #walks: readonly { readonly slots: readonly SlotRange[]; readonly walk: NodeWalk }[] = [];
  /** What is left as of the beginning of this round, or of its end. */
  #left!: Pick<ClusterWalkState, 'left' | 'moves' | 'leftOut'>;

  /** @param before where an earlier walk was left */
  constructor(
    deployment: Deployment,
    { retries, longest }: RetryOptions,
    sink: ClusterWalkSink,
    walkNode: WalkNode,
    before?: ClusterWalkState,
  ) {
    this.#coverage = new Coverage(before);
    this.#before = before;
    this.#round = before?.round ?? 1;
    this.#deployment = deployment;
    this.#walkNode = walkNode;
    this.#sink = sink;
    this.#backoff = new Backoff({ retries: Math.max(retries, LEAST_TRIES), longest });
  }

  /** @returns why some slots were not covered, once all others are; slots that nobody served at the start are left out */
  async run(share: WalkShare): Promise<RespError | undefined> {
    const coverage = this.#coverage;
    this.#demand(share);
    for (; coverage.left.size > 0; this.#round++) {
      if (this.#round > 1) await this.#follow();
      const before = coverage.left.size;
      const isFurther = await this.#walkOnce(share);
      if (coverage.left.size < before) this.#backoff.reset();
      else {
        const pause = this.#backoff.next();
        if (pause === undefined) return this.#uncovered();
        if (!isFurther) await pauseFor(pause, this.#deployment.signal);
      }
    }
    return undefined;
  }

  get state(): ClusterWalkState {
    if (this.#before !== undefined) return this.#before;
    const nodes = this.#walks.map(({ slots, walk }) => ({ ...walk.state, slots }));
    return { ...this.#left, round: this.#round, nodes };
  }

  /** Slots that nobody serves are left out; those that were, and have got a node since, are walked after all. */
  #demand({ slots }: WalkShare): void {
    const isUnserved = (slot: number): boolean => this.#deployment.isUnserved(slot);
    const part = this.#deployment.part.slots;
    const all = slots === undefined ? part : [...slots].filter((slot) => part.has(slot));
    this.#leftOut.addAll([...all].filter(isUnserved));
    const due = this.#before === undefined ? all : new SlotSet(this.#before.leftOut);
    this.#coverage.demand(due);
    this.#coverage.leaveOut(this.#leftOut);
    this.#look();
  }

  #look(): void {
    this.#left = { ...this.#coverage.state, leftOut: this.#leftOut.ranges };
  }

  /** @returns whether that brought anything */
  async #walkOnce({ wanted, slots: only }: WalkShare): Promise<boolean> {
    const coverage = this.#coverage;
    const stranded = coverage.stranded(this.#deployment.topology);
    const walks = [...coverage.plan(this.#deployment.topology)].map(([node, slots]) => {
      const isIn = this.#round === 1 && only === undefined ? this.#ofAny(wanted) : ofThese(slots, wanted);
      return { node, slots, walk: this.#walkNode(node, isIn, this.#leftAt(node, slots)) };
    });
    this.#walks = walks.map(({ slots, walk }) => ({ slots: slots.ranges, walk }));
    this.#before = undefined;
    const walked = await Promise.all(
      walks.map(async ({ node, slots, walk }) => ({ node, slots, watch: await walk.end })),
    );
    for (const [node, slots] of stranded) walked.push({ node, slots, watch: await this.#lookAt(node) });
    await this.#deployment.refreshIfPossible();
    const { topology } = this.#deployment;
    for (const { node, watch } of walked) {
      if (watch.isBlind) this.#sink.onNotice({ code: 'SLOTS_UNWATCHED', peer: node.peer });
    }
    const further = walked.filter(({ node, slots, watch }) => coverage.walked(node, slots, watch, topology));
    this.#walks = [];
    this.#look();
    return further.length > 0;
  }

  /** Where the node was left; `undefined` where it has to be walked from its beginning, which is told. */
  #leftAt(node: Node, slots: SlotSet): NodeWalkState | undefined {
    if (this.#before === undefined || this.#before.nodes.length === 0) return undefined;
    const state = this.#before.nodes.find(({ id }) => id === node.id);
    // Later rounds take the keys of some slots only.
    const isFor = state !== undefined && (this.#round === 1 || isAmong(slots, new SlotSet(state.slots)));
    if (!isFor) this.#sink.onNotice({ code: 'SCANNED_ANEW', peer: node.peer });
    return isFor ? state : undefined;
  }

  /** The first time whatever a node has is welcome, and saves the look at each key's slot. */
  #ofAny(wanted: Wanted | undefined): Wanted | undefined {
    if (this.#deployment.unserved.size === 0) return wanted;
    return (key) => !this.#deployment.isUnserved(slotOf(key)) && (wanted?.(key) ?? true);
  }

  async #follow(): Promise<void> {
    await pauseFor(FOLLOW_MS, this.#deployment.signal);
    await this.#deployment.refreshIfPossible();
    const slots = new SlotSet();
    for (const some of this.#coverage.plan(this.#deployment.topology).values()) slots.addAll(some);
    if (slots.size > 0) this.#sink.onNotice({ code: 'SLOTS_MOVED', slots });
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
    const { topology } = this.#deployment;
    const served = [...left].find((slot) => topology.ownerOf(slot) !== undefined);
    if (served === undefined) {
      return new RespError('CLUSTERDOWN', `${what}: no node serves them any more`, { retryable: true });
    }
    const { peer } = topology.ownerOf(served)!;
    const reason = `they were on the move each time, slot ${served} to ${nameOf(peer)} last`;
    const end = `CLUSTER SETSLOT ${served} NODE and the id of the one that has it, at each of them`;
    const hint = `if nothing moves any more, the nodes do not agree who serves it, as CLUSTER SLOTS says at each: end it by ${end}`;
    return new RespError('CLUSTERDOWN', `${what}: ${reason}`, { peer, hint, retryable: true });
  }
}

function ofThese(slots: SlotSet, wanted: Wanted | undefined): Wanted {
  return (key) => slots.has(slotOf(key)) && (wanted?.(key) ?? true);
}

function isAmong(slots: SlotSet, others: SlotSet): boolean {
  for (const slot of slots) if (!others.has(slot)) return false;
  return true;
}
