// Which nodes of the source have to be followed: all of its primaries, or, where the run is about a part of the slots, those that
// serve any of these or are taking one over.

import { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import { ownSlots } from '../scan/coverage.ts';

const NOTHING = { epoch: '', serving: new SlotSet(), coming: new SlotSet(), leaving: new Map<number, string>() };

export class FollowedPlaces {
  readonly #deployment: Deployment;

  constructor(deployment: Deployment) {
    this.#deployment = deployment;
  }

  /** As far as the cluster says who serves what. */
  get served(): readonly Node[] {
    const { part, topology } = this.#deployment;
    return part.isWhole ? topology.primaries : part.nodesIn(topology);
  }

  /**
   * Those, and whoever takes over a slot of the part: a node may be written there before anybody says that it serves the slot.
   * Who gives one away says to whom, as long as keys go one by one.
   * @param ask CLUSTER NODES of one that is followed
   * @param asksAll whether the others are asked as well: whoever cannot be reached, nobody is known to write to
   */
  async all(ask: (id: string) => Promise<string | undefined>, asksAll: boolean): Promise<readonly Node[]> {
    const { part, topology } = this.#deployment;
    const { served } = this;
    if (part.isWhole) return served;
    const due = new Set(served.map(({ id }) => id));
    const asking = topology.primaries.map(async (node) => {
      const nodes = (await ask(node.id)) ?? (asksAll ? await this.#askBeside(node) : '');
      const { serving, coming, leaving } = ownSlots(nodes, node.id) ?? NOTHING;
      if (part.hasAnyOf(serving) || part.hasAnyOf(coming)) due.add(node.id);
      for (const [slot, id] of leaving) if (part.slots.has(slot)) due.add(id);
    });
    await Promise.all(asking);
    return topology.primaries.filter(({ id }) => due.has(id));
  }

  async #askBeside(node: Node): Promise<string> {
    try {
      return await this.#deployment.nodesAsSeenBy(node);
    } catch (error) {
      if (error instanceof RespError) return '';
      throw error;
    }
  }
}
