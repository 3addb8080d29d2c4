// Which slots of a cluster are still to be walked, and at which node: a slot that moved meanwhile is followed to where it
// went.

import type { SlotWatch } from '../cluster/slot-watch.ts';
import { SlotSet } from '../cluster/slot-set.ts';
import type { Node, Topology } from '../cluster/topology.ts';

export class Coverage {
  readonly #left = new SlotSet();
  /** Where the rest of a slot went, by the id of that node; otherwise its owner has all of it. */
  readonly #destinations = new Map<number, string>();

  /** Slots that are still to be walked. */
  get left(): number {
    return this.#left.size;
  }

  /** These slots have to be walked, once more if they were. */
  demand(slots: Iterable<number>): void {
    for (const slot of slots) {
      this.#left.add(slot);
      this.#destinations.delete(slot);
    }
  }

  /** The nodes that are to be walked now, and for which slots. Slots that nobody serves wait. */
  plan(topology: Topology): Map<Node, SlotSet> {
    const plan = new Map<Node, SlotSet>();
    for (const slot of this.#left) {
      const destination = this.#destinations.get(slot);
      const node = (destination === undefined ? undefined : topology.find(destination)) ?? topology.ownerOf(slot);
      if (node === undefined) continue;
      if (!plan.has(node)) plan.set(node, new SlotSet());
      plan.get(node)!.add(slot);
    }
    return plan;
  }

  /**
   * A node was walked for some slots: those that stayed are done, the others are followed.
   * @returns whether that brought anything: a slot less, or another node to look at
   */
  walked(slots: SlotSet, watch: SlotWatch, topology: Topology): boolean {
    let isFurther = false;
    for (const slot of slots) {
      const destination = watch.destinationOf(slot) ?? topology.ownerOf(slot)?.id;
      if (watch.stayed(slot)) this.#left.delete(slot);
      else if (destination === undefined || destination === this.#destinations.get(slot)) continue;
      else this.#destinations.set(slot, destination);
      isFurther = true;
    }
    return isFurther;
  }
}
