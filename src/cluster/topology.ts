// Who serves which slot, as CLUSTER SLOTS has it. A single server is a topology of one node that serves them all.

import type { Peer, TcpPeer } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { SLOTS } from './slot.ts';
import { SlotSet } from './slot-set.ts';

export interface Node {
  /** The cluster's name for it, for as long as the node lives, whatever its address. */
  readonly id: string;
  readonly peer: Peer;
}

export class Topology {
  readonly #owners: (Node | undefined)[];
  /** The primaries that serve slots. */
  readonly nodes: readonly Node[];
  /** Others that can be asked for the topology. */
  readonly replicas: readonly Peer[];

  private constructor(owners: (Node | undefined)[], replicas: readonly Peer[]) {
    this.#owners = owners;
    this.nodes = [...new Set(owners)].filter((node) => node !== undefined);
    this.replicas = replicas;
  }

  static single(node: Node): Topology {
    return new Topology(
      Array.from({ length: SLOTS }, () => node),
      [],
    );
  }

  /** @param reach where to connect to for an announced address */
  static parse(reply: Reply, reach: (announced: TcpPeer) => TcpPeer): Topology {
    const owners = Array.from<Node | undefined>({ length: SLOTS });
    const nodes = new Map<string, Node>();
    const replicas: Peer[] = [];
    for (const range of arrayOf(reply)) {
      const [first, last, primary, ...others] = arrayOf(range);
      const node = nodeOf(primary!, reach);
      // One object a node, so that owners can be compared.
      if (!nodes.has(node.id)) nodes.set(node.id, node);
      owners.fill(nodes.get(node.id), Number(first), Number(last) + 1);
      replicas.push(...others.map((other) => nodeOf(other, reach).peer));
    }
    return new Topology(owners, replicas);
  }

  ownerOf(slot: number): Node | undefined {
    return this.#owners[slot];
  }

  find(id: string): Node | undefined {
    return this.nodes.find((node) => node.id === id);
  }

  slotsOf({ id }: Node): SlotSet {
    const slots = new SlotSet();
    for (let slot = 0; slot < SLOTS; slot++) if (this.#owners[slot]?.id === id) slots.add(slot);
    return slots;
  }

  /** Slots that nobody serves. */
  get unserved(): number {
    return this.#owners.filter((owner) => owner === undefined).length;
  }
}

/** `[host, port, id, …]`; the host may be null, the id is missing on very old servers. */
function nodeOf(reply: Reply, reach: (announced: TcpPeer) => TcpPeer): Node {
  const [host, port, id] = arrayOf(reply);
  const announced = { host: Buffer.isBuffer(host) ? host.toString() : '', port: Number(port) };
  return { id: Buffer.isBuffer(id) ? id.toString() : `${announced.host}:${announced.port}`, peer: reach(announced) };
}

function arrayOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : [];
}
