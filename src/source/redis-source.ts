// Reads the databases of a server or of a cluster: one reader a node, all into one channel, until every key that
// was there throughout has been read and written.

import { slotOf, type SlotSet } from '../cluster/slot.ts';
import type { Channel } from '../flow/channel.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import type { Entry } from '../flow/entry.ts';
import type { KeyId } from '../flow/key-id.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { Failure } from '../flow/failure.ts';
import type { FoundKey } from '../flow/key-id.ts';
import { Census } from '../keys/census.ts';
import { depthFor } from '../server/transfer-limits.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import { NameReader } from '../keys/name-readers.ts';
import type { ServerInfo } from '../server/info.ts';
import type { Session } from '../server/session.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { PageLedger } from '../scan/page-ledger.ts';
import type { Wanted } from '../scan/cluster-walk.ts';
import type { FirstCopy } from './first-copy.ts';
import { changesTold, emptyTold, ofOneType, showGone, type Follower } from './follower.ts';
import type { LargeValues, ValueOptions } from './large-values.ts';
import { Lookup, type AnswerSink, type LookupOptions } from './lookup.ts';
import type { Source, SourceSink } from './source.ts';
import { Walks, type Demand, type SourceState, type WalksOptions, type WalksSink } from './walks.ts';

export interface RedisSourceOptions extends NodeLinkOptions, WalksOptions {
  /** Keys in these databases. */
  readonly keys: number;
  readonly dump: ValueOptions;
  /** Takes the place of reading: keys are only counted, by type and bytes. */
  readonly census?: ((type: string, bytes: number | undefined) => void) | undefined;
  /** Whether an entry tells of a key that is empty; otherwise it is gone. */
  readonly tellsEmpty?: boolean | undefined;
  /** Nothing is asked of a key: entries come without payloads. */
  readonly namesOnly?: boolean | undefined;
  /** Keeps account of what is read; one of its own otherwise. */
  readonly ledger?: PageLedger | undefined;
  /** Follows the source while it is written: there is no end of reading until it says so. */
  readonly follower?: Follower | undefined;
  /** Of a cluster nothing is walked but these slots; all where it is missing. */
  readonly slots?: SlotSet | undefined;
  /** What takes the place of the first scan; it has begun. */
  readonly firstCopy?: FirstCopy | undefined;
  /** Keys that an earlier copy could not copy: they are read once more. */
  readonly failed?: readonly KeyId[] | undefined;
}

/** Where reading was at one moment. */
export interface SourcePlace {
  readonly state: SourceState;
  /** The last page that had come, and how often everything had to be read again. */
  readonly page: number;
  readonly epoch: number;
}

/** How often a value is asked for in pieces: where a connection is lost meanwhile, it comes as a whole once more. */
const MOST_IN_PIECES = 3;

export class RedisSource implements Source {
  readonly #deployment: Deployment;
  readonly #options: RedisSourceOptions;
  readonly #sink: SourceSink;
  readonly #lookup: Lookup;
  /** What is to be walked: everything first, then what may be lost at the target. */
  readonly #demands: Demand[];
  readonly #walks: Walks;
  readonly #ledger: PageLedger;
  readonly #moved = new Wakeup();
  readonly #failure = new Failure();
  /** By the Buffer that the key is asked for with each time. */
  readonly #inPieces = new WeakMap<Buffer, number>();
  #channel!: Channel;
  /** Grows with whatever makes void what was acknowledged until then. */
  #epoch = 0;
  /** What was acknowledged may be lost at the target, and is not read again yet. */
  #isVoid = false;
  #isStopped = false;
  /** When the walk began that is under way, as of `SlotMoves`. */
  #walkBegan: number | undefined;

