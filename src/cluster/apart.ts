// Source and target are different servers, from the beginning of a run to its end: whoever is met on one side, by whatever
// address, is held against those of the other, before anything of it is read or written.

import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import type { ServerInfo } from '../server/info.ts';
import type { Role } from '../server/server.ts';
import type { Deployment } from './deployment.ts';

/** A server as it was reached. */
interface Reached {
  readonly info: ServerInfo;
  readonly peer: Peer;
}

/** Of each side; those that were met first are forgotten first. */
const MOST_MET = 1000;
const REPLICA_HINT = 'end that with REPLICAOF NO ONE, see what it has by now, and copy again';
const LEADS_HINT =
  'nothing was written there; see where the addresses of both sides lead by now, and to whom the sentinels and balancers in between';

/** The servers of each side by what they are known by, and where they were met. Plain, so that it can be kept as JSON. */
export type MetServers = Readonly<Record<Role, Readonly<Record<string, string>>>>;

export class Apart {
  readonly #deployments: Readonly<Record<Role, Deployment>>;
  /** Whoever is one server from the beginning, with different databases, stays that. */
  readonly #isHeld: boolean;
  readonly #met: Readonly<Record<Role, Map<string, string>>> = { source: new Map(), target: new Map() };

  private constructor(source: Deployment, target: Deployment) {
    this.#deployments = { source, target };
    const isOne = findPair(source, target, isSameServer) !== undefined;
    const isCopy = target.use === 'write to';
    this.#isHeld = !isOne && !(isCopy && findPair(source, target, isReplicaOf) !== undefined);
  }

  static hold(source: Deployment, target: Deployment): Apart {
    const apart = new Apart(source, target);
    for (const side of [source, target]) {
      for (const server of reachedAtFirst(side)) apart.#meet(side.role, idOf(server), nameOf(server.peer));
      if (apart.#isHeld) side.admit = (info, peer) => apart.#demand(side.role, { info, peer });
    }
    return apart;
  }

  /** `undefined` where both sides are one. */
  get met(): MetServers | undefined {
    if (!this.#isHeld) return undefined;
    const { source, target } = this.#met;
    return { source: Object.fromEntries(source), target: Object.fromEntries(target) };
  }

  /** Those of an earlier part of the copy were met as well. @throws RespError `SAME_SERVER` */
  recall(met: MetServers): void {
    for (const role of ['source', 'target'] as const)
      for (const [id, name] of Object.entries(met[role])) this.#meet(role, id, name);
    for (const side of Object.values(this.#deployments))
      for (const server of reachedAtFirst(side)) this.#demandUnmet(side.role, server);
  }

  #meet(role: Role, id: string, name: string): void {
    const met = this.#met[role];
    met.set(id, name);
    const [first] = met.keys();
    if (met.size > MOST_MET) met.delete(first!);
  }

  #demandUnmet(role: Role, reached: Reached): void {
    const other = otherThan(role);
    const known = this.#met[other].get(idOf(reached));
    if (known !== undefined) throw isOther(this.#deployments[role], reached.peer, other, known);
  }

  /** @throws RespError `SAME_SERVER` */
  async #demand(role: Role, reached: Reached): Promise<void> {
    this.#demandUnmet(role, reached);
    this.#meet(role, idOf(reached), nameOf(reached.peer));
    // Two that are compared may well be a primary and its replica.
    if (reached.info.role !== 'replica' || this.#deployments.target.use === 'read from') return;
    // A primary takes another replication id with its first replica: what is known of it may be too old.
    const other = otherThan(role);
    const primary = (await this.#deployments[other].reached()).find((one) => isReplicaOf(reached, one));
    if (primary !== undefined) throw followsOther(role, reached.peer, other, primary.peer);
  }
}

type Pair = readonly [source: Reached, target: Reached];

/** The first server of the source, and one of the target, of which it holds; as they were at the start. */
export function findPair(
  source: Deployment,
  target: Deployment,
  holds: (from: Reached, to: Reached) => boolean,
): Pair | undefined {
  const targets = reachedAtFirst(target);
  for (const from of reachedAtFirst(source)) for (const to of targets) if (holds(from, to)) return [from, to];
  return undefined;
}

function reachedAtFirst({ servers }: Deployment): readonly Reached[] {
  return servers.map(({ info, connection: { peer } }) => ({ info, peer }));
}

function otherThan(role: Role): Role {
  return role === 'source' ? 'target' : 'source';
}

/** The same server process answers by two addresses as well. */
export function isSameServer(one: Reached, other: Reached): boolean {
  return idOf(one) === idOf(other);
}

/** Whether it has the other one's data by replication. By which address it knows that one, says nothing here. */
export function isReplicaOf({ info: { role, replicationId } }: Reached, { info }: Reached): boolean {
  return role === 'replica' && replicationId !== '' && replicationId === info.replicationId;
}

/** One that hides its run id is known by its address. */
function idOf({ info, peer }: Reached): string {
  return info.runId === '' ? nameOf(peer) : info.runId;
}

function isOther({ role, servers }: Deployment, peer: Peer, other: Role, known: string): RespError {
  const first = nameOf(servers[0]!.connection.peer);
  const before = first === nameOf(peer) ? '' : ` (at first ${first})`;
  const message = `Cannot go on: the ${role} leads to ${nameOf(peer)} by now${before}, and the server there is the ${other}, ${known}`;
  return new RespError('SAME_SERVER', message, { peer, hint: LEADS_HINT });
}

function followsOther(role: Role, peer: Peer, other: Role, primary: Peer): RespError {
  const message = `Cannot go on: the ${role} ${nameOf(peer)} has become a replica of the ${other} ${nameOf(primary)}`;
  return new RespError('SAME_SERVER', message, { peer, hint: REPLICA_HINT });
}
