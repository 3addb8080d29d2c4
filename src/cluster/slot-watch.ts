// Whether the slots of one node stayed where they were while it was scanned, from what it says of itself in CLUSTER NODES.
//
//   A key that a scan has not met is still at its node, unless its slot was on the way to another one meanwhile: then it is
//   there by the end of the scan, and a scan of that node which begins afterwards meets it.

import { SlotSet } from './slot-set.ts';

interface Observation {
  /** Slots that it serves, or takes over from another node. */
  readonly held: SlotSet;
  /** Slots on the way to another node, by its id. */
  readonly leaving: ReadonlyMap<number, string>;
}

export class SlotWatch {
  #held: SlotSet | undefined;
  readonly #leaving = new Map<number, string>();

  /** @param nodes the text of CLUSTER NODES, asked of the node itself */
  observe(nodes: string): void {
    const { held, leaving } = parseMyself(nodes);
    if (this.#held === undefined) this.#held = held;
    else for (const slot of this.#held) if (!held.has(slot)) this.#held.delete(slot);
    for (const [slot, id] of leaving) this.#leaving.set(slot, id);
  }

  /** Whether all of the slot was at this node from the first observation to the last. */
  stayed(slot: number): boolean {
    return this.#held?.has(slot) === true && !this.#leaving.has(slot);
  }

  /** The node that a slot was seen on the way to. */
  destinationOf(slot: number): string | undefined {
    return this.#leaving.get(slot);
  }
}

/** `<id> <address> myself,master - 0 0 3 connected 0-5460 7000 [5461->-<id>] [93-<-<id>]` */
function parseMyself(nodes: string): Observation {
  const held = new SlotSet();
  const leaving = new Map<number, string>();
  const line = nodes.split('\n').find((line) => line.split(' ', 3)[2]?.split(',').includes('myself') === true);
  for (const word of line?.trim().split(' ').slice(8) ?? []) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
    const [, slot, direction, id] = /^\[(\d+)-([<>])-(\w+)\]$/.exec(word) ?? [];
    if (first !== undefined) held.addRange(Number(first), Number(last));
    else if (direction === '<') held.add(Number(slot));
    else if (direction === '>') leaving.set(Number(slot), id!);
  }
  return { held, leaving };
}
