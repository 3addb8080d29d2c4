// Which slots of a cluster are still to be walked, and at which node: a slot that moved meanwhile is followed to where it
// went, and is done where nothing of it can have gone anywhere. Whether it moved, each node says of itself in CLUSTER NODES.
//
//   A key that a scan has not met is still at its node, unless its slot was on the way to another one meanwhile: then it is
//   there by the end of the scan, and a scan of that node which begins afterwards meets it.

import { SlotSet, type SlotRange } from '../cluster/slot.ts';
import type { Node, Topology } from '../cluster/topology.ts';

/** What a node says of itself. */
export interface OwnSlots {
  /** Its config epoch: grows with each slot that it takes over from another node which has taken over any since. */
  readonly epoch: string;
  readonly serving: SlotSet;
  /** Slots that it takes over from another node, key by key. */
  readonly coming: SlotSet;
  /** Slots on the way to another node, by its id. */
  readonly leaving: ReadonlyMap<number, string>;
}

/** What was seen so far; plain, so that it can be kept as JSON. */
export interface SlotWatchState {
  /** Slots that it held at every look; `null` where it was never looked at. */
  readonly held: readonly SlotRange[] | null;
  /** Slots that it held at any. */
  readonly everHeld: readonly SlotRange[];
  /** Slots that were on the way to another node, and its id. */
  readonly leaving: readonly (readonly [slot: number, id: string])[];
  readonly isBlind: boolean;
}

const UNSEEN: SlotWatchState = { held: null, everHeld: [], leaving: [], isBlind: false };

export class SlotWatch {
  readonly #id: string | undefined;
  #held: SlotSet | undefined;
  readonly #everHeld: SlotSet;
  readonly #leaving: Map<number, string>;
  #isBlind: boolean;
  /** As it is since the last look. */
  #state: SlotWatchState | undefined;

  /**
   * @param id the cluster's name for the node, for those that do not say which line of CLUSTER NODES is their own
   * @param state of a watch that goes on
   */
  constructor(id?: string, { held, everHeld, leaving, isBlind }: SlotWatchState = UNSEEN) {
    this.#id = id;
    this.#held = held === null ? undefined : new SlotSet(held);
    this.#everHeld = new SlotSet(everHeld);
    this.#leaving = new Map(leaving);
    this.#isBlind = isBlind;
  }

  get state(): SlotWatchState {
    this.#state ??= {
      held: this.#held?.ranges ?? null,
      everHeld: this.#everHeld.ranges,
      leaving: [...this.#leaving],
      isBlind: this.#isBlind,
    };
    return this.#state;
  }

