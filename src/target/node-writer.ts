// Writes to one node, on one connection at a time. What the node is not ready for waits here, so that the other nodes do not.

import type { Connection } from '../../resp/connection.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { ReplyError } from '../../resp/errors.ts';
import { isBreak, NodeLink, type NodeLinkOptions } from '../cluster/node-link.ts';
import { RefusedSlots } from '../cluster/refused-slots.ts';
import type { KeyId } from '../flow/key-id.ts';
import type { Node } from '../cluster/topology.ts';
import type { Entry } from '../flow/entry.ts';
import { EntryRing, newEntry } from '../flow/entry-ring.ts';
import { isReadBy, payloadIfAny } from '../rdb/payload-for.ts';
import { depthFor, PIECE_BYTES } from '../server/transfer-limits.ts';
import type { Dialect } from '../server/dialect.ts';
import type { ServerInfo } from '../server/info.ts';
import { RestoreWriter, type RestoreOptions } from '../keys/restore.ts';
import { Session } from '../server/session.ts';
import { NodeAsker } from './node-asker.ts';
import { SuspectEntries } from './suspect-entries.ts';
import { TargetProcess } from './target-process.ts';
import { WrittenSample } from './written-sample.ts';
import { NEVER } from '../rdb/milliseconds.ts';

export interface NodeWriterOptions extends NodeLinkOptions, Omit<RestoreOptions, 'depth'> {
  /** What the entries' `expireAt` is told by. */
  readonly clock: () => number;
  readonly targetDbOf: (db: number) => number;
  readonly targetNameOf: (key: Buffer) => Buffer;
  /** Bytes that a value may take in memory as a whole. */
  readonly bigKey: number;
  /** Gets each entry that is acknowledged, where somebody keeps count of them. */
  readonly onWritten?: ((entry: Entry) => void) | undefined;
}

/** Entries are used again: copy what is kept. */
export interface NodeWriterSink {
  /** So many more keys are on the target, with so many bytes of keys and payloads. */
  onRestored(keys: number, bytes: number): void;
  onRefused(entry: Entry, error: ReplyError, writer: NodeWriter): void;
  onElsewhere(entry: Entry, error: ReplyError, writer: NodeWriter): void;
  /** No RESTORE can bring it to this node. */
  onUnfit(entry: Entry): void;
  /** One of those that are acknowledged was given another payload, as the node would not have read its own. */
  onConverted(): void;
  /** It expired while it was under way. */
  onExpired(entry: Entry): void;
  /** @param maybeWritten whether it was sent, and only the reply is missing */
  onLost(entry: Entry, maybeWritten: boolean): void;
  /** The connection is lost, and what was acknowledged may be as well. */
  onInterrupted(): void;
  /** It is connected again. @param isSame whether to the process that acknowledged what was written so far */
  onResumed(writer: NodeWriter, isSame: boolean): void;
  /** One more entry can be written now. */
  onRoom(): void;
}

export class NodeWriter {
  readonly node: Node;
  /** Some of what the node has acknowledged. */
  readonly sample = new WrittenSample();
  /** Slots that the node sends elsewhere. */
  readonly refused: RefusedSlots;
  /** For questions beside what is written. */
  readonly asker: NodeAsker;
  readonly #line: NodeLink;
  readonly #options: NodeWriterOptions;
  readonly #sink: NodeWriterSink;
  readonly #queue = new EntryRing();
  /** Entries of slots that the node is only just taking over. */
  readonly #arriving = new EntryRing();
  readonly #suspects: SuspectEntries;
  readonly #entry = newEntry();
  #session: Session | undefined;
  #restores: RestoreWriter | undefined;
  readonly #process = new TargetProcess();
  /** Once the node has refused a payload, and was asked why. */
  #dialect: Dialect | undefined;
  #isInterrupted = false;
  #state: 'writing' | 'finished' | 'gone' = 'writing';

