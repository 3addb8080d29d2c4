// Reads the databases of a server, or the slots of a cluster: one reader a node, all into one channel, until every key that
// was there throughout has been read and written.

import { formatCount } from '../../resp/figures.ts';
import { RespError } from '../../resp/errors.ts';
import type { Channel } from '../channel.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { LineOptions } from '../cluster/line.ts';
import { slotOf } from '../cluster/slot.ts';
import { SlotSet } from '../cluster/slot-set.ts';
import { SlotWatch } from '../cluster/slot-watch.ts';
import type { Node } from '../cluster/topology.ts';
import type { Entry } from '../entry.ts';
import { Failure } from '../failure.ts';
import { Backoff } from '../redis/backoff.ts';
import { Census } from '../redis/census.ts';
import { depthFor } from '../redis/depth.ts';
import type { KeyReader } from '../redis/key-reader.ts';
import type { KeyScope } from '../redis/key-scope.ts';
import { NameReader } from '../redis/name-reader.ts';
import { pauseFor } from '../redis/pause.ts';
import type { Session } from '../redis/session.ts';
import { Wakeup } from '../wakeup.ts';
import { Coverage } from './coverage.ts';
import type { LargeValues, ValueOptions } from './large-values.ts';
import { Lookup, type AnswerSink, type LookupOptions } from './lookup.ts';
import type { Source, SourceSink } from './source.ts';

export interface RedisSourceOptions extends LineOptions {
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
}

type Wanted = (key: Buffer) => boolean;

const DEFAULT_COUNT = 1000;
/** Milliseconds before slots that are on the move are looked at again. */
const FOLLOW_MS = 500;
const NO_DB = 0;

export class RedisSource implements Source {
  readonly #deployment: Deployment;
  readonly #options: RedisSourceOptions;
  readonly #sink: SourceSink;
  readonly #lookup: Lookup;
  /** What is to be walked: everything first, then what may be lost at the target. */
  readonly #demands: (Wanted | undefined)[] = [undefined];
  readonly #moved = new Wakeup();
  readonly #failure = new Failure();
  #channel!: Channel;
  #walkedKeys = 0;

  constructor(deployment: Deployment, options: RedisSourceOptions, sink: SourceSink) {
    this.#deployment = deployment;
    this.#options = options;
    this.#sink = sink;
    const newKeyReader: LookupOptions['newKeyReader'] = (session, answers, large) =>
      this.#newKeyReader(session, answers, large);
    this.#lookup = new Lookup(
      deployment,
      { ...options, newKeyReader },
      {
        onGone: () => sink.onGone(),
        onRefused: (db, key, error) => sink.onReadRefused(db, key, error),
        onMoved: () => this.#moved.wake(),
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
    try {
      await Promise.race([this.#readAll(), this.#failure.promise]);
    } finally {
      this.#lookup.finish();
    }
  }

  again({ db, key }: Entry): void {
    this.#lookup.read({ db, key, asking: false });
  }

  againInPieces({ db, key }: Entry): boolean {
    this.#lookup.read({ db, key, asking: false, inPieces: true });
    return true;
  }

  rescan(wanted?: Wanted): void {
    // What comes before everything is part of it.
    if (wanted === undefined) this.#demands.length = 0;
    this.#demands.push(wanted);
  }

  stop(reason: Error): void {
    this.#failure.fail(reason);
    this.#lookup.stop(reason);
  }

  async #readAll(): Promise<void> {
    while (this.#demands.length > 0) {
      const wanted = this.#demands.shift();
      if (this.#deployment.isCluster) await this.#walkCluster(wanted);
      else await this.#walkDatabases(wanted);
      while (this.#isPending()) await this.#moved.sleep();
    }
  }

  /** Whether keys are to be read, or entries are not settled. */
  #isPending(): boolean {
    return this.#channel.unsettled > 0 || this.#lookup.isPending;
  }

  async #walkDatabases(wanted: Wanted | undefined): Promise<void> {
    const [node] = this.#deployment.topology.nodes as [Node];
    for (const db of this.#options.databases) await this.#walk(node, db, wanted);
  }

  async #walkCluster(wanted: Wanted | undefined): Promise<void> {
    const coverage = new Coverage();
    const backoff = new Backoff(this.#options.retry);
    coverage.demand(SlotSet.all());
    for (let round = 1; coverage.left > 0; round++) {
      if (round > 1) await this.#follow(coverage.left);
      const walks = [...coverage.plan(this.#deployment.topology)].map(async ([node, slots]) => {
        // The first time whatever a node has is welcome, and saves the look at each key's slot.
        const isIn = round === 1 ? wanted : (key: Buffer) => slots.has(slotOf(key)) && (wanted?.(key) ?? true);
        return { slots, watch: await this.#walk(node, NO_DB, isIn) };
      });
      const walked = await Promise.all(walks);
      await this.#deployment.refreshIfPossible();
      const { topology } = this.#deployment;
      const further = walked.filter(({ slots, watch }) => coverage.walked(slots, watch, topology));
      if (further.length > 0) backoff.reset();
      else await this.#waitFor(coverage.left, backoff);
    }
  }

  /** Where the slots of the node were meanwhile: nowhere, where it was lost. */
  async #walk(node: Node, db: number, wanted: Wanted | undefined): Promise<SlotWatch> {
    const { scope, count = DEFAULT_COUNT } = this.#options;
    const scan = await this.#lookup.readerOf(node).walk(db, { scope, count, wanted, sink: this.#sink });
    if (!scan.isOver) return new SlotWatch();
    this.#walkedKeys += scan.size;
    return scan.watch;
  }

  async #follow(slots: number): Promise<void> {
    this.#sink.onSlotsMoved(slots);
    await pauseFor(FOLLOW_MS, this.#deployment.signal);
    await this.#deployment.refreshIfPossible();
  }

  /** Nobody serves these slots, or they are on the way to somebody who is not there. */
  async #waitFor(slots: number, backoff: Backoff): Promise<void> {
    const pause = backoff.next();
    if (pause !== undefined) return pauseFor(pause, this.#deployment.signal);
    throw new RespError(
      'CLUSTERDOWN',
      `Cannot read ${formatCount(slots)} slots of the source: no node that is there has all of them`,
    );
  }

  #newKeyReader(session: Session, sink: AnswerSink, large: LargeValues): KeyReader {
    const { dump, census, namesOnly } = this.#options;
    if (census !== undefined) {
      const onCounted = (type: string, bytes: number | undefined): void => {
        sink.onAnswered();
        census(type, bytes);
      };
      const { connection, selection, server } = session;
      return new Census(connection, selection, depthFor(server.roundTrip), { ...sink, onCounted });
    }
    const onDump = (entry: Entry): void => sink.onFound(entry);
    if (namesOnly === true) return new NameReader(onDump);
    return large.newKeyReader(session, dump, { ...sink, onDump });
  }
}