  constructor(deployment: Deployment, options: RedisSourceOptions, sink: SourceSink) {
    this.#deployment = deployment;
    this.#options = options;
    this.#sink = sink;
    this.#demands = [{ slots: options.slots }];
    this.#ledger = options.ledger ?? new PageLedger();
    const newKeyReader: LookupOptions['newKeyReader'] = (session, answers, large) =>
      this.#newKeyReader(session, answers, large);
    this.#lookup = new Lookup(
      deployment,
      { ...options, newKeyReader },
      {
        onGone: ({ page }) => sink.onGone(page),
        onRefused: ({ db, key, page }, error) => sink.onReadRefused(db, key, error, page),
        onMoved: () => this.#moved.wake(),
        onNowhere: (key) => this.#onNowhere(key),
        onNotice: (notice) => sink.onNotice(notice),
        onFailed: (error) => this.#failure.fail(error),
      },
    );
    const told = options.follower === undefined ? sink : withoutLosses(sink);
    this.#walks = new Walks(deployment, options, this.#lookup, this.#ledger, told);
    this.#walks.onGivenUp = () => this.#epoch++;
  }

  get fraction(): number {
    const { keys, firstCopy } = this.#options;
    return Math.min(1, (this.#walks.keys + (firstCopy?.keys ?? 0)) / Math.max(1, keys));
  }

  get place(): SourcePlace {
    return { state: this.#isVoid ? [] : this.#walks.state, ...this.mark };
  }

  /** Of the place where reading is now: where it is the same as before, so is the place, but for what is over. */
  get mark(): Pick<SourcePlace, 'page' | 'epoch'> {
    return { page: this.#ledger.last, epoch: this.#epoch };
  }

  /** Whether every key that had been found by then is done with: acknowledged, told as failed, or gone. */
  hasPassed({ page, epoch }: SourcePlace): boolean {
    return !this.#isStopped && epoch === this.#epoch && this.#ledger.isDone(page);
  }

  /** Whether the slot of a key has moved since the walk began that is under way; `undefined` where that is so of none. */
  moveTest(): ((key: Buffer) => boolean) | undefined {
    const { moves } = this.#deployment;
    const began = this.#walkBegan;
    return began === undefined || moves.now === began ? undefined : (key) => moves.hasMoved(slotOf(key), began);
  }

  /** `listener` is called behind each page that has come. */
  onPage(listener: () => void): void {
    this.#walks.onPage = listener;
  }

  read(channel: Channel): Promise<void> {
    this.#channel = channel;
    channel.onSettled((page, keys) => this.#ledger.settle(page, keys));
    return this.#lookup.during(channel, () => {
      this.#readByName(this.#options.failed ?? []);
      return Promise.race([this.#readAll(), this.#failure.promise]);
    });
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
    this.#epoch++;
    this.#isVoid = true;
    this.#demands.push({ wanted });
  }

  /** Reads a key that has changed, of which a copy is kept. @param page one of the follower's */
  readChanged(db: number, key: Buffer, page: number): void {
    this.#lookup.readCopy(db, key, page);
  }

  /**
   * Walks once more, beside what the follower reads; returns when all that was found is settled.
   * @throws RespError where not all could be walked
   */
  walkAgain(demand: Demand): Promise<void> {
    return this.#walkToEnd(() => this.#walks.walkAgain(demand));
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

  /** A node says what it holds by now: see `KeyReader.grew`. */
  grew(nodeId: string, info: ServerInfo): void {
    this.#lookup.grew(nodeId, info);
  }

  stop(reason: Error): void {
    // What is given up from now on is not done with.
    this.#isStopped = true;
    this.#failure.fail(reason);
    this.#options.firstCopy?.stop(reason);
    this.#lookup.stop(reason);
  }

  /** As a page of their own, so that they are waited for, or held to be failed, until they are done with. */
  #readByName(keys: readonly KeyId[]): void {
    const page = this.#ledger.begin(this, 1);
    this.#ledger.found(page, keys.length);
    for (const { db, key } of keys) this.#lookup.read({ db, key, page, asking: false });
    this.#ledger.settle(page);
  }

  async #readAll(): Promise<void> {
    const { follower } = this.#options;
    if (follower !== undefined) return this.#readAndFollow(follower);
    for (let isFirst = true; this.#demands.length > 0; isFirst = false) {
      await this.#walk(this.#demands.shift()!, isFirst);
      while (this.#isPending() || this.#channel.endsLater()) await this.#moved.sleep();
      const errors = await Promise.all(Array.from(this.#lookup.readers, (reader) => reader.lookBack()));
      for (const error of errors) if (error !== undefined) this.#sink.onShrunk(error);
    }
    this.#isVoid = false;
    if (this.#walks.uncovered !== undefined) throw this.#walks.uncovered;
  }

  async #walk(demand: Demand, isFirst: boolean): Promise<void> {
    if ((demand.wanted ?? demand.slots) !== undefined) return this.#walks.walkAgain(demand);
    if (!isFirst) this.#walks.forget();
    this.#isVoid &&= isFirst;
    if (isFirst) await this.#readFirst();
    else await this.#walks.walkEverything();
  }

  /** Reads everything for the first time. */
  async #readFirst(): Promise<void> {
    const { firstCopy, follower } = this.#options;
    if (firstCopy === undefined) {
      follower?.begin();
      return this.#walks.walkEverything();
    }
    const { keys, slots } = await firstCopy.take(this.#channel, follower);
    // They belong to no page, and are told from what has changed only as long as nothing of that is read.
    while (this.#isPending()) await this.#moved.sleep();
    follower?.begin();
    this.#readByName(keys);
    if (slots === 'all') await this.#walks.walkEverything();
    else if (slots !== undefined) await this.#walks.walkAgain({ slots });
  }

  /** What is lost meanwhile, the follower is told by others. */
  async #readAndFollow(follower: Follower): Promise<void> {
    await this.#walkToEnd(() => this.#readFirst());
    follower.onWalked();
    await follower.ended;
    while (this.#isPending()) await this.#moved.sleep();
  }

  async #walkToEnd(walk: () => Promise<void>): Promise<void> {
    this.#walkBegan = this.#deployment.moves.now;
    await walk();
    await this.walkSettled();
    this.#walkBegan = undefined;
    if (this.#walks.uncovered !== undefined) throw this.#walks.uncovered;
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

  #newKeyReader(session: Session, sink: AnswerSink, large: LargeValues): KeyReader {
    const { dump, census, namesOnly, follower, tellsEmpty } = this.#options;
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
    const unchanged = tellsEmpty === true ? emptyTold(sink) : sink;
    const changing = follower === undefined ? unchanged : changesTold(sink, follower);
    const told = type === undefined ? changing : ofOneType(changing, type);
    const onDumps = (entries: EntryRun): void => told.onFoundAll(entries);
    return large.newKeyReader(session, { ...dump, type }, { ...told, onDump: (entry) => told.onFound(entry), onDumps });
  }
}

/** What a source that is followed loses meanwhile, its feed tells. */
function withoutLosses(sink: SourceSink): WalksSink {
  return {
    onReadRefused: (db, key, error, page) => sink.onReadRefused(db, key, error, page),
    onShrunk: () => {},
    onNotice: (notice) => sink.onNotice(notice),
  };
}
