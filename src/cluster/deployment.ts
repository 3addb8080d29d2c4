// What an endpoint leads to: one server, the primary that sentinels know, or the primaries of a cluster; and again, when
// they have changed.

import type { Connection } from '../../resp/connection.ts';
import { nameOf, RespError, type Peer, type ReplyError } from '../../resp/errors.ts';
import type { ReplicationLink, ReplicationSink } from '../../resp/replication-link.ts';
import { Backoff, pauseAfter, type ReconnectOptions } from '../server/retry.ts';
import { isWaitedFor, kindOf, redirectOf, refusalOf } from '../server/refusal.ts';
import { PROBE_KEY } from '../server/probes.ts';
import type { ServerInfo } from '../server/info.ts';
import {
  askServer,
  askTopology,
  openReplication,
  openServer,
  openWithDatabases,
  type Access,
  type Admission,
  type Server,
} from '../server/server.ts';
import { Announced, firstPeerOf, type NatRule } from './announced.ts';
import { locate, openNodes, type FirstLookOptions } from './first-look.ts';
import { Part } from './part.ts';
import { SlotMoves, slotOf, type SlotSet } from './slot.ts';
import { Topology, type Node } from './topology.ts';

export interface DeploymentOptions extends FirstLookOptions, ReconnectOptions {
  readonly nat: readonly NatRule[];
  /** The slots that the run is about; all where it is missing. */
  readonly part?: Part | undefined;
}

/** The one node where there is no cluster, by whatever address it is reached. */
const SINGLE = 'single';
/** While a node is replaced, an answer that takes longer than this is worth less than that of another node. */
const REFRESH_TIMEOUT_MS = 3000;
const PROBE_SLOT = slotOf(Buffer.from(PROBE_KEY));

export class Deployment {
  readonly kind: 'server' | 'sentinel' | 'cluster';
  /** The slots that the run is about: nodes that serve none of them are left alone. */
  readonly part: Part;
  /** One for each primary that served any of them at the start. */
  readonly servers: readonly Server[];
  /** How much of what each of them holds was of the part then: see `shareOf`. */
  readonly shares: readonly number[];
  readonly #options: DeploymentOptions;
  readonly #announced: Announced;
  /** Slots of the part that no node served at the start. */
  readonly unserved: SlotSet;
  readonly #unused: Map<string, Server>;
  /** The ids of primaries that were reached by an address, whatever the cluster says of it. */
  readonly #reached = new Map<string, string>();
  /** Whom to ask for the topology first: another one each time. */
  #turn = 0;
  #topology: Topology;
  #refreshing: Promise<void> | undefined;
  /** As far as the nodes have told. */
  readonly moves = new SlotMoves();
  /** Looks at each server that is connected to from then on. */
  admit: Admission | undefined;

  private constructor(
    options: DeploymentOptions,
    announced: Announced,
    isCluster: boolean,
    topology: Topology,
    servers: readonly Server[],
  ) {
    this.#options = options;
    this.#announced = announced;
    this.kind = isCluster ? 'cluster' : options.address.kind === 'sentinel' ? 'sentinel' : 'server';
    this.#topology = topology;
    this.servers = servers;
    this.part = options.part ?? new Part();
    this.unserved = this.part.keepOf(topology.unserved);
    this.shares = this.ownNodes.map((node) => this.shareOf(node));
    this.#unused = new Map(this.ownNodes.map(({ id }, i) => [id, servers[i]!]));
  }

  /**
   * Whoever is there and serves nobody now is waited for, as in the middle of the work; whoever is not there is not.
   * @throws RespError: no connection, no login, no such database, a cluster that announces what cannot be reached
   */
  static async open(options: DeploymentOptions): Promise<Deployment> {
    const { address, access } = options;
    const backoff = new Backoff(options.retry);
    const announced = await Announced.forGiven(address, options.nat, access.role);
    for (;;) {
      try {
        const deployment = await Deployment.#look(options, announced);
        const refusal = deployment.#passingRefusal;
        if (refusal === undefined) return deployment;
        deployment.close();
        throw refusal;
      } catch (error) {
        if (!isWaitedFor(error)) throw error;
        const { role: side, signal } = access;
        const peer = (error as RespError).peer ?? firstPeerOf(address);
        await pauseAfter(error, backoff, { side, peer, signal }, options);
      }
    }
  }