  /** @param nodes the text of CLUSTER NODES, asked of the node itself */
  observe(nodes: string): void {
    this.#state = undefined;
    const own = ownSlots(nodes, this.#id);
    this.#isBlind ||= own === undefined;
    if (own === undefined) return;
    const { serving: held, coming, leaving } = own;
    held.addAll(coming);
    if (this.#held === undefined) {
      this.#held = new SlotSet();
      this.#held.addAll(held);
    } else for (const slot of this.#held) if (!held.has(slot)) this.#held.delete(slot);
    this.#everHeld.addAll(held);
    for (const [slot, id] of leaving) this.#leaving.set(slot, id);
  }

  /** Whether it cannot be told which slots the node holds: a proxy, say, has no line of its own. */
  get isBlind(): boolean {
    return this.#isBlind;
  }

  /** Whether all of the slot was at this node from the first observation to the last. */
  stayed(slot: number): boolean {
    return this.#held?.has(slot) === true && !this.#leaving.has(slot);
  }

  /** What share of the slots that were ever at this node stayed there; 1 where that cannot be told. */
  get shareStayed(): number {
    const ever = this.#everHeld.size;
    return ever === 0 ? 1 : [...this.#everHeld].filter((slot) => this.stayed(slot)).length / ever;
  }

  /** Whether the node served the slot throughout, though some of it may have left for another node. */
  kept(slot: number): boolean {
    return this.#held?.has(slot) === true;
  }

  /** Whether the node was looked at, and had no part in the slot at any time. */
  lacked(slot: number): boolean {
    return this.#held !== undefined && !this.#everHeld.has(slot);
  }

  /** The node that a slot was seen on the way to. */
  destinationOf(slot: number): string | undefined {
    return this.#leaving.get(slot);
  }
}

/** In a line of CLUSTER NODES. */
const EPOCH_AT = 6;
const WORDS_BEFORE_SLOTS = 8;

/**
 * Of a line like `<id> <address> myself,master - 0 0 3 connected 0-5460 7000 [5461->-<id>] [93-<-<id>]`.
 * @param nodes the text of CLUSTER NODES
 * @param id for those that do not say which line is their own
 * @returns `undefined` where none is
 */
export function ownSlots(nodes: string, id: string | undefined): OwnSlots | undefined {
  const [serving, coming] = [new SlotSet(), new SlotSet()];
  const leaving = new Map<number, string>();
  const lines = nodes.split('\n').map((line) => line.trim().split(' '));
  const own = lines.find(([, , flags]) => flags?.split(',').includes('myself')) ?? lines.find(([name]) => name === id);
  if (own === undefined) return undefined;
  for (const word of own.slice(WORDS_BEFORE_SLOTS)) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
    const [, slot, direction, other] = /^\[(\d+)-([<>])-(\w+)\]$/.exec(word) ?? [];
    if (first !== undefined) serving.addRange(Number(first), Number(last));
    else if (direction === '<') coming.add(Number(slot));
    else if (direction === '>') leaving.set(Number(slot), other!);
  }
  return { epoch: own[EPOCH_AT] ?? '', serving, coming, leaving };
}

/** Where the rest of a slot is to be found. */
interface SlotMove {
  /** The id of the node that it went to. */
  readonly to: string;
  /** The id of the node that was walked and served it throughout, but for what left. */
  readonly from: string | undefined;
}

/** What is still to be walked; plain, so that it can be kept as JSON. */
export interface CoverageState {
  readonly left: readonly SlotRange[];
  /** Slots that are followed: where to, and from where, as `SlotMove`. */
  readonly moves: readonly (readonly [slot: number, to: string, from: string | null])[];
}

const NOTHING: CoverageState = { left: [], moves: [] };

export class Coverage {
  readonly #left: SlotSet;
  /** Where it is missing, the owner of the slot has all of it. */
  readonly #moves: Map<number, SlotMove>;

  /** @param state of one that goes on */
  constructor({ left, moves }: CoverageState = NOTHING) {
    this.#left = new SlotSet(left);
    this.#moves = new Map(moves.map(([slot, to, from]) => [slot, { to, from: from ?? undefined }]));
  }

  get state(): CoverageState {
    const moves = Array.from(this.#moves, ([slot, { to, from }]) => [slot, to, from ?? null] as const);
    return { left: this.#left.ranges, moves };
  }

  /** Slots that are still to be walked. */
  get left(): SlotSet {
    return this.#left;
  }

  /** These slots have to be walked, once more if they were. */
  demand(slots: Iterable<number>): void {
    for (const slot of slots) {
      this.#left.add(slot);
      this.#moves.delete(slot);
    }
  }

  /** These slots have nobody who could be walked for them. */
  leaveOut(slots: Iterable<number>): void {
    for (const slot of slots) {
      this.#left.delete(slot);
      this.#moves.delete(slot);
    }
  }

  /** The nodes that are to be walked now, and for which slots. Slots whose node is not there wait. */
  plan(topology: Topology): Map<Node, SlotSet> {
    return this.#byNode((slot) => {
      const move = this.#moves.get(slot);
      const owner = topology.ownerOf(slot);
      if (move === undefined) return owner;
      return topology.find(move.to) ?? (owner?.id === move.from ? undefined : owner);
    });
  }

  /** The nodes that were walked for slots which are on the way to a node that is not there. */
  stranded(topology: Topology): Map<Node, SlotSet> {
    return this.#byNode((slot) => {
      const move = this.#moves.get(slot);
      const owner = topology.ownerOf(slot);
      if (move === undefined || topology.find(move.to) !== undefined) return undefined;
      return owner?.id === move.from ? owner : undefined;
    });
  }

  /** The node that a slot is on the way to, by its id. */
  destinationOf(slot: number): string | undefined {
    return this.#moves.get(slot)?.to;
  }

  /**
   * A node was walked for some slots: those that stayed are done, the others are followed.
   * @returns whether that brought anything: a slot less, or another node to look at
   */
  walked(node: Node, slots: SlotSet, watch: SlotWatch, topology: Topology): boolean {
    let isFurther = false;
    for (const slot of slots) {
      if (watch.stayed(slot) || watch.isBlind || this.#neverLeft(node, slot, watch, topology)) {
        this.#left.delete(slot);
        this.#moves.delete(slot);
        isFurther = true;
        continue;
      }
      const to = watch.destinationOf(slot) ?? topology.ownerOf(slot)?.id;
      if (to === undefined) continue;
      const from = watch.kept(slot) ? node.id : undefined;
      const before = this.#moves.get(slot);
      isFurther ||= before === undefined || before.to !== to;
      this.#moves.set(slot, { to, from });
    }
    return isFurther;
  }

  /**
   * Its owner was ready to give it away, and the other node, walked since, took no part of it: what the owner had is what
   * was found there. A reshard that was broken off leaves a slot like that for ever.
   */
  #neverLeft({ id }: Node, slot: number, watch: SlotWatch, topology: Topology): boolean {
    const move = this.#moves.get(slot);
    if (move?.from === undefined || move.to !== id) return false;
    return watch.lacked(slot) && topology.ownerOf(slot)?.id === move.from;
  }

  #byNode(nodeOf: (slot: number) => Node | undefined): Map<Node, SlotSet> {
    const nodes = new Map<Node, SlotSet>();
    for (const slot of this.#left) {
      const node = nodeOf(slot);
      if (node === undefined) continue;
      if (!nodes.has(node)) nodes.set(node, new SlotSet());
      nodes.get(node)!.add(slot);
    }
    return nodes;
  }
}
