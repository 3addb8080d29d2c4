// Who serves which slot, as CLUSTER SLOTS has it, and who is there besides, as CLUSTER NODES has it. A single server is a
// topology of one node that serves every slot.

import { nameOf, type Peer, type TcpPeer } from '../../resp/errors.ts';
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
  /** The primaries that serve none, yet or any more: slots may be on the way to them. */
  readonly #idle: readonly Node[];
  /** Others that can be asked for the topology. */
  readonly replicas: readonly Peer[];

  private constructor(owners: (Node | undefined)[], primaries: readonly Node[], replicas: readonly Peer[]) {
    this.#owners = owners;
    this.nodes = [...new Set(owners)].filter((node) => node !== undefined);
    this.#idle = primaries.filter(({ id }) => this.nodes.every((node) => node.id !== id));
    this.replicas = replicas;
  }

  static single(node: Node): Topology {
    return new Topology(
      Array.from({ length: SLOTS }, () => node),
      [],
      [],
    );
  }

  /**
   * @param slots the reply of CLUSTER SLOTS
   * @param nodes that of CLUSTER NODES
   * @param reach where to connect to for an announced address
   */
  static parse(slots: Reply, nodes: Reply, reach: (announced: TcpPeer) => TcpPeer): Topology {
    const owners = Array.from<Node | undefined>({ length: SLOTS });
    const serving = new Map<string, Node>();
    const replicas: Peer[] = [];
    for (const range of arrayOf(slots)) {
      const [first, last, primary, ...others] = arrayOf(range);
      const node = nodeOf(primary!, reach);
      // One object a node, so that owners can be compared.
      if (!serving.has(node.id)) serving.set(node.id, node);
      owners.fill(serving.get(node.id), Number(first), Number(last) + 1);
      replicas.push(...others.map((other) => nodeOf(other, reach).peer));
    }
    return new Topology(owners, primariesOf(String(nodes), reach), replicas);
  }

  ownerOf(slot: number): Node | undefined {
    return this.#owners[slot];
  }

  /** A primary, whether it serves slots or not. */
  find(id: string): Node | undefined {
    return this.nodes.find((node) => node.id === id) ?? this.#idle.find((node) => node.id === id);
  }

  /** The primary that is reached there. */
  at(peer: Peer): Node | undefined {
    return [...this.nodes, ...this.#idle].find((node) => nameOf(node.peer) === nameOf(peer));
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

/** `<id> <host>:<port>@<bus port> <flags> …`, of those that are primaries and not known to have failed. */
function primariesOf(nodes: string, reach: (announced: TcpPeer) => TcpPeer): Node[] {
  return nodes.split('\n').flatMap((line) => {
    const [, id, host, port, flags = ''] = /^(\w+) (\S*):(\d+)@\S* (\S+) /.exec(line) ?? [];
    const has = (flag: string): boolean => flags.split(',').includes(flag);
    if (id === undefined || !has('master') || has('fail') || has('noaddr') || has('handshake')) return [];
    return [{ id, peer: reach({ host: host!, port: Number(port) }) }];
  });
}

function arrayOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : [];
}