  static async #look(options: DeploymentOptions, announced: Announced): Promise<Deployment> {
    const { access, db } = options;
    const peer = await locate(options, announced);
    const first = await openWithDatabases(access, peer, db);
    if (!first.info.cluster)
      return new Deployment(options, announced, false, Topology.single({ id: SINGLE, peer }), [first]);
    first.connection.close();
    if (first.missing.length + first.unknown.length > 0)
      return new Deployment(options, announced, true, Topology.single({ id: SINGLE, peer }), [first]);
    const topology = parse(announced, peer, first.topology);
    const nodes = options.part?.nodesIn(topology) ?? topology.nodes;
    if (nodes.length === 0) throw noPart(peer);
    for (const node of nodes) announced.demand(node.peer);
    return new Deployment(options, announced, true, topology, await openNodes(options, nodes, announced.flag));
  }

  /** Why one of its nodes would serve no copy now, if that may pass; what will not is told with all else that is wrong. */
  get #passingRefusal(): RespError | undefined {
    const { purpose } = this.#options.access;
    const isHopeless = this.servers.some(
      ({ missing, unknown, info }) =>
        missing.length + unknown.length > 0 || (purpose === 'write' && info.role === 'replica'),
    );
    if (isHopeless || this.unserved.size > 0) return undefined;
    return this.servers
      .flatMap(({ connection: { peer }, refusal }) =>
        refusal === undefined ? [] : [refusalOf(peer, this.use, refusal)],
      )
      .find(isWaitedFor);
  }

  get topology(): Topology {
    return this.#topology;
  }

  /** The primaries that serve slots of the part by now. */
  get ownNodes(): readonly Node[] {
    return this.part.nodesIn(this.#topology);
  }

  /** How much of what a node holds by now is of the part, about, 0 to 1. */
  shareOf(node: Node): number {
    return this.part.shareOf(node, this.#topology);
  }

  get isCluster(): boolean {
    return this.kind === 'cluster';
  }

  /** Whether any certificate is taken. */
  get isInsecure(): boolean {
    return this.#options.access.tls?.insecure === true;
  }

  get role(): Access['role'] {
    return this.#options.access.role;
  }

  /** What is done with its servers, as messages say it. */
  get use(): 'read from' | 'write to' {
    return this.#options.access.purpose === 'read' ? 'read from' : 'write to';
  }

  /** Milliseconds without progress that count as a failure. */
  get timeout(): number {
    return this.#options.access.timeout;
  }

  get signal(): AbortSignal | undefined {
    return this.#options.access.signal;
  }

  /**
   * Learns anew who serves what.
   * @param first whom to ask before all others
   * @throws RespError where nobody can be asked
   */
  refresh(first?: Peer): Promise<void> {
    // Whoever is being asked now may not know what `first` does.
    const isFresh = this.#refreshing === undefined || first === undefined;
    const learning = isFresh ? this.#refreshing : this.#refreshing?.catch(() => {}).then(() => this.#learn(first));
    const refreshing = (learning ?? this.#learn(first)).finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = undefined;
    });
    this.#refreshing = refreshing;
    return refreshing;
  }

  /** The same. @returns whether anybody would say it now */
  async tryRefresh(first?: Peer): Promise<boolean> {
    try {
      await this.refresh(first);
      return true;
    } catch (error) {
      if (error instanceof RespError && error.retryable) return false;
      throw error;
    }
  }

  /** The same, where it can be had: whoever cannot be asked now is missed by his own link. */
  async refreshIfPossible(first?: Peer): Promise<void> {
    await this.tryRefresh(first);
  }

  /** The node that serves a key; there may be none now. */
  nodeOf(key: Buffer): Node | undefined {
    return this.isCluster ? this.#topology.ownerOf(slotOf(key)) : this.#topology.nodes[0];
  }

  /** Whether no node serves the slot, and none did at the start: there is nobody to be waited for. */
  isUnserved(slot: number): boolean {
    return this.unserved.has(slot) && this.#topology.ownerOf(slot) === undefined;
  }

  /** Where a redirection leads, as it can be reached from here. @param asked who has said it */
  placeOf(error: ReplyError, asked: Peer): Peer | undefined {
    const redirect = redirectOf(error);
    if (redirect !== undefined) this.moves.add([redirect.slot]);
    return redirect && this.#announced.reach(redirect.peer, asked);
  }

  /** The primary that is reached there. */
  nodeAt(peer: Peer): Node | undefined {
    const known = this.#topology.at(peer) ?? this.#topology.find(this.#reached.get(nameOf(peer)) ?? '');
    return known !== undefined && this.#announced.believes(peer) ? { id: known.id, peer } : known;
  }

  /** CLUSTER NODES as the node itself has it now. @throws RespError */
  async nodesAsSeenBy({ peer }: Node): Promise<string> {
    this.#announced.demand(peer);
    const [, nodes] = await askTopology(this.#refreshAccess, peer);
    return String(nodes);
  }

  /** Where sentinels say that the primary is by now, if that is another one: the old one may still answer, and not know it. */
  placeBeside(peer: Peer): Peer | undefined {
    const [primary] = this.#topology.nodes;
    return this.kind === 'sentinel' && nameOf(primary!.peer) !== nameOf(peer) ? primary!.peer : undefined;
  }

  /** Ends a connection to a server that is the primary no more, as far as sentinels have said when they were asked last. */
  demandPlace(connection: Pick<Connection, 'peer' | 'fail'>): void {
    const place = this.placeBeside(connection.peer);
    if (place === undefined) return;
    const message = `Cannot ${this.use} ${nameOf(connection.peer)} any more: the primary is ${nameOf(place)} by now`;
    connection.fail(new RespError('REPLACED', message, { peer: connection.peer, retryable: true }));
  }

  /** Why the server would do no work now. That nobody serves the slot of the probe says nothing of the other slots. */
  refusalAt({ refusal }: Server): ReplyError | undefined {
    const isOfProbe =
      refusal !== undefined && kindOf(refusal) === 'unserved' && this.#topology.ownerOf(PROBE_SLOT) === undefined;
    return isOfProbe ? undefined : refusal;
  }

  /**
   * A connection to a node: at first the one through which it was looked at.
   * @throws RespError, also where it can do no work now
   */
  async connect(node: Node): Promise<Server> {
    const unused = this.#unused.get(node.id);
    this.#unused.delete(node.id);
    return unused !== undefined && unused.connection.error === undefined ? unused : this.connectBeside(node);
  }

  /** One more connection to a node. @throws RespError, as `connect` */
  async connectBeside({ peer }: Pick<Node, 'peer'>): Promise<Server> {
    this.#announced.demand(peer);
    const server = await openServer(this.#options.access, peer, this.#options.db, this.admit);
    const refusal = this.refusalAt(server);
    if (refusal === undefined) return server;
    server.connection.close();
    throw refusalOf(peer, this.use, refusal);
  }

  /** What its nodes say of themselves now; whoever does not say is missing. */
  async reached(): Promise<readonly { readonly info: ServerInfo; readonly peer: Peer }[]> {
    const asked = this.#topology.nodes.map(async ({ peer }) => ({
      info: await askServer(this.#refreshAccess, peer),
      peer,
    }));
    const said = await Promise.allSettled(asked);
    return said.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  }

  /**
   * A link to a server in the role of a replica, beside the connections to it.
   * @param runId of its process; any is taken where it is missing
   * @throws RespError
   */
  replicate(peer: Peer, sink: ReplicationSink, runId: string | undefined): Promise<ReplicationLink> {
    return openReplication(this.#options.access, peer, sink, runId, this.admit);
  }

  /** Closes what was opened for the look and not used. */
  close(): void {
    for (const { connection } of this.servers) connection.close();
  }

  get #refreshAccess(): Access {
    const { access } = this.#options;
    return { ...access, timeout: Math.min(access.timeout, REFRESH_TIMEOUT_MS) };
  }

  async #learn(first: Peer | undefined): Promise<void> {
    if (this.kind === 'server') return;
    if (this.kind === 'sentinel') {
      this.#topology = Topology.single({ id: SINGLE, peer: await locate(this.#options, this.#announced) });
      return;
    }
    let last: unknown;
    for (const peer of this.#whomToAsk(first)) {
      try {
        const topology = parse(this.#announced, peer, await askTopology(this.#refreshAccess, peer));
        this.moves.add(topology.slotsElsewhereThan(this.#topology));
        this.#topology = topology;
        const node = this.#topology.at(peer);
        if (node !== undefined) this.#reached.set(nameOf(peer), node.id);
        return;
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  /** Each of them once. */
  *#whomToAsk(first: Peer | undefined): Iterable<Peer> {
    if (first !== undefined && this.#announced.believes(first)) yield first;
    const peers = [...this.#topology.nodes.map(({ peer }) => peer), ...this.#topology.replicas].filter((peer) =>
      this.#announced.believes(peer),
    );
    for (let i = 0; i < peers.length; i++) yield peers[this.#turn++ % peers.length]!;
  }
}

function noPart(peer: Peer): RespError {
  const message = `Cannot use the cluster at ${nameOf(peer)}: no node of it serves any slot of this part`;
  return new RespError('CLUSTERDOWN', message, { peer, retryable: true });
}

/** @throws RespError where no slot is served */
function parse(announced: Announced, asked: Peer, [slots, nodes]: Server['topology']): Topology {
  const topology = Topology.parse(slots!, nodes!, (peer) => announced.reach(peer, asked), asked);
  if (topology.nodes.length > 0) return topology;
  const message = `Cannot use the cluster at ${nameOf(asked)}: no node of it serves any slot`;
  throw new RespError('CLUSTERDOWN', message, { peer: asked, retryable: true });
}