  constructor(deployment: Deployment, node: Node, options: NodeWriterOptions, sink: NodeWriterSink) {
    this.node = node;
    this.refused = new RefusedSlots(deployment, node, () => this.#session?.wake());
    this.#line = new NodeLink(deployment, node, options);
    this.asker = new NodeAsker(this.#line);
    this.#options = options;
    this.#sink = sink;
    this.#suspects = new SuspectEntries((entry) => this.#idOf(entry));
  }

  /** The process that has acknowledged what is in the sample, as it was before; `undefined` where none was reached yet. */
  get process(): ServerInfo | undefined {
    return this.#process.info;
  }

  /** Whether an entry would be sent at once. */
  get hasRoom(): boolean {
    return this.#restores?.hasRoom === true && this.#queue.length === 0 && !this.refused.isStill;
  }

  /** Entries that are sent and not answered. */
  get inFlight(): number {
    return this.#restores?.inFlight ?? 0;
  }

  /**
   * Sends the entry, or keeps it until it can be sent.
   * @param name its name at the target
   */
  write(entry: Entry, name: Buffer): void {
    if (this.hasRoom) this.#send(entry, name, false);
    else this.#queue.push(entry);
  }

  /** The same for a key of a slot that the node is only just taking over. */
  writeAsking(entry: Entry): void {
    this.#arriving.push(entry);
    this.#pump();
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
  remember(entry: Entry): void {
    const { targetDbOf, targetNameOf } = this.#options;
    this.sample.offer(entry, targetDbOf(entry.db), targetNameOf(entry.key));
  }

  /** Whether everything that was given to it is sent. */
  get isCaughtUp(): boolean {
    return this.#restores !== undefined && this.#queue.length === 0;
  }

  /**
   * Writes until `finish` (true) or until the node is no primary any more (false); it is interrupted then.
   * @throws RespError: the node was lost for good
   */
  async run(): Promise<boolean> {
    let lost: Connection | undefined;
    while (this.#state === 'writing') {
      const server = await this.#line.open(lost);
      if (this.#state !== 'writing') server?.connection.close();
      else if (server === undefined) this.#end('gone');
      else lost = await this.#work(new Session(server), lost?.wasIdle === true);
    }
    if (this.#state === 'finished') return true;
    this.#interrupt();
    const entry = this.#entry;
    while (this.#arriving.take(entry) || this.#suspects.take(entry) || this.#queue.take(entry)) {
      this.#sink.onLost(entry, false);
    }
    return false;
  }

  finish(): void {
    this.#end('finished');
  }

  /** The node is no primary any more, though it may still answer. */
  leave(): void {
    this.#end('gone');
  }

  stop(reason: Error): void {
    this.#session?.connection.fail(reason);
  }

  /** Works on one connection, and returns it when it is of no more use. @param wasIdle whether the last one was */
  async #work(session: Session, wasIdle: boolean): Promise<Connection> {
    const { connection, server } = session;
    this.#session = session;
    this.#restores = this.#newRestores(session, depthFor(server.roundTrip));
    this.#resume(session, wasIdle);
    try {
      while (this.#state === 'writing') {
        this.#pump();
        if (this.hasRoom) this.#sink.onRoom();
        await session.progress();
      }
      connection.close();
    } catch {
      // Whoever opens the next connection is told why.
    }
    if (this.#state !== 'finished') this.#interrupt();
    this.#lose(this.#restores, connection.error);
    this.#restores = undefined;
    return connection;
  }

  /** What was not answered goes back; some of it may be what broke the connection. */
  #lose(restores: RestoreWriter, error: unknown): void {
    const { bytes } = restores;
    const lost: KeyId[] = [];
    restores.drain((entry) => {
      lost.push(this.#idOf(entry));
      this.#sink.onLost(entry, true);
    });
    if (lost.length === 0 || !isBreak(error)) return;
    if (lost.length > 1) this.#options.limits.broke(bytes);
    // A smaller one may have met a bad moment, and to write all of its size in pieces would cost more than that.
    else if (bytes > PIECE_BYTES) this.#options.limits.valueBroke(bytes);
    if (this.#suspects.broke(lost)) this.#line.excuse();
  }

  #idOf({ db, key }: Entry): KeyId {
    const { targetDbOf, targetNameOf } = this.#options;
    return { db: targetDbOf(db), key: targetNameOf(key) };
  }

  #newRestores({ connection, selection }: Session, depth: number): RestoreWriter {
    const sink = this.#sink;
    const restores = new RestoreWriter(
      connection,
      selection,
      { ...this.#options, depth },
      {
        onRestored: (keys, bytes, last) => {
          this.#line.progress();
          this.refused.answered();
          this.remember(last);
          sink.onRestored(keys, bytes);
        },
        onRefused: (entry, error) => {
          this.#line.progress();
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
    const entry = this.#entry;
    const { targetNameOf } = this.#options;
    while (this.#restores?.hasRoom === true && this.#arriving.take(entry))
      this.#send(entry, targetNameOf(entry.key), true);
    while (this.#restores?.hasRoom === true && this.#suspects.takeDue(entry))
      this.#send(entry, targetNameOf(entry.key), false, true);
    while (this.#restores?.hasRoom === true && !this.refused.isStill && this.#queue.take(entry))
      this.#send(entry, targetNameOf(entry.key), false);
  }

  #send(entry: Entry, name: Buffer, asking: boolean, isDue = asking): void {
    const { clock, targetDbOf, bigKey, limits } = this.#options;
    const { payload, expireAt } = entry;
    const now = expireAt === NEVER ? 0 : clock();
    if (payload === null || (expireAt !== NEVER && expireAt <= now)) return this.#sink.onExpired(entry);
    const refusal = asking ? undefined : this.refused.refusalOf(name);
    if (refusal === 'elsewhere') return this.#sink.onLost(entry, false);
    if (refusal !== undefined) return this.#sink.onElsewhere(entry, refusal, this);
    const fitting = this.#dialect === undefined ? payload : payloadIfAny(payload, this.#dialect.rdbVersion, bigKey);
    const isFit = fitting !== undefined && fitting.length <= limits.valueBytes;
    const way = isFit ? this.#suspects.wayOf(entry, isDue) : 'alone';
    if (way === 'alone') this.#sink.onUnfit(entry);
    else if (way === 'now') this.#restores!.send(entry, fitting!, targetDbOf(entry.db), name, now, asking);
  }

  /** To count entries one by one costs something: it is done only where it has to be. */
  #watch(restores: RestoreWriter): void {
    const dialect = this.#dialect;
    if (dialect === undefined && !this.#suspects.isOpen) restores.onWritten = this.#options.onWritten;
    else {
      restores.onWritten = (entry) => {
        this.#options.onWritten?.(entry);
        this.#suspects.answered(entry);
        if (dialect !== undefined && !isReadBy(dialect.rdbVersion, entry.payload!)) this.#sink.onConverted();
      };
    }
  }

  #interrupt(): void {
    if (!this.#isInterrupted) this.#sink.onInterrupted();
    this.#isInterrupted = true;
  }

  #resume(session: Session, wasIdle: boolean): void {
    const isSame = this.#process.meets(session.server.info, this.node.peer, wasIdle);
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

  #end(state: 'finished' | 'gone'): void {
    if (this.#state === 'writing') this.#state = state;
    this.#session?.wake();
    this.asker.end();
  }
}
