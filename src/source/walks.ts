// Walks the databases of a source, on all of its nodes, and says where each walk is, so that a later run goes on from there.

import type { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { Node } from '../cluster/topology.ts';
import {
  ClusterWalk,
  type ClusterWalkState,
  type NodeWalk,
  type NodeWalkState,
  type WalkNode,
  type WalkShare,
} from '../scan/cluster-walk.ts';
import { SlotWatch } from '../scan/coverage.ts';
import type { Pause } from '../flow/pause.ts';
import type { KeyScope } from '../scan/key-scope.ts';
import type { NodeScan } from '../scan/node-scan.ts';
import type { PageLedger } from '../scan/page-ledger.ts';
import type { RetryOptions } from '../server/retry.ts';
import type { Lookup } from './lookup.ts';
import type { SourceSink } from './source.ts';

export type WalksSink = Pick<SourceSink, 'onReadRefused' | 'onShrunk' | 'onNotice' | 'onWalkedAnew'>;

export interface WalksOptions {
  readonly databases: readonly number[];
  /** SCAN COUNT. */
  readonly count?: number | undefined;
  readonly scope: KeyScope;
  /** Whether no part of a node is walked beside another. */
  readonly plainly?: boolean | undefined;
  readonly retry: RetryOptions;
  /** While it is on, nothing is asked for. */
  readonly pause?: Pause | undefined;
  /** Where an earlier copy was left, which had the same options. */
  readonly from?: SourceState | undefined;
}

/** What is to be walked: which keys, in which databases; all where it is missing. */
export interface Demand extends WalkShare {
  readonly databases?: readonly number[] | undefined;
}

/** Where the walk of one database is: of its one node, or of a cluster. */
export interface DatabaseState {
  readonly db: number;
  readonly walk: NodeWalkState | ClusterWalkState;
  readonly isOver: boolean;
  /** Keys that it is about, as far as it has come. */
  readonly keys: number;
}

/** Where reading is; plain, so that it can be kept as JSON. Databases that are missing have not been begun. */
export type SourceState = readonly DatabaseState[];

const DEFAULT_COUNT = 1000;

export class Walks {
  readonly #deployment: Deployment;
  readonly #options: WalksOptions;
  readonly #lookup: Lookup;
  readonly #ledger: PageLedger;
  readonly #sink: WalksSink;
  /** Where the walks for everything are, by database. */
  readonly #states = new Map<number, () => DatabaseState>();
  #keys = 0;
  #uncovered: RespError | undefined;

  /** Called behind each page that has come. */
  onPage: () => void = () => {};
  /** Called where keys were found that are not read, and that another walk is to find again. */
  onGivenUp: () => void = () => {};

  constructor(deployment: Deployment, options: WalksOptions, lookup: Lookup, ledger: PageLedger, sink: WalksSink) {
    this.#deployment = deployment;
    this.#options = options;
    this.#lookup = lookup;
    this.#ledger = ledger;
    this.#sink = sink;
    for (const state of options.from ?? []) this.#states.set(state.db, () => state);
  }

  /** Keys that were walked so far, about. */
  get keys(): number {
    let keys = this.#keys;
    for (const { scan } of this.#lookup.readers) if (scan?.isOver === false) keys += scan.fraction * scan.size;
    return keys;
  }

  /** Why not all of a cluster could be walked. */
  get uncovered(): RespError | undefined {
    return this.#uncovered;
  }

  /** Where the walks for everything are. */
  get state(): SourceState {
    return Array.from(this.#states.values(), (stateOf) => stateOf());
  }

  /** Everything is to be walked once more, and what is walked then counts. */
  forget(): void {
    this.#states.clear();
  }

  /** The walk for everything, from where it was left. */
  async walkEverything(): Promise<void> {
    for (const db of this.#options.databases) {
      const before = this.#states.get(db)?.();
      if (before?.isOver === true) this.#keys += before.keys;
      else await this.#walkDatabase(db, {}, before?.walk, (state) => this.#states.set(db, state));
    }
  }

  /** What was read before is walked once more. */
  async walkAgain({ databases = this.#options.databases, ...share }: Demand): Promise<void> {
    for (const db of databases) await this.#walkDatabase(db, share, undefined, () => {});
  }

  async #walkDatabase(
    db: number,
    { wanted, slots }: WalkShare,
    before: DatabaseState['walk'] | undefined,
    keep: (state: () => DatabaseState) => void,
  ): Promise<void> {
    const { topology, isCluster } = this.#deployment;
    const walkNode: WalkNode = (node, isIn, from) => this.#walk(node, db, isIn, from);
    const begun = this.#keys;
    const keepAt = (walk: { readonly state: DatabaseState['walk'] }, isOver: boolean): void => {
      const stateOf = (): DatabaseState => ({ db, walk: walk.state, isOver, keys: this.#keys - begun });
      keep(isOver ? constant(stateOf()) : stateOf);
    };
    if (!isCluster) {
      const walk = walkNode(topology.nodes[0]!, wanted, before !== undefined && 'scan' in before ? before : undefined);
      keepAt(walk, false);
      await walk.end;
      return keepAt(walk, true);
    }
    const from = before !== undefined && 'round' in before ? before : undefined;
    const walk = new ClusterWalk(this.#deployment, this.#options.retry, this.#sink, walkNode, from);
    keepAt(walk, false);
    const uncovered = await walk.run({ wanted, slots });
    keepAt(walk, uncovered === undefined);
    this.#uncovered ??= uncovered;
  }

  #walk(node: Node, db: number, wanted: WalkShare['wanted'], from: NodeWalkState | undefined): NodeWalk {
    if (from !== undefined && from.watch !== null) {
      this.#keys += from.keys;
      return { state: from, end: Promise.resolve(new SlotWatch(node.id, from.watch)) };
    }
    const { scope, count = DEFAULT_COUNT, plainly, pause } = this.#options;
    // Whoever starts it once more has seen to what went wrong before.
    const state = from?.scan ? { ...from.scan, walks: 1 } : undefined;
    const reader = this.#lookup.readerOf(node);
    const walking = reader.walk(db, {
      scope,
      count,
      plainly,
      wanted,
      pause,
      state,
      sink: this.#sink,
      nodeId: node.id,
      share: this.#deployment.shareOf(node),
      ledger: this.#ledger,
      onPage: () => this.onPage(),
    });
    const scan = reader.scan!;
    const end = async (): Promise<SlotWatch> => {
      await walking;
      if (!scan.isOver) {
        if (scan.giveUp() > 0) this.onGivenUp();
        return new SlotWatch(node.id);
      }
      this.#keys += scan.size;
      return scan.watch;
    };
    return {
      get state() {
        return stateOf(node, scan);
      },
      end: end(),
    };
  }
}

/** Of a walk that is over no more is kept than what others go by. */
function stateOf({ id }: Node, scan: NodeScan): NodeWalkState {
  const { isOver, size: keys } = scan;
  return { id, scan: isOver ? null : (scan.state ?? null), watch: isOver ? scan.watch.state : null, keys };
}

function constant<T>(value: T): () => T {
  return () => value;
}
