// Who serves which slot, as CLUSTER SLOTS has it, and who is there besides, as CLUSTER NODES has it. A single server is a
// topology of one node that serves every slot.

import { nameOf, type Peer, type TcpPeer } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { SLOTS, SlotSet, type SlotRange } from './slot.ts';

export interface Node {
  /** The cluster's name for it, for as long as the node lives, whatever its address. */
  readonly id: string;
  readonly peer: Peer;
}

/** A node as the cluster describes it. */
interface Description extends Node {
  /** Whatever else leads there: its IP address beside its host name, the other way round. */
  readonly aliases: readonly Peer[];
}

/** Where to connect to for an announced address. */
type Reach = (announced: TcpPeer) => TcpPeer;

export class Topology {
  readonly #owners: (Node | undefined)[];
  /** The primaries that serve slots. */
  readonly nodes: readonly Node[];
  /** The primaries that serve none, yet or any more: slots may be on the way to them. */
  readonly #idle: readonly Node[];
  /** The ids of primaries, by every address that leads to them. */
  readonly #ids = new Map<string, string>();
  readonly #ranges = new Map<string, readonly SlotRange[]>();
  /** Others that can be asked for the topology. */
  readonly replicas: readonly Peer[];

  private constructor(
    owners: (Node | undefined)[],
    primaries: readonly Node[],
    replicas: readonly Peer[],
    descriptions: readonly Description[],
  ) {
    this.#owners = owners;
    this.nodes = [...new Set(owners)].filter((node) => node !== undefined);
    this.#idle = primaries.filter(({ id }) => this.nodes.every((node) => node.id !== id));
    this.replicas = replicas;
    for (const { id, peer, aliases } of descriptions) {
      for (const address of [peer, ...aliases]) this.#ids.set(nameOf(address), id);
    }
  }

  static single(node: Node): Topology {
    return new Topology(
      Array.from({ length: SLOTS }, () => node),
      [],
      [],
      [{ ...node, aliases: [] }],
    );
  }

  /**
   * @param slots the reply of CLUSTER SLOTS
   * @param nodes that of CLUSTER NODES
   * @param asked who gave them, by an address that the cluster itself may not know
   */
  static parse(slots: Reply, nodes: Reply, reach: Reach, asked?: Peer): Topology {
    const owners = Array.from<Node | undefined>({ length: SLOTS });
    // One object a node, so that owners can be compared, however many ranges it serves.
    const serving = new Map<string, Description>();
    const replicas = new Map<string, Peer>();
    for (const range of arrayOf(slots)) {
      const [first, last, primary, ...others] = arrayOf(range);
      const node = describe(primary!, reach);
      if (!serving.has(node.id)) serving.set(node.id, node);
      owners.fill(serving.get(node.id), Number(first), Number(last) + 1);
      for (const { peer } of others.map((other) => describe(other, reach))) replicas.set(nameOf(peer), peer);
    }
    const primaries = primariesOf(String(nodes), reach, asked);
    return new Topology(owners, primaries, [...replicas.values()], [...primaries, ...serving.values()]);
  }

  ownerOf(slot: number): Node | undefined {
    return this.#owners[slot];
  }

  /** A primary, whether it serves slots or not. */
  find(id: string): Node | undefined {
    return this.nodes.find((node) => node.id === id) ?? this.#idle.find((node) => node.id === id);
  }

  /** The primary that is reached there, by whichever of its names. */
  at(peer: Peer): Node | undefined {
    const id = this.#ids.get(nameOf(peer));
    return id === undefined ? undefined : this.find(id);
  }

  /** Every primary, whether it serves slots or not. */
  get primaries(): readonly Node[] {
    return [...this.nodes, ...this.#idle];
  }

  slotsOf({ id }: Node): SlotSet {
    const slots = new SlotSet();
    for (let slot = 0; slot < SLOTS; slot++) if (this.#owners[slot]?.id === id) slots.add(slot);
    return slots;
  }

  /** The same as runs of slots, which are found once. */
  rangesOf(node: Node): readonly SlotRange[] {
    const ranges = this.#ranges.get(node.id) ?? this.slotsOf(node).ranges;
    this.#ranges.set(node.id, ranges);
    return ranges;
  }

  /** Slots that another node serves here than there. */
  slotsElsewhereThan(other: Topology): SlotSet {
    const slots = new SlotSet();
    for (let slot = 0; slot < SLOTS; slot++) if (this.#owners[slot]?.id !== other.#owners[slot]?.id) slots.add(slot);
    return slots;
  }

  /** Slots that nobody serves. */
  get unserved(): SlotSet {
    const slots = new SlotSet();
    for (let slot = 0; slot < SLOTS; slot++) if (this.#owners[slot] === undefined) slots.add(slot);
    return slots;
  }
}

/** The ids of all nodes of a cluster. @param nodes the text of CLUSTER NODES */
export function idsIn(nodes: string): string[] {
  return nodes.split('\n').flatMap((line) => /^\w+(?= )/.exec(line) ?? []);
}

/** `[host, port, id, ['ip', …, 'hostname', …]]`; the host may be null, id and names are missing on older servers. */
function describe(reply: Reply, reach: Reach): Description {
  const [host, port, id, names] = arrayOf(reply);
  const announced = { host: textOf(host), port: Number(port) };
  const aliases = arrayOf(names)
    .filter((_, i) => i % 2 === 1)
    .map((name) => reach({ ...announced, host: textOf(name) }));
  return { id: textOf(id) || `${announced.host}:${announced.port}`, peer: reach(announced), aliases };
}

/** `<id> <host>:<port>@<bus port>[,<host name>[,…]] <flags> …`, of those that are primaries and not known to have failed. */
function primariesOf(nodes: string, reach: Reach, asked: Peer | undefined): Description[] {
  return nodes.split('\n').flatMap((line) => {
    const [, id, host, port, name, flags = ''] = /^(\w+) (\S*):(\d+)@\d*(?:,([^\s,=]*))?\S* (\S+) /.exec(line) ?? [];
    const has = (flag: string): boolean => flags.split(',').includes(flag);
    if (id === undefined || !has('master') || has('fail') || has('noaddr') || has('handshake')) return [];
    const aliases: Peer[] = name === undefined || name === '' ? [] : [reach({ host: name, port: Number(port) })];
    if (asked !== undefined && has('myself')) aliases.push(asked);
    return [{ id, peer: reach({ host: host!, port: Number(port) }), aliases }];
  });
}

function textOf(reply: Reply | undefined): string {
  return Buffer.isBuffer(reply) ? reply.toString() : '';
}

function arrayOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : [];
}
