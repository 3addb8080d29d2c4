// One database of one node, walked by SCAN from beginning to end, across lost connections and restarts of the server.

import { nameOf, RespError, type Peer, type ReplyError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import { Ring } from '../../resp/ring.ts';
import type { FoundKey } from '../flow/key-id.ts';
import { KeyQueue } from '../flow/key-queue.ts';
import type { Pause } from '../flow/pause.ts';
import { SlotWatch, type SlotWatchState } from './coverage.ts';
import { hasManyServers, isSameKeyspace, keysIn, type KeyspaceId, type ServerInfo } from '../server/info.ts';
import { LONG_LINE_MS } from '../server/server.ts';
import type { Session } from '../server/session.ts';
import type { KeyScope } from './key-scope.ts';
import { KeyspaceScan, type KeyspaceScanOptions, type KeyspaceScanState } from './keyspace-scan.ts';
import type { LossWatch, Sight } from './loss-watch.ts';
import type { PageLedger } from './page-ledger.ts';
import { endless, PageReader, ScanError } from './page-reader.ts';

export interface NodeScanOptions {
  /** SCAN COUNT. */
  readonly count: number;
  readonly scope: KeyScope;
  /** Keys that this walk is for; all where it is missing. */
  readonly wanted?: ((key: Buffer) => boolean) | undefined;
  /** How many of the keys that it holds the walk is about, 0 to 1; all where it is missing. */
  readonly share?: number | undefined;
  /** What the cluster calls the node. */
  readonly nodeId?: string | undefined;
  /** Where a walk of the same database, with the same options, was left. */
  readonly state?: NodeScanState | undefined;
  /** Whether no page is asked for beside another: what proves to be no segment would be read twice. */
  readonly plainly?: boolean | undefined;
  /** While it is on, no page is asked for. */
  readonly pause?: Pause | undefined;
  /** What keeps account of the pages. */
  readonly ledger: PageLedger;
  readonly sink: NodeScanSink;
  /** Called behind each page that has come: `state` has it, and the ledger its keys. */
  readonly onPage?: (() => void) | undefined;
}

export type ScanNotice =
  /** Another process, or one that holds other data by now, has taken the place of the one that was walked. */
  | { readonly code: 'SCANNED_ANEW'; readonly peer: Peer }
  /** The process is another one each time it is asked for: whether all of the walk was of one server cannot be told. */
  | { readonly code: 'MANY_SERVERS'; readonly peer: Peer };

export interface NodeScanSink {
  /** The server would not say of this key whether it is in scope. */
  onReadRefused(db: number, key: Buffer, error: ReplyError, page: number): void;
  /** The database lost keys since the copy began. */
  onShrunk(error: RespError): void;
  onNotice(notice: ScanNotice): void;
  /** What the same server gave before comes once more, as parts of its keyspace were none. */
  onWalkedAnew?(): void;
}

/**
 * All that a walk needs to go on, over another connection or in another process; plain, so that it can be kept as JSON. It is
 * as of the last page that has come: what was found until then and is not read has to be kept beside it.
 */
export interface NodeScanState {
  readonly scan: KeyspaceScanState;
  /** What the server was when the walk began: another one, or one that holds other data by now, has to be walked anew. */
  readonly origin: KeyspaceId;
  /** The database before it was walked for the first time. */
  readonly first: Sight;
  /** How often the walk has begun. */
  readonly walks: number;
  /** Where the slots of a cluster's node were meanwhile. */
  readonly watch: SlotWatchState;
}

/** A walk on one connection. */
interface Walk extends Pick<NodeScanState, 'origin' | 'first' | 'walks'> {
  readonly scan: KeyspaceScan;
  readonly watch: SlotWatch;
}

const MOST_SEGMENTS = 16;
/** Milliseconds between two looks at the slots that the node holds. */
const WATCH_MS = 1000;
/** What the first page may have where all of the memory is names. */
const FIRST_PAGE_BYTES = 32 * 1024 * 1024;
/** A server that was replaced so often while it was walked will be replaced again. */
const MOST_WALKS = 5;

export class NodeScan {
  readonly db: number;
  /** Keys in scope that are to be read. */
  readonly keys = new KeyQueue();
  readonly #untyped = new Ring<FoundKey>();
  readonly #options: NodeScanOptions;
  readonly #lossWatch: LossWatch;
  readonly #onPage: () => void;
  #walk: Walk | undefined;
  #watchedAt = 0;
  /** The server was loading data, which may be others than before. */
  #hasLoaded = false;
  #isOver = false;
  #isGivenUp = false;

  /** @param onPage called for each page that has come */
  constructor(db: number, options: NodeScanOptions, lossWatch: LossWatch, onPage: () => void) {
    this.db = db;
    this.#options = options;
    this.#lossWatch = lossWatch;
    this.#onPage = onPage;
  }

  /** Whether every key that was there throughout is, or was, in `keys`. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** How much was walked, 0 to 1. */
  get fraction(): number {
    return this.#isOver ? 1 : (this.#walk?.scan.fraction ?? 0);
  }

  /** The first so many pages are done with: each of their keys is acknowledged, told as failed, or gone. See `state.scan.page`. */
  get pagesDone(): number {
    return this.#options.ledger.doneOf(this, this.#walk?.scan.page ?? 0);
  }

  /** Keys in the database when the walk began, as far as it is about them. */
  get size(): number {
    return Math.round((this.#walk?.scan.keys ?? 0) * (this.#options.share ?? 1));
  }

  /** Where the slots of a cluster's node were meanwhile. */
  get watch(): SlotWatch {
    return this.#walk?.watch ?? new SlotWatch(this.#options.nodeId);
  }

  /** `undefined` where it has not begun, or was given up. */
  get state(): NodeScanState | undefined {
    if (this.#isGivenUp) return undefined;
    if (this.#walk === undefined) return this.#options.state;
    const { scan, watch, ...rest } = this.#walk;
    return { ...rest, scan: scan.state, watch: watch.state };
  }

  /**
   * The node is no primary any more, before all was seen: whoever has its slots by now is walked. So is what was found and is of
   * a type that the node has not told; what is to be read stays in `keys`. Returns how many those without a type were.
   */
  giveUp(): number {
    this.#isGivenUp = true;
    const { length } = this.#untyped;
    for (let key = this.#untyped.shift(); key !== undefined; key = this.#untyped.shift()) {
      this.#options.ledger.settle(key.page);
    }
    return length;
  }

  /**
   * Walks on from where the last connection was lost, where the server is still the same; returns when all was seen.
   * @throws RespError: the connection failed, or the server would not go on
   */
  async walk(session: Session): Promise<void> {
    const { state } = this;
    const isSame = state !== undefined && isSameKeyspace(state.origin, session.server.info);
    let walk: Walk | undefined =
      isSame && !this.#hasLoaded ? this.#goOn(session, state) : await this.#begin(session, state);
    while (walk !== undefined) {
      this.#walk = walk;
      await this.#readPages(session, walk);
      walk = await this.#following(session, walk);
    }
    this.#isOver = true;
  }

  async #readPages(session: Session, { scan, watch }: Walk): Promise<void> {
    const { db, keys } = this;
    const { sink, scope, wanted, pause } = this.#options;
    const found = { keys, untyped: this.#untyped };
    const reader = new PageReader(
      session,
      scan,
      found,
      { db, ledger: this.#options.ledger, walk: this, scope, wanted },
      {
        onPage: () => {
          this.#onPage();
          this.#options.onPage?.();
        },
        onFound: (count) => this.#lossWatch.onFound(db, count),
        onRefused: sink.onReadRefused.bind(sink),
        onLoading: () => (this.#hasLoaded = true),
      },
    );
    try {
      while (reader.isReading) {
        if (pause?.isOn !== true) reader.ask();
        await session.progress();
        if (scan.isAnew) sink.onWalkedAnew?.();
        if (scan.isLong) await this.#demandEnd(session, scan);
        await this.#look(session, watch);
      }
    } finally {
      reader.drain();
    }
  }

  /** The names that were found and not read are kept: the walk may not meet them again. */
  async #begin(session: Session, before: NodeScanState | undefined): Promise<Walk> {
    if (before !== undefined) this.#beginAnew(session.peer, before.walks);
    const watch = new SlotWatch(this.#options.nodeId);
    await this.#observe(session, watch);
    const sight = await this.#lossWatch.begin(session, this.db);
    if (before !== undefined) this.#lossWatch.beginAnew(this.db, sight);
    const options = { ...this.#scanOptions(session, sight), page: before?.scan.page ?? 0 };
    this.#hasLoaded = false;
    const { first = sight, walks = 0 } = before ?? {};
    return { scan: new KeyspaceScan(options), watch, origin: keyspaceIdOf(sight.info), first, walks: walks + 1 };
  }

  #goOn(session: Session, { scan, watch, first, ...rest }: NodeScanState): Walk {
    this.#lossWatch.goOn(this.db, first);
    const options = this.#scanOptions(session, first);
    return { ...rest, first, scan: new KeyspaceScan(options, scan), watch: new SlotWatch(this.#options.nodeId, watch) };
  }

  #scanOptions(session: Session, { keys, info }: Sight): KeyspaceScanOptions {
    const { count, plainly = false } = this.#options;
    // Servers of a cluster may count by slot.
    const isLong = session.server.roundTrip > LONG_LINE_MS && !info.cluster;
    return {
      count,
      firstCount: Math.min(count, firstCountOf(info)),
      keys,
      maxSegments: isLong && !plainly ? MOST_SEGMENTS : 1,
      sparse: this.#isSparse(session),
    };
  }

  /** @throws ScanError, where it was often enough */
  #beginAnew(peer: Peer, walks: number): void {
    if (walks < MOST_WALKS) return this.#options.sink.onNotice({ code: 'SCANNED_ANEW', peer });
    const message = `Gave up on ${nameOf(peer)}: it was replaced, or came to hold other data, ${MOST_WALKS} times while it was scanned`;
    throw new ScanError('SOURCE_REPLACED', message, {
      peer,
      hint: 'copy once it is at rest',
      retryable: true,
    });
  }

  /** @throws ScanError where the pages cannot come to an end any more */
  async #demandEnd(session: Session, scan: KeyspaceScan): Promise<void> {
    const { keys, info } = await this.#lossWatch.look(session, this.db);
    if (scan.mayGoOn(keys, info.usedMemory)) return;
    throw endless(session.peer, `SCAN goes on far beyond the ${countOf(keys, 'key')} that DBSIZE tells`);
  }

  /** The last page has come: what has to be walked now, where it was not all of what was there at the beginning. */
  async #following(session: Session, walk: Walk): Promise<Walk | undefined> {
    await this.#observe(session, walk.watch);
    const sight = await this.#lossWatch.look(session, this.db);
    const { info } = sight;
    if (!(await this.#isOneWalk(session, walk, info))) return this.#begin(session, this.state);
    if (!walk.scan.settle(sight.keys)) return walk;
    // Of servers behind a proxy, and of one whose slots another one has, nothing can be said.
    const isKnown = info.runId === walk.origin.runId && !(info.cluster && info.role === 'replica');
    if (isKnown && !this.#isSparse(session)) await this.#tellLoss(session, walk, sight);
    return undefined;
  }

  async #tellLoss(session: Session, { first, scan }: Walk, sight: Sight): Promise<void> {
    const error = await this.#lossWatch.lossOf(session, this.db, first, scan.seen, sight);
    if (error !== undefined) this.#options.sink.onShrunk(error);
  }

  /** Whether the server itself leaves names out: then nobody knows how many there are. */
  #isSparse({ server }: Session): boolean {
    const { pushedMatch, type } = this.#options.scope;
    return pushedMatch !== undefined || (type !== undefined && server.scanKnowsType);
  }

  /** Whether what was walked, on this connection at last, was one keyspace. */
  async #isOneWalk(session: Session, { origin, walks }: Walk, info: ServerInfo): Promise<boolean> {
    if (isSameKeyspace(origin, info) || (origin.runId === '' && info.runId === '')) return true;
    // What it held, its successor has: whoever follows the slots walks that one.
    if (info.cluster && info.role === 'replica') return true;
    // Whose replica it has become, is asked before it is walked again.
    if (info.runId === origin.runId) throw hasOtherData(session.peer);
    // A process ends with its connections: where another one answers on the same, somebody stands in between.
    if (walks < MOST_WALKS && !(await hasManyServers(session, info))) return false;
    this.#lossWatch.end();
    this.#options.sink.onNotice({ code: 'MANY_SERVERS', peer: session.peer });
    return true;
  }

  async #look(session: Session, watch: SlotWatch): Promise<void> {
    if (performance.now() - this.#watchedAt > WATCH_MS) await this.#observe(session, watch);
  }

  async #observe(session: Session, watch: SlotWatch): Promise<void> {
    if (!session.server.info.cluster) return;
    this.#watchedAt = performance.now();
    const nodes = String(await session.request('CLUSTER NODES'));
    watch.observe(nodes);
    this.#lossWatch.onNodes(session, nodes);
  }
}

function hasOtherData(peer: Peer): RespError {
  const message = `Cannot read from ${nameOf(peer)} any more: it has come to hold the data of another server`;
  return new RespError('REPLACED', message, { peer, retryable: true });
}

/** Keys and values together are no shorter, in the mean, than keys are. */
function firstCountOf(info: ServerInfo): number {
  const keys = keysIn(info);
  if (keys === 0 || info.usedByValues === 0) return Infinity;
  return Math.max(1, Math.floor((FIRST_PAGE_BYTES * keys) / info.usedByValues));
}

function keyspaceIdOf({ runId, role, replicationId, formerReplicationId }: ServerInfo): KeyspaceId {
  return { runId, role, replicationId, formerReplicationId };
}
