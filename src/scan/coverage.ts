// Which slots of a cluster are still to be walked, and at which node: a slot that moved meanwhile is followed to where it
// went, and is done where nothing of it can have gone anywhere.

import type { SlotWatch } from '../cluster/slot-watch.ts';
import { SlotSet } from '../cluster/slot.ts';
import type { Node, Topology } from '../cluster/topology.ts';

/** Where the rest of a slot is to be found. */
interface SlotMove {
  /** The id of the node that it went to. */
  readonly to: string;
  /** The id of the node that was walked and served it throughout, but for what left. */
  readonly from: string | undefined;
}

export class Coverage {
  readonly #left = new SlotSet();
  /** Where it is missing, the owner of the slot has all of it. */
  readonly #moves = new Map<number, SlotMove>();

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
