// One database of one node, walked by SCAN from beginning to end, across lost connections and restarts of the server.

import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import type { Receiver, Reply } from '../../resp/reply.ts';
import { Ring } from '../../resp/ring.ts';
import { SlotWatch } from '../cluster/slot-watch.ts';
import { depthFor } from '../server/transfer-limits.ts';
import { askInfo, hasManyServers, isSameKeyspace, type ServerInfo } from '../server/info.ts';
import type { KeyScope } from './key-scope.ts';
import { KeyspaceScan } from './keyspace-scan.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import { isPage, sendScan } from './scan-page.ts';
import type { Session } from '../server/session.ts';
import { TypeFilter } from './type-filter.ts';
import type { Sight } from './shrinkage.ts';
import type { LossWatch } from './loss-watch.ts';

export interface NodeScanOptions {
  /** SCAN COUNT. */
  readonly count: number;
  readonly scope: KeyScope;
  /** Keys that this walk is for; all where it is missing. */
  readonly wanted?: ((key: Buffer) => boolean) | undefined;
  /** What the cluster calls the node. */
  readonly nodeId?: string | undefined;
  readonly sink: NodeScanSink;
}

export type ScanNotice =
  /** Another process, or one that holds other data by now, has taken the place of the one that was walked. */
  | { readonly code: 'SCANNED_ANEW'; readonly peer: Peer }
  /** The process is another one each time it is asked for: whether all of the walk was of one server cannot be told. */
  | { readonly code: 'MANY_SERVERS'; readonly peer: Peer };

export interface NodeScanSink {
  /** The server would not say of this key whether it is in scope. */
  onReadRefused(db: number, key: Buffer, error: ReplyError): void;
  /** The database lost keys since the copy began. */
  onShrunk(error: RespError): void;
  onNotice(notice: ScanNotice): void;
}

/** Why a walk will not come to its end, whatever becomes of the connection. */
export class ScanError extends RespError {
  override readonly name = 'ScanError';
}

/** Called for each page that has come. */
type OnPage = () => void;

