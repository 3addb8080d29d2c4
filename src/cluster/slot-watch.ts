// Whether the slots of one node stayed where they were while it was scanned, from what it says of itself in CLUSTER NODES.
//
//   A key that a scan has not met is still at its node, unless its slot was on the way to another one meanwhile: then it is
//   there by the end of the scan, and a scan of that node which begins afterwards meets it.

import { SlotSet, type SlotRange } from './slot.ts';

interface Observation {
  /** Slots that it serves, or takes over from another node. */
  readonly held: SlotSet;
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
    const { ranges: everHeld } = this.#everHeld;
    return { held: this.#held?.ranges ?? null, everHeld, leaving: [...this.#leaving], isBlind: this.#isBlind };
  }

  /** @param nodes the text of CLUSTER NODES, asked of the node itself */
  observe(nodes: string): void {
    const observation = parseOwn(nodes, this.#id);
    this.#isBlind ||= observation === undefined;
    if (observation === undefined) return;
    const { held, leaving } = observation;
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

/** `<id> <address> myself,master - 0 0 3 connected 0-5460 7000 [5461->-<id>] [93-<-<id>]` */
function parseOwn(nodes: string, id: string | undefined): Observation | undefined {
  const held = new SlotSet();
  const leaving = new Map<number, string>();
  const lines = nodes.split('\n').map((line) => line.trim().split(' '));
  const own = lines.find(([, , flags]) => flags?.split(',').includes('myself')) ?? lines.find(([name]) => name === id);
  if (own === undefined) return undefined;
  for (const word of own.slice(8)) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
    const [, slot, direction, other] = /^\[(\d+)-([<>])-(\w+)\]$/.exec(word) ?? [];
    if (first !== undefined) held.addRange(Number(first), Number(last));
    else if (direction === '<') held.add(Number(slot));
    else if (direction === '>') leaving.set(Number(slot), other!);
  }
  return { held, leaving };
}
