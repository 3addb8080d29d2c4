// Writes to one node, on one connection at a time. What the node is not ready for waits here, so that the other nodes do not.

import type { Deployment } from '../cluster/deployment.ts';
import { ReplyError } from '../../resp/errors.ts';
import { isBreak, NodeLink, type NodeLinkOptions, NodeRun, type NodeEnd } from '../cluster/node-link.ts';
import { RefusedSlots } from '../cluster/redirects.ts';
import type { KeyId } from '../flow/key-id.ts';
import type { Node } from '../cluster/topology.ts';
import { newEntry, type Entry } from '../flow/entry.ts';
import { EntryRing } from '../flow/entry-ring.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import { isReadBy, payloadIfAny } from '../rdb/encode.ts';
import { depthFor, PIECE_BYTES } from '../server/transfer-limits.ts';
import type { Dialect } from '../server/probes.ts';
import { RestoreWriter, type RestoreOptions } from '../keys/restore.ts';
import type { Server } from '../server/server.ts';
import type { Session } from '../server/session.ts';
import type { RateLimit } from './rate-limit.ts';
import type { LiveOptions } from './target.ts';
import { NodeAsker } from './node-asker.ts';
import { TargetProcess, WrittenSample, type WrittenProcess } from './target-process.ts';
import { Unanswered } from './unanswered.ts';
import type { Settling } from '../flow/settling.ts';
import { SuspectEntries } from '../cluster/suspects.ts';
import { NEVER } from '../rdb/milliseconds.ts';

export interface NodeWriterOptions extends NodeLinkOptions, Omit<RestoreOptions, 'depth' | 'removes'> {
  /** What the entries' `expireAt` is told by. */
  readonly clock: () => number;
  readonly targetDbOf: (db: number) => number;
  readonly targetNameOf: (key: Buffer) => Buffer;
  /** Whether any key has another name at the target. */
  readonly renames: boolean;
  /** Bytes that a value may take in memory as a whole. */
  readonly bigKey: number;
  readonly live?: LiveOptions | undefined;
  /** Nothing is sent while it is paused. */
  readonly limit: RateLimit;
  /** Those of all nodes: a key that is in one of them may be written again, or removed, at another node, where its slot has moved. */
  readonly samples: readonly WrittenSample[];
  /** Gets each entry that is acknowledged, where somebody looks at them. */
  readonly onWritten?: ((entry: EntryView) => void) | undefined;
}

export interface NodeWriterSink {
  /** These are on the target; they hold until the call returns. */
  onRestored(settling: Settling): void;
  /** This one is gone from the target, which had so many keys of its name: 0 or 1. It holds until the call returns. */
  onRemoved(entry: EntryView, removed: number): void;
  onRefused(entry: Entry, error: ReplyError, writer: NodeWriter): void;
  onElsewhere(entry: Entry, error: ReplyError, writer: NodeWriter): void;
  /** A newer reading of the key is behind it: this one needs not be written. It holds until the call returns. */
  onSuperseded(entry: EntryView): void;
  /** No RESTORE can bring it to this node. */
  onUnfit(entry: Entry): void;
  /** One of those that are acknowledged was given another payload, as the node would not have read its own. */
  onConverted(page: number): void;
  /** It expired while it was under way. */
  onExpired(entry: EntryView): void;
  /** @param maybeWritten whether it was sent, and only the reply is missing */
  onLost(entry: Entry, maybeWritten: boolean): void;
  /** The connection is lost, and what was acknowledged may be as well. */
  onInterrupted(): void;
  /** It is connected again. @param isSame whether to the process that acknowledged what was written so far */
  onResumed(writer: NodeWriter, isSame: boolean): void;
  /** What was sent on connections that are lost is waited for no more: see `Unanswered`. */
  onSettled(doubtful: readonly KeyId[] | undefined, writer: NodeWriter): void;
  /** One more entry can be written now. */
  onRoom(): void;
}

