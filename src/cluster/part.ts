// The slots of a cluster that a run is about: all of them, or the part of one of several processes, wherever these slots are.

import { slotOf, SlotSet } from './slot.ts';
import type { Node, Topology } from './topology.ts';

export class Part {
  /** Whether the run is about every slot. */
  readonly isWhole: boolean;
  readonly slots: SlotSet;

  /** @param slots all where they are missing */
  constructor(slots?: SlotSet) {
    this.isWhole = slots === undefined;
    this.slots = slots ?? SlotSet.all();
  }

  has(key: Buffer): boolean {
    return this.isWhole || this.slots.has(slotOf(key));
  }

  /** Leaves those slots alone that are of the part. */
  keepOf(slots: SlotSet): SlotSet {
    if (!this.isWhole) for (const slot of slots) if (!this.slots.has(slot)) slots.delete(slot);
    return slots;
  }

  hasAnyOf(slots: SlotSet): boolean {
    for (const slot of slots) if (this.slots.has(slot)) return true;
    return false;
  }

  /** The primaries that serve any of it. */
  nodesIn(topology: Topology): readonly Node[] {
    return this.isWhole ? topology.nodes : topology.nodes.filter((node) => this.hasAnyOf(topology.slotsOf(node)));
  }

  /** How much of what a node holds is of the part, about: the share of its slots, 0 to 1. */
  shareOf(node: Node, topology: Topology): number {
    if (this.isWhole) return 1;
    const served = topology.slotsOf(node);
    const all = served.size;
    return all === 0 ? 0 : this.keepOf(served).size / all;
  }
}
