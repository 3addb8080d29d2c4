// Reads the databases of a server or of a cluster: one reader a node, all into one channel, until every key that
// was there throughout has been read and written.

import { RespError } from '../../resp/errors.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import type { Channel } from '../flow/channel.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import { SlotWatch } from '../scan/coverage.ts';
import type { Node } from '../cluster/topology.ts';
import type { Entry } from '../flow/entry.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { Failure } from '../flow/failure.ts';
import type { FoundKey } from '../flow/key-id.ts';
import { Census } from '../keys/census.ts';
import { depthFor } from '../server/transfer-limits.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import type { KeyScope } from '../scan/key-scope.ts';
import { NameReader } from '../keys/name-readers.ts';
import type { Session } from '../server/session.ts';
import { Wakeup } from '../flow/wakeup.ts';
import type { NodeScanSink } from '../scan/node-scan.ts';
import { PageLedger } from '../scan/page-ledger.ts';
import { ClusterWalk, type WalkNode, type Wanted } from '../scan/cluster-walk.ts';
import { changesTold, showGone, type Follower } from './follower.ts';
import { typeAt, type LargeValues, type ValueOptions } from './large-values.ts';
import { Lookup, type AnswerSink, type LookupOptions } from './lookup.ts';
import type { Source, SourceSink } from './source.ts';

export interface RedisSourceOptions extends NodeLinkOptions {
  readonly databases: readonly number[];
  /** Keys in these databases. */
  readonly keys: number;
  /** SCAN COUNT. */
  readonly count?: number | undefined;
  readonly scope: KeyScope;
  readonly dump: ValueOptions;
  /** Takes the place of reading: keys are only counted, by type and bytes. */
  readonly census?: ((type: string, bytes: number | undefined) => void) | undefined;
  /** Nothing is asked of a key: entries come without payloads. */
  readonly namesOnly?: boolean | undefined;
  /** Keeps account of what is read; one of its own otherwise. */
  readonly ledger?: PageLedger | undefined;
  /** Follows the source while it is written: there is no end of reading until it says so. */
  readonly follower?: Follower | undefined;
}

/** What is to be read: which keys, in which databases; all where it is missing. */
interface Demand {
  readonly wanted?: Wanted | undefined;
  readonly databases?: readonly number[] | undefined;
}

const DEFAULT_COUNT = 1000;
/** How often a value is asked for in pieces: where a connection is lost meanwhile, it comes as a whole once more. */
const MOST_IN_PIECES = 3;
/** So often in a row slots may have moved while those that had moved before were walked. */
const MOST_MOVES = 1000;

export class RedisSource implements Source {
  readonly #deployment: Deployment;
  readonly #options: RedisSourceOptions;
  readonly #sink: SourceSink;
  readonly #lookup: Lookup;
  /** What is to be walked: everything first, then what may be lost at the target. */
  readonly #demands: Demand[] = [{}];
  readonly #ledger: PageLedger;
  readonly #moved = new Wakeup();
  readonly #failure = new Failure();
  /** By the Buffer that the key is asked for with each time. */
  readonly #inPieces = new WeakMap<Buffer, number>();
  #channel!: Channel;
  #walkedKeys = 0;
  /** Slots that did not stay where they were walked. */
  #slotsLeft = new SlotSet();
  /** Why not all of a cluster could be walked. */
  #uncovered: RespError | undefined;