/** Over a line with a longer round trip, in milliseconds, one page a round trip is what bounds the speed. */
const LONG_LINE_MS = 1;
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
  readonly keys = new Ring<Buffer>();
  readonly #options: NodeScanOptions;
  readonly #lossWatch: LossWatch;
  readonly #onPage: OnPage;
  /** Keys whose type is to be asked for, where SCAN itself cannot tell. */
  readonly #untyped = new Ring<Buffer>();
  #scan: KeyspaceScan | undefined;
  #size = 0;
  #watch: SlotWatch;
  #watchedAt = 0;
  /** What the server was when the walk began: another one, or one that holds other data by now, has to be walked anew. */
  #origin: ServerInfo | undefined;
  /** The database before it was walked for the first time. */
  #first: Sight | undefined;
  /** How often the walk has begun. */
  #walks = 0;
  /** The server was loading data, which may be others than before. */
  #hasLoaded = false;
  #isOver = false;

  constructor(db: number, options: NodeScanOptions, lossWatch: LossWatch, onPage: OnPage) {
    this.db = db;
    this.#options = options;
    this.#lossWatch = lossWatch;
    this.#watch = new SlotWatch(options.nodeId);
    this.#onPage = onPage;
  }

  /** Whether every key that was there throughout is, or was, in `keys`. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** How much was walked, 0 to 1. */
  get fraction(): number {
    return this.#isOver ? 1 : (this.#scan?.fraction ?? 0);
  }

  /** Keys in the database when the walk began. */
  get size(): number {
    return this.#size;
  }

  /** Where the slots of a cluster's node were meanwhile. */
  get watch(): SlotWatch {
    return this.#watch;
  }

  /**
   * Walks on from where the last connection was lost, where the server is still the same; returns when all was seen.
   * @throws RespError: the connection failed, or the server would not go on
   */
  async walk(session: Session): Promise<void> {
    const types = this.#typeFilter(session);
    const pages = this.#pages(session);
    try {
      if (this.#hasLoaded || this.#origin === undefined || !isSameKeyspace(this.#origin, session.server.info))
        await this.#begin(session);
      do {
        while (this.#isWalking(types)) {
          types?.send(this.db, this.#untyped);
          this.#askForPages(session, pages, types?.inFlight ?? 0);
          await session.progress();
          if (this.#scan!.isLong) await this.#demandEnd(session);
          await this.#look(session);
        }
      } while (!(await this.#isComplete(session)));
      this.#isOver = true;
    } finally {
      this.#scan?.lost();
      types?.drain((key) => this.#untyped.push(key));
    }
  }

  #isWalking(types: TypeFilter | undefined): boolean {
    return !this.#scan!.finished || this.#untyped.length > 0 || (types?.inFlight ?? 0) > 0;
  }

  /** The names that were found and not read are kept: the walk may not meet them again. */
  async #begin(session: Session): Promise<void> {
    const { server, connection } = session;
    if (this.#walks > 0) this.#beginAnew(connection.peer);
    this.#watch = new SlotWatch(this.#options.nodeId);
    await this.#observe(session);
    const sight = await this.#lossWatch.begin(session, this.db);
    const { info: origin } = sight;
    this.#first ??= sight;
    this.#size = sight.keys;
    const { count } = this.#options;
    this.#scan = new KeyspaceScan({
      count,
      firstCount: Math.min(count, firstCountOf(origin)),
      keys: this.#size,
      // Servers of a cluster may count by slot.
      maxSegments: server.roundTrip > LONG_LINE_MS && !origin.cluster ? MOST_SEGMENTS : 1,
      sparse: this.#isSparse(session),
    });
    this.#origin = origin;
    this.#hasLoaded = false;
    this.#walks++;
  }

  /** @throws ScanError, where it was often enough */
  #beginAnew(peer: Peer): void {
    if (this.#walks < MOST_WALKS) return this.#options.sink.onNotice({ code: 'SCANNED_ANEW', peer });
    const message = `Gave up on ${nameOf(peer)}: it was replaced, or came to hold other data, ${MOST_WALKS} times while it was scanned`;
    throw new ScanError('SOURCE_REPLACED', message, {
      peer,
      hint: 'copy once it is at rest',
      retryable: true,
    });
  }

  /** @throws ScanError where the pages cannot come to an end any more */
  async #demandEnd(session: Session): Promise<void> {
    const { keys, info } = await this.#lossWatch.look(session, this.db);
    if (!this.#scan!.mayGoOn(keys, info.usedMemory)) throw goesOn(session.peer, keys);
  }

  /** With fewer keys in hand than may be under way, the next pages travel with the DUMPs of these. */
  #askForPages(session: Session, pages: Receiver, typesAsked: number): void {
    const { scope } = this.#options;
    const { server, connection, selection } = session;
    const depth = depthFor(server.roundTrip);
    const type = server.scanKnowsType ? scope.type : undefined;
    const scan = this.#scan!;
    while (this.keys.length + typesAsked + this.#untyped.length + scan.inFlight * scan.count < depth) {
      const cursor = scan.next();
      if (cursor === undefined) return;
      selection.use(this.db);
      sendScan(connection, pages, { cursor, count: scan.count, match: scope.pushedMatch, type });
    }
  }

  #pages(session: Session): Receiver {
    return {
      onReply: (reply) => this.#accept(session, reply),
      onOks: () => session.connection.failProtocol('it answers SCAN with OK'),
      onFailure: () => {},
    };
  }

  #accept({ connection, server }: Session, reply: Reply): void {
    if (reply instanceof ReplyError) {
      const concernsAll = scopeOf(reply) !== 'key';
      if (reply.code === 'LOADING') this.#hasLoaded = true;
      if (concernsAll || !this.#scan!.refuse()) connection.fail(refusalOf(connection.peer, 'read from', reply));
      return;
    }
    if (!isPage(reply)) return connection.failProtocol('it answers SCAN with something else than a page');
    const { scope, wanted } = this.#options;
    const hasType = scope.type === undefined || server.scanKnowsType;
    const [cursor, keys] = reply;
    this.#onPage();
    const before = this.keys.length;
    for (const key of this.#scan!.accept(cursor.toString('latin1'), keys)) {
      if (!scope.includes(key) || (wanted !== undefined && !wanted(key))) continue;
      if (hasType) this.keys.push(key);
      else this.#untyped.push(key);
    }
    this.#lossWatch.onFound(this.db, this.keys.length - before);
    const { repeated } = this.#scan!;
    if (repeated !== undefined) connection.fail(goesRound(connection.peer, repeated));
  }

  #typeFilter(session: Session): TypeFilter | undefined {
    const { type } = this.#options.scope;
    if (type === undefined || session.server.scanKnowsType) return undefined;
    const { sink } = this.#options;
    const onRefused = sink.onReadRefused.bind(sink);
    const onKey = (key: Buffer): void => {
      this.keys.push(key);
      this.#lossWatch.onFound(this.db, 1);
    };
    return new TypeFilter(session, type, { onKey, onRefused });
  }

  /** The last page has come: whether it was all of what was there at the beginning. If not, the walk begins anew. */
  async #isComplete(session: Session): Promise<boolean> {
    await this.#observe(session);
    const info = await askInfo(session);
    if (!(await this.#isOneWalk(session, info))) {
      await this.#begin(session);
      return false;
    }
    const sight = await this.#lossWatch.look(session, this.db);
    if (!this.#scan!.settle(sight.keys)) return false;
    // Of servers behind a proxy, and of one whose slots another one has, nothing can be said.
    const isKnown = info.runId === this.#origin!.runId && !(info.cluster && info.role === 'replica');
    if (isKnown && !this.#isSparse(session)) await this.#tellLoss(session, sight);
    return true;
  }

  async #tellLoss(session: Session, sight: Sight): Promise<void> {
    const error = await this.#lossWatch.lossOf(session, this.db, this.#first!, this.#scan!.seen, sight);
    if (error !== undefined) this.#options.sink.onShrunk(error);
  }

  /** Whether the server itself leaves names out: then nobody knows how many there are. */
  #isSparse({ server }: Session): boolean {
    const { pushedMatch, type } = this.#options.scope;
    return pushedMatch !== undefined || (type !== undefined && server.scanKnowsType);
  }

  /** Whether what was walked, on this connection at last, was one keyspace. */
  async #isOneWalk(session: Session, info: ServerInfo): Promise<boolean> {
    const origin = this.#origin!;
    if (isSameKeyspace(origin, info) || (origin.runId === '' && info.runId === '')) return true;
    // What it held, its successor has: whoever follows the slots walks that one.
    if (info.cluster && info.role === 'replica') return true;
    // A process ends with its connections: where another one answers on the same, somebody stands in between.
    if (info.runId === origin.runId) return false;
    if (this.#walks < MOST_WALKS && !(await hasManyServers(session, info))) return false;
    this.#lossWatch.end();
    this.#options.sink.onNotice({ code: 'MANY_SERVERS', peer: session.connection.peer });
    return true;
  }

  async #look(session: Session): Promise<void> {
    if (session.server.info.cluster && performance.now() - this.#watchedAt > WATCH_MS) await this.#observe(session);
  }

  async #observe(session: Session): Promise<void> {
    if (!session.server.info.cluster) return;
    this.#watchedAt = performance.now();
    this.#watch.observe(String(await session.request('CLUSTER NODES')));
  }
}

/** Keys and values together are no shorter, in the mean, than keys are. */
function firstCountOf({ usedByValues, databases }: ServerInfo): number {
  const keys = [...databases.values()].reduce((sum, keys) => sum + keys, 0);
  if (keys === 0 || usedByValues === 0) return Infinity;
  return Math.max(1, Math.floor((FIRST_PAGE_BYTES * keys) / usedByValues));
}

function goesRound(peer: Peer, cursor: string): ScanError {
  return endless(peer, `SCAN gave the cursor ${cursor} twice`);
}

function goesOn(peer: Peer, keys: number): ScanError {
  return endless(peer, `SCAN goes on far beyond the ${countOf(keys, 'key')} that DBSIZE tells`);
}

function endless(peer: Peer, why: string): ScanError {
  const message = `Cannot scan ${nameOf(peer)}: ${why}, so it would never come to an end`;
  return new ScanError('SCAN_LOOP', message, { peer, hint: 'the server is broken, or the proxy in front of it' });
}