export class NodeWriter {
  readonly node: Node;
  /** Some of what the node has acknowledged. */
  readonly sample: WrittenSample;
  /** Slots that the node sends elsewhere. */
  readonly refused: RefusedSlots;
  /** For questions beside what is written. */
  readonly asker: NodeAsker;
  readonly unanswered: Unanswered;
  /** The process that has acknowledged what is in the sample. */
  readonly process = new TargetProcess();
  readonly #run: NodeRun;
  readonly #options: NodeWriterOptions;
  readonly #sink: NodeWriterSink;
  readonly #queue = new EntryRing();
  /** Entries of slots that the node is only just taking over. */
  readonly #arriving = new EntryRing();
  readonly #suspects: SuspectEntries;
  readonly #next = new EntryView();
  #restores: RestoreWriter | undefined;
  /** Once the node has refused a payload, and was asked why. */
  #dialect: Dialect | undefined;
  #isInterrupted = false;
  readonly #onWritten: ((entry: EntryView) => void) | undefined;
  /** It writes nothing any more, and keeps nothing. */
  #isOver = false;

  constructor(deployment: Deployment, node: Node, options: NodeWriterOptions, sink: NodeWriterSink) {
    this.node = node;
    this.refused = new RefusedSlots(deployment, node, () => this.#run.wake());
    this.#run = new NodeRun(new NodeLink(deployment, node, options));
    this.#options = options;
    this.#sink = sink;
    this.#suspects = new SuspectEntries((entry) => this.#idOf(entry));
    this.sample = new WrittenSample(options.live && ((key) => this.#idOf(key)), options.renames);
    this.asker = new NodeAsker(deployment, this.#run.link, this, options.clock);
    const { onWritten } = options;
    const renewing = (entry: EntryView): void => {
      onWritten?.(entry);
      for (const sample of options.samples) sample.renew(entry);
    };
    this.#onWritten = options.live === undefined ? onWritten : renewing;
    this.unanswered = new Unanswered((doubtful) => sink.onSettled(doubtful, this));
  }

  /** Whoever has acknowledged what was written so far; `undefined` where none was reached yet. */
  get written(): WrittenProcess | undefined {
    const info = this.process.info;
    return info && { id: this.node.id, peer: this.node.peer, info, flushes: this.asker.flushes };
  }

  /** Whether an entry would be sent at once. */
  get hasRoom(): boolean {
    return this.#maySend && this.#queue.length === 0 && !this.refused.isStill;
  }

  get #maySend(): boolean {
    return this.#restores?.hasRoom === true && !this.#options.limit.isPaused;
  }

  /** Entries that are sent and not answered. */
  get inFlight(): number {
    return this.#restores?.inFlight ?? 0;
  }

  /** Sends the entry, or keeps a copy until it can be sent. */
  write(entry: EntryView): void {
    if (this.#isOver) this.#sink.onLost(entry.copy(), false);
    else if (this.hasRoom) this.#send(entry, false);
    else this.#queue.pushView(entry);
  }

  /** Sends as many entries of the run as can be sent at once, and have nothing to be looked at; returns how many. */
  writeRun(run: EntryRun): number {
    const { clock, targetDbOf, limits } = this.#options;
    const isUsual = this.#dialect === undefined && this.refused.isEmpty && this.#suspects.isEmpty;
    if (!this.hasRoom || !isUsual || run.longest > limits.valueBytes) return 0;
    if (run.lasts) this.sample.databases.add(targetDbOf(run.db));
    return this.#restores!.sendRun(run, targetDbOf(run.db), run.expires ? clock() : 0);
  }

  /** The same for a key of a slot that the node is only just taking over. */
  writeAsking(entry: EntryView): void {
    // What comes before all others would come before what was read before it.
    if (this.#isOver || this.#queue.holds(entry)) return this.#sink.onLost(entry.copy(), false);
    this.#arriving.pushView(entry);
    this.#pump();
  }

  /** Whether a reading of the same key is on its way here. */
  holds(entry: EntryView): boolean {
    return this.#restores?.holds(entry) === true || this.hasUnsent(entry);
  }

  /** Whether one of them waits to be sent. */
  hasUnsent(entry: EntryView): boolean {
    return [this.#arriving, this.#suspects.waiting, this.#queue].some((ring) => ring.holds(entry));
  }

  /** What the node understands, where it had to be asked. */
  get dialect(): Dialect | undefined {
    return this.#dialect;
  }

  /** From now on every payload is one that the node reads. */
  adapt(dialect: Dialect): void {
    this.#dialect = dialect;
    if (this.#restores !== undefined) this.#watch(this.#restores);
  }

  /** A key that the node has acknowledged. */
  remember(entry: EntryView): void {
    const { db, key } = this.#idOf(entry);
    this.sample.offer(entry, db, key);
  }

  /** Whether everything that was given to it is sent. */
  get isCaughtUp(): boolean {
    return this.#restores !== undefined && this.#queue.length === 0;
  }

  /**
   * Writes until `end` (true) or until the node is no primary any more (false); it is interrupted then.
   * @throws RespError: the node was lost for good
   */
  async run(): Promise<boolean> {
    const end = await this.#run.run((session, last) => this.#work(session, last?.wasIdle === true));
    this.asker.end();
    if (end === 'finished') return true;
    this.#interrupt();
    this.#isOver = true;
    for (const ring of [this.#arriving, this.#suspects.waiting, this.#queue])
      for (let entry = newEntry(); ring.take(entry); entry = newEntry()) this.#sink.onLost(entry, false);
    return false;
  }

  /** What it waits for may be over. */
  wake(): void {
    this.#run.wake();
  }

  /** @param state `gone`: the node is no primary any more, though it may still answer */
  end(state: NodeEnd): void {
    this.#run.end(state);
    this.asker.end();
  }

  stop(reason: Error): void {
    this.#run.stop(reason);
  }

  /** Works on one connection, until it is of no more use. @param wasIdle whether the last one was */
  async #work(session: Session, wasIdle: boolean): Promise<void> {
    const { connection, server } = session;
    this.#restores = this.#newRestores(session, depthFor(server.roundTrip));
    this.unanswered.begin(session);
    this.#resume(session, wasIdle);
    try {
      while (this.#run.isRunning) {
        this.#pump();
        if (this.hasRoom) this.#sink.onRoom();
        await session.progress();
      }
      connection.close();
    } catch {
      // Whoever opens the next connection is told why.
    }
    // Where all is written nothing is lost with the connection.
    if (!this.#run.isFinished) this.#interrupt();
    this.#lose(this.#restores, server);
    this.#restores = undefined;
  }

  /** What was not answered goes back; some of it may be what broke the connection. */
  #lose(restores: RestoreWriter, server: Server): void {
    const lost: KeyId[] = [];
    const [{ bytes }, { error }] = [restores, server.connection];
    restores.drain((entry) => {
      lost.push(entry);
      this.#sink.onLost(entry, true);
    });
    if (lost.length === 0) return;
    this.unanswered.add(server, lost);
    if (!isBreak(error)) return;
    if (lost.length > 1) this.#options.limits.broke(bytes);
    // A smaller one may have met a bad moment, and to write all of its size in pieces would cost more than that.
    else if (bytes > PIECE_BYTES) this.#options.limits.valueBroke(bytes);
    if (this.#suspects.broke(lost.map((key) => this.#idOf(key)))) this.#run.link.excuse();
  }

  #idOf({ db, key }: KeyId): KeyId {
    const { targetDbOf, targetNameOf } = this.#options;
    return { db: targetDbOf(db), key: targetNameOf(key) };
  }

  #newRestores({ connection, selection }: Session, depth: number): RestoreWriter {
    const sink = this.#sink;
    const restores = new RestoreWriter(
      connection,
      selection,
      { ...this.#options, depth, removes: this.#options.live !== undefined },
      {
        onRestored: (settling, last) => {
          this.#run.link.progress();
          this.refused.answered();
          this.remember(last);
          sink.onRestored(settling);
        },
        onRemoved: (entry, removed) => {
          this.#run.link.progress();
          this.refused.answered();
          this.#suspects.answered(entry);
          for (const sample of this.#options.samples) sample.forget(entry);
          sink.onRemoved(entry, removed);
        },
        onRefused: (entry, error) => {
          this.#run.link.progress();
          this.#suspects.answered(entry);
          sink.onRefused(entry, error, this);
        },
        onElsewhere: (entry, error) => {
          this.#suspects.answered(entry);
          sink.onElsewhere(entry, error, this);
        },
      },
    );
    this.#watch(restores);
    return restores;
  }

  #pump(): void {
    while (this.#maySend && this.#arriving.length > 0) this.#sendNext(this.#arriving, true);
    while (this.#maySend && this.#suspects.isDue) this.#sendNext(this.#suspects.waiting, false, true);
    while (this.#maySend && !this.refused.isStill && this.#queue.length > 0) this.#sendNext(this.#queue, false);
  }

  #sendNext(from: EntryRing, asking: boolean, isDue = asking): void {
    // Out of the ring first: what comes of it may put others in.
    const entry = this.#next;
    entry.showSame(from.head!);
    from.drop();
    this.#send(entry, asking, isDue);
    entry.clear();
  }

  #send(entry: EntryView, asking: boolean, isDue = asking): void {
    const { clock, renames, targetNameOf, live } = this.#options;
    const { expireAt } = entry;
    const now = expireAt === NEVER ? 0 : clock();
    const isGone = entry.kind !== 'value' || (expireAt !== NEVER && expireAt <= now);
    if (isGone && live === undefined) return this.#sink.onExpired(entry);
    const name = renames ? targetNameOf(entry.key) : undefined;
    if (!asking && !this.refused.isEmpty) {
      const refusal = this.refused.refusalOf(name ?? entry.key);
      if (refusal === 'elsewhere') return this.#sink.onLost(entry.copy(), false);
      if (refusal !== undefined) return this.#sink.onElsewhere(entry.copy(), refusal, this);
    }
    if (isGone) this.#remove(entry, name, asking, isDue);
    else this.#restore(entry, name, now, asking, isDue);
  }

  /** Among suspects it keeps its place; by itself it breaks nothing. */
  #remove(entry: EntryView, name: Buffer | undefined, asking: boolean, isDue: boolean): void {
    if (this.#suspects.wayOf(entry, isDue) === 'later') return;
    this.#restores!.remove(entry, this.#options.targetDbOf(entry.db), name, asking);
  }

  #restore(entry: EntryView, name: Buffer | undefined, now: number, asking: boolean, isDue: boolean): void {
    const { limits, targetDbOf, bigKey } = this.#options;
    const adapted = this.#dialect && payloadIfAny(entry.payload!, this.#dialect.rdbVersion, bigKey);
    const bytes = adapted === undefined ? entry.payloadEnd - entry.payloadAt : adapted.length;
    const isFit = bytes <= limits.valueBytes && (adapted !== undefined || this.#dialect === undefined);
    const way = isFit ? this.#suspects.wayOf(entry, isDue) : 'alone';
    if (way !== 'now') return way === 'alone' ? this.#leave(entry, asking, isDue) : undefined;
    if (entry.expireAt === NEVER) this.sample.databases.add(targetDbOf(entry.db));
    this.#restores!.send(entry, adapted, targetDbOf(entry.db), name, now, asking);
  }

  /** It leaves this way. What is in flight or waits for its turn was read before, and what waits behind it later. */
  #leave(entry: EntryView, asking: boolean, isDue: boolean): void {
    const own = asking ? this.#arriving : this.#suspects.waiting;
    if (this.#queue.holds(entry) || (isDue && own.holds(entry))) this.#sink.onSuperseded(entry);
    else this.#sink.onUnfit(entry.copy());
  }

  /** To count entries one by one costs something: it is done only where it has to be. */
  #watch(restores: RestoreWriter): void {
    const dialect = this.#dialect;
    if (dialect === undefined && !this.#suspects.isOpen) restores.onWritten = this.#onWritten;
    else {
      restores.onWritten = (entry) => {
        this.#onWritten?.(entry);
        this.#suspects.answered(entry);
        if (dialect !== undefined && !isReadBy(dialect.rdbVersion, entry.payload!)) this.#sink.onConverted(entry.page);
      };
    }
  }

  #interrupt(): void {
    if (!this.#isInterrupted) this.#sink.onInterrupted();
    this.#isInterrupted = true;
  }

  #resume(session: Session, wasIdle: boolean): void {
    const isSame = this.process.meets(session.server.info, this.node.peer, wasIdle);
    this.asker.begin(session, isSame);
    if (!isSame) {
      this.sample.clear();
      // Another process may read other payloads.
      this.#dialect = undefined;
    }
    if (!this.#isInterrupted) return;
    this.#isInterrupted = false;
    this.#sink.onResumed(this, isSame);
  }
}