  constructor(deployment: Deployment, options: RedisSourceOptions, sink: SourceSink) {
    this.#deployment = deployment;
    this.#options = options;
    this.#sink = sink;
    this.#ledger = options.ledger ?? new PageLedger();
    const newKeyReader: LookupOptions['newKeyReader'] = (session, answers, large) =>
      this.#newKeyReader(session, answers, large);
    this.#lookup = new Lookup(
      deployment,
      { ...options, newKeyReader },
      {
        onGone: () => sink.onGone(),
        onRefused: ({ db, key }, error) => sink.onReadRefused(db, key, error),
        onMoved: () => this.#moved.wake(),
        onNowhere: (key) => this.#onNowhere(key),
        onFailed: (error) => this.#failure.fail(error),
      },
    );
  }

  get fraction(): number {
    let walked = this.#walkedKeys;
    for (const { scan } of this.#lookup.readers) if (scan?.isOver === false) walked += scan.fraction * scan.size;
    return Math.min(1, walked / Math.max(1, this.#options.keys));
  }

  async read(channel: Channel): Promise<void> {
    this.#channel = channel;
    this.#lookup.begin(channel);
    channel.onSettled((page, keys) => this.#ledger.settle(page, keys));
    try {
      await Promise.race([this.#readAll(), this.#failure.promise]);
      this.#lookup.finish();
    } catch (error) {
      this.#lookup.finish(error);
      throw error;
    }
  }

  again({ db, key, page }: Entry): void {
    this.#lookup.read({ db, key, page, asking: false });
  }

  againInPieces({ db, key, page }: Entry): boolean {
    const times = (this.#inPieces.get(key) ?? 0) + 1;
    if (times > MOST_IN_PIECES) return false;
    this.#inPieces.set(key, times);
    this.#lookup.read({ db, key, page, asking: false, inPieces: true });
    return true;
  }

  rescan(wanted?: Wanted): void {
    // What comes before everything is part of it.
    if (wanted === undefined) this.#demands.length = 0;
    this.#demands.push({ wanted });
  }

  /** Reads a key that has changed. @param page one of the follower's */
  readChanged(db: number, key: Buffer, page: number): void {
    this.#lookup.read({ db, key, page, asking: false });
  }

  /** Walks once more, beside what the follower reads; returns when all that was found is settled. */
  walkAgain(wanted: Wanted | undefined, databases: readonly number[] | undefined): Promise<void> {
    return this.#walkUntilStill({ wanted, databases });
  }

  /** Waits until every key that the walks have found is done with. */
  async walkSettled(): Promise<void> {
    const hasOpen = (): boolean => this.#ledger.hasOthers(this.#options.follower!);
    while (hasOpen()) await this.#moved.sleep();
  }

  /** The values of a node are read from this server process, and from no other that may be behind its name. */
  demandServer(nodeId: string, runId: string): void {
    this.#lookup.demandServer(nodeId, runId);
  }

  stop(reason: Error): void {
    this.#failure.fail(reason);
    this.#lookup.stop(reason);
  }

  async #readAll(): Promise<void> {
    const { follower } = this.#options;
    if (follower !== undefined) return this.#readAndFollow(follower);
    while (this.#demands.length > 0) {
      await this.#walkAll(this.#demands.shift()!);
      while (this.#isPending() || this.#channel.endsLater()) await this.#moved.sleep();
      const errors = await Promise.all(Array.from(this.#lookup.readers, (reader) => reader.lookBack()));
      for (const error of errors) if (error !== undefined) this.#sink.onShrunk(error);
    }
    if (this.#uncovered !== undefined) throw this.#uncovered;
  }

  /** What is lost meanwhile, the follower is told by others. */
  async #readAndFollow(follower: Follower): Promise<void> {
    await this.#walkUntilStill({});
    follower.onWalked();
    await follower.ended;
    while (this.#isPending()) await this.#moved.sleep();
    if (this.#uncovered !== undefined) throw this.#uncovered;
  }

  /**
   * What a walk has read of a slot that moves may come behind what has changed there since, as that is read at another node:
   * once all of the walk is settled, these slots are walked again.
   */
  async #walkUntilStill({ wanted, databases }: Demand): Promise<void> {
    let share = wanted;
    for (let walks = 0; walks <= MOST_MOVES; walks++) {
      const before = this.#deployment.topology;
      await this.#walkAll({ wanted: share, databases });
      await this.walkSettled();
      const moved = this.#slotsLeft;
      this.#slotsLeft = new SlotSet();
      if (!this.#deployment.isCluster) return;
      await this.#deployment.refreshIfPossible();
      moved.addAll(this.#deployment.topology.slotsElsewhereThan(before));
      if (moved.size === 0) return;
      share = (key) => moved.has(slotOf(key)) && wanted?.(key) !== false;
    }
    const message = 'Cannot follow the source: its slots were on the move each time that they were walked';
    throw new RespError('CLUSTERDOWN', message, { retryable: true });
  }

  #onNowhere(key: FoundKey): boolean {
    const { follower } = this.#options;
    follower?.onNowhere(key);
    if (follower?.isChange(key.page) !== true) return false;
    const entry = new EntryView();
    showGone(entry, key);
    follower.onRead(entry);
    this.#channel.reserve();
    this.#channel.pushReserved(entry);
    return true;
  }

  /** Whether keys are to be read, or entries are not settled. */
  #isPending(): boolean {
    return this.#channel.unsettled > 0 || this.#lookup.isPending;
  }

  async #walkAll({ wanted, databases = this.#options.databases }: Demand): Promise<void> {
    const { retry } = this.#options;
    const [only] = this.#deployment.topology.nodes as [Node];
    for (const db of databases) {
      const walkNode: WalkNode = (node, isIn) => this.#walk(node, db, isIn);
      if (!this.#deployment.isCluster) await walkNode(only, wanted);
      else {
        const uncovered = await new ClusterWalk(this.#deployment, retry, this.#sink, walkNode).run(wanted);
        this.#uncovered ??= uncovered;
      }
    }
  }

  async #walk(node: Node, db: number, wanted: Wanted | undefined): Promise<SlotWatch> {
    const { scope, count = DEFAULT_COUNT, follower } = this.#options;
    // What a source that is followed loses meanwhile, its feed tells.
    const sink = follower === undefined ? this.#sink : withoutLosses(this.#sink);
    const options = { scope, count, wanted, sink, nodeId: node.id, ledger: this.#ledger };
    const scan = await this.#lookup.readerOf(node).walk(db, options);
    this.#slotsLeft.addAll(scan.watch.left);
    if (!scan.isOver) return new SlotWatch(node.id);
    this.#walkedKeys += scan.size;
    return scan.watch;
  }

  #newKeyReader(session: Session, sink: AnswerSink, large: LargeValues): KeyReader {
    const { dump, census, namesOnly, follower } = this.#options;
    if (census !== undefined) {
      const onCounted = (type: string, bytes: number | undefined, page: number): void => {
        sink.onCounted(page);
        census(type, bytes);
      };
      const { connection, selection, server } = session;
      return new Census(connection, selection, depthFor(server.roundTrip), { ...sink, onCounted });
    }
    if (namesOnly === true) return new NameReader((entry) => sink.onFound(entry));
    const { type } = this.#options.scope;
    const told = follower === undefined ? sink : changesTold(sink, follower, type, (entry) => typeAt(large, entry));
    const onDumps = (entries: EntryRun): void => told.onFoundAll(entries);
    return large.newKeyReader(session, dump, { ...told, onDump: (entry) => told.onFound(entry), onDumps });
  }
}

function withoutLosses(sink: SourceSink): NodeScanSink {
  return {
    onReadRefused: (db, key, error) => sink.onReadRefused(db, key, error),
    onShrunk: () => {},
    onNotice: (notice) => sink.onNotice(notice),
  };
}
