// Writes entries into a server, or each into the node of a cluster that serves its slot. What cannot be written now goes
// back to the source, which reads it again.

import type { ReplyError } from '../../resp/errors.ts';
import type { Channel } from '../flow/channel.ts';
import { Redirects } from '../cluster/redirects.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { slotOf } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import { sizeOf, type Entry } from '../flow/entry.ts';
import { EntryView } from '../flow/entry-view.ts';
import { NO_PAGE, type KeyId } from '../flow/key-id.ts';
import { Failure } from '../flow/failure.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { kindOf } from '../server/refusal.ts';
import { SlowPath, type SlowPathOptions } from './slow-path.ts';
import { DoubtfulKeys } from './unanswered.ts';
import type { Server } from '../server/server.ts';
import { Conflicts, taken, type ConflictsOptions, type ConflictsSink } from './conflicts.ts';
import { Dispatcher } from './dispatcher.ts';
import { demandKept } from './final-check.ts';
import { collision } from './key-names.ts';
import { LiveNames } from './live-names.ts';
import { NodeWriter, type NodeWriterOptions, type NodeWriterSink } from './node-writer.ts';
import { NodeWriters } from './node-writers.ts';
import { Pacer } from './rate-limit.ts';
import { Settlement } from './settlement.ts';
import type { Target, TargetSink, WayBack } from './target.ts';

export interface RedisTargetOptions
  extends Omit<NodeWriterOptions, 'onWritten' | 'samples'>, SlowPathOptions, ConflictsOptions {
  /** Values under way at once that no RESTORE can carry as they are. */
  readonly atOnce: number;
  /** Bytes of the longest payload that a large value is made into; 0 for none. */
  readonly gatherBytes: number;
}

export class RedisTarget implements Target {
  readonly #deployment: Deployment;
  readonly #source: WayBack;
  readonly #options: RedisTargetOptions;
  readonly #sink: TargetSink;
  /** Those of its nodes. */
  readonly writers: NodeWriters;
  readonly #redirects: Redirects<Entry>;
  readonly #wakeup = new Wakeup();
  /** An entry has gone its way. */
  readonly #departure = new Wakeup();
  readonly #pacer: Pacer;
  readonly #conflicts: Conflicts;
  readonly #slowPath: SlowPath;
  readonly #liveNames: LiveNames;
  readonly #failure = new Failure();
  /** Of which it cannot be known whether the target has them as they were read last. */
  readonly #doubtful = new DoubtfulKeys();
  readonly #dispatcher: Dispatcher;
  readonly #settlement: Settlement;
  #channel!: Channel;

  constructor(deployment: Deployment, source: WayBack, options: RedisTargetOptions, sink: TargetSink) {
    this.#deployment = deployment;
    this.#source = source;
    this.#options = options;
    this.#sink = sink;
    const settlement = (this.#settlement = new Settlement(source, sink));
    this.#pacer = new Pacer(options.limit, () => this.#wakeup.wake());
    this.writers = new NodeWriters(deployment, options.renames ? options.targetNameOf : undefined, {
      newWriter: (node) => this.#newWriter(node),
      onGone: (writer) => {
        this.#replaced(writer);
        this.#channel.letGo();
      },
      onFailed: (error) => this.#failure.fail(error),
    });
    this.#dispatcher = new Dispatcher(
      deployment,
      this.writers,
      this.#pacer,
      { takesRuns: !options.renames },
      {
        hasObstacles: () => this.#hasObstacles(),
        asksAboutRemovals: options.live?.type !== undefined,
        onEntry: (entry) => this.#admit(entry, options.targetNameOf(entry.key)),
      },
    );
    options.limit.onChange(() => {
      for (const writer of this.writers.all) writer.wake();
    });
    this.#redirects = new Redirects(deployment, options.retry, {
      onReleased: (entries) => this.#release(entries),
      onGivenUp: (entry, error) => this.#settlement.report(entry, error),
      onHeldUp: (notice) => sink.onNotice(notice),
      onFailed: (error) => this.#failure.fail(error),
    });
    const onImporting = (node: Node, slot: number): void => void this.writers.ofImporting(node, slot);
    const onUnanswered = (node: Node, server: Server): void => this.writers.of(node).unanswered.add(server);
    this.#slowPath = new SlowPath(deployment, { ...options, onImporting, onUnanswered }, () => this.#channel, {
      isBehind: (entry, name) => this.writers.isAheadOf(entry, name),
      departed: () => this.#departure.sleep(),
      onSuperseded: (entry) => this.#settlement.settle(entry),
      onWritten: (entry, bytes, isSame) => {
        this.#remember(entry);
        for (const sample of this.writers.samples) sample.renew(EntryView.of(entry));
        this.writers.for(options.targetNameOf(entry.key))?.remember(EntryView.of(entry));
        sink.onWritten(1, bytes, entry.page);
        if (!isSame) sink.onConverted(entry.page);
        this.#settlement.settle(entry);
      },
      onExpired: (entry, removed) => {
        this.#conflicts.take(entry);
        for (const sample of this.writers.samples) sample.forget(entry);
        this.#settlement.expire(entry.page, sizeOf(entry), removed);
      },
      onRefused: (entry, error) => this.#conflicts.refuse(entry, error, (name) => this.writers.for(name)),
      onUnknown: (entry) => settlement.readInPieces(entry),
      onLost: (entry, maybeWritten) => {
        if (maybeWritten) this.writers.for(options.targetNameOf(entry.key))?.unanswered.addKeys([entry]);
        this.#lose(entry, maybeWritten);
      },
      onPassed: (entry, name) => {
        // What came while it waited was read later.
        if (this.#liveNames.holds(entry, name)) this.#settlement.settle(entry);
        else this.#admit(entry, name);
      },
      onFailed: (error) => this.#failure.fail(error),
    });
    const asking: Pick<ConflictsSink, 'onUndecided' | 'onRefused' | 'onElsewhere'> = {
      onUndecided: (entry) => settlement.giveBack(entry),
      onRefused: (entry, error) => settlement.report(entry, error),
      onElsewhere: (entry, error, writer) => this.#redirect(entry, error, writer),
    };
    this.#liveNames = new LiveNames(options, {
      writerFor: (db, name) => {
        const importing = this.writers.importingOf({ db, key: name });
        return { writer: importing ?? this.writers.for(name), asking: importing !== undefined };
      },
      hasToWait: (name) => this.#slowPath.has(name),
      onWaiting: (entry, name) => this.#slowPath.wait(entry, name),
      departed: () => this.#departure.sleep(),
      onNeedless: (entry) => settlement.settleNeedless(entry),
      onInstead: (entry, key) => settlement.readInstead(entry, key),
      onCollided: ({ db, key }) => sink.onWriteRefused(db, key, collision(), NO_PAGE),
      ...asking,
      onFailed: (error) => this.#failure.fail(error),
    });
    this.#conflicts = new Conflicts(options, {
      onCleared: (entry, name) => this.#route(entry, name),
      onOurs: (entry, origin) => settlement.settleOurs(entry, origin),
      onInPlace: (key) => sink.onInPlace(key),
      onSuperseded: (entry) => settlement.settle(entry),
      ...asking,
    });
  }

  /** Who has acknowledged what was written so far; `undefined` where a node was not reached yet. */
  get processes(): readonly NodeWriter['written'][] {
    return Array.from(this.writers.all, (writer) => writer.written);
  }

  async write(channel: Channel): Promise<void> {
    this.#channel = channel;
    this.#settlement.begin(channel);
    channel.onEnd(() => this.#wakeup.wake());
    channel.onDeparture(() => this.#departure.wake());
    if (this.#options.live === undefined) channel.onLast(() => this.#doubtful.giveBack(this.#source));
    this.#dispatcher.begin(channel);
    try {
      for (const node of this.#deployment.topology.nodes) this.writers.of(node);
      await Promise.race([this.#writeAll(channel), this.#failure.promise]);
      await demandKept(this.#deployment, this.writers.all, this.#options, this.#sink, this.#failure.promise);
      this.writers.finish();
      this.#slowPath.close();
    } catch (error) {
      channel.abort(error);
      await this.#stop(error as Error);
      throw error;
    }
  }

  async #writeAll(channel: Channel): Promise<void> {
    while (await channel.readable()) {
      this.#dispatcher.distribute(channel);
      if (channel.length > 0) await this.#wakeup.sleep();
    }
  }

  /** Whether an entry may have to wait for another one of its name. */
  #hasObstacles(): boolean {
    const { collisions } = this.#options;
    if (collisions !== undefined || this.#conflicts.keepsNames || this.#liveNames.asksAboutAll) return true;
    return !this.#slowPath.isEmpty || this.writers.hasImporting;
  }

  #admit(entry: Entry, name: Buffer): void {
    const isLeft = this.#conflicts.isOwn(entry, name) && !(entry.kind === 'gone' && this.#liveNames.asksAboutRemovals);
    if (isLeft) this.#leave(entry);
    else if (this.#liveNames.concerns(entry, name)) this.#liveNames.take(entry, name, () => this.#route(entry, name));
    else if (!this.#conflicts.suspects(entry, name)) this.#route(entry, name);
    else if (this.#slowPath.has(name)) this.#slowPath.wait(entry, name);
    else this.#contest(entry, name);
  }

  #contest(entry: Entry, name: Buffer): void {
    const writer = this.writers.for(name);
    if (writer !== undefined) void this.#conflicts.settleName(entry, name, writer);
    else this.#route(entry, name);
  }

  #route(entry: Entry, name: Buffer): void {
    if (entry.large !== null) return this.#slowPath.add(entry, name);
    if (this.#slowPath.has(name)) return this.#slowPath.wait(entry, name);
    if (this.writers.hasImporting && this.#writeAsking(entry, name)) return;
    const writer = this.writers.for(name);
    if (writer !== undefined) writer.write(EntryView.of(entry));
    else this.#redirects.add(entry, entry.key, slotOf(name));
  }

  /**
   * Keys of the source that may yet be overwritten with what was read before: what was sent on a connection that is lost may
   * still come, and the user may not end that. They should be written once more, at the end. Each is told once.
   */
  unanswered(): readonly KeyId[] {
    return this.#doubtful.take();
  }

  /** What the nodes answer together, each on another connection where one was lost. @throws RespError */
  async ask<T>(question: (nodes: NodeWriters) => Promise<T>): Promise<T> {
    return Promise.race([question(this.writers), this.#failure.promise]);
  }

  #writeAsking(entry: Entry, name: Buffer): boolean {
    const writer = this.writers.takeImporting({ db: this.#options.targetDbOf(entry.db), key: name });
    writer?.writeAsking(EntryView.of(entry));
    return writer !== undefined;
  }

  #newWriter(node: Node): NodeWriter {
    const { written, live } = this.#options;
    const onWritten = (written ?? live) ? (entry: EntryView): void => this.#remember(entry) : undefined;
    const how = { ...this.#options, onWritten, samples: this.writers.samples };
    return new NodeWriter(this.#deployment, node, how, this.#events());
  }

  #events(): NodeWriterSink {
    const [sink, options] = [this.#sink, this.#options];
    return {
      onRestored: (settling) => {
        this.#settlement.settleWritten(settling);
        this.#wakeup.wake();
      },
      onRemoved: (entry, removed) => {
        this.#conflicts.take(entry);
        if (entry.kind === 'gone') this.#settlement.settleRemoved(entry.page, entry.size, removed);
        else this.#settlement.expire(entry.page, entry.size, removed);
        this.#wakeup.wake();
      },
      onExpired: (entry) => this.#settlement.expire(entry.page, entry.size, 0),
      onSuperseded: (entry) => this.#channel.settle(entry.page, entry.size),
      onUnfit: (entry) => this.#leaveNode(entry, (name) => this.#slowPath.add(entry, name)),
      onConverted: (page) => sink.onConverted(page),
      onRefused: (entry, error, writer) => this.#refuse(entry, error, writer),
      onElsewhere: (entry, error, writer) => this.#redirect(entry, error, writer),
      onLost: (entry, maybeWritten) => this.#lose(entry, maybeWritten),
      onInterrupted: () => this.#channel.hold(),
      onResumed: (writer, isSame) => {
        if (!isSame) this.#replaced(writer);
        this.#channel.letGo();
      },
      onSettled: (doubtful, writer) => {
        // What the target does not replace is not overwritten either.
        const isTooMany = options.replace && !this.#doubtful.add(doubtful);
        if (isTooMany) this.#source.rescan(this.writers.sharesOf(writer));
        this.#departure.wake();
      },
      onRoom: () => this.#wakeup.wake(),
    };
  }

  /** Of a view the key is not asked for, which would copy it, unless somebody has to know. */
  #remember(entry: KeyId): void {
    const { written, targetDbOf, targetNameOf } = this.#options;
    written?.add(targetDbOf(entry.db), targetNameOf(entry.key));
    this.#conflicts.take(entry);
  }

  #lose(entry: Entry, maybeWritten: boolean): void {
    const { written, targetDbOf, targetNameOf } = this.#options;
    if (maybeWritten) written?.addUnanswered(targetDbOf(entry.db), targetNameOf(entry.key));
    this.#settlement.giveBack(entry);
  }

  #refuse(entry: Entry, error: ReplyError, writer: NodeWriter): void {
    if (kindOf(error) === 'not-understood' && entry.kind === 'value') this.#convert(entry, writer);
    else this.#conflicts.refuse(entry, error, () => writer);
  }

  /** What else is on its way to the node was read later. */
  #convert(entry: Entry, writer: NodeWriter): void {
    if (writer.holds(EntryView.of(entry))) this.#settlement.settle(entry);
    else this.#leaveNode(entry, (name) => this.#slowPath.convert(entry, name, writer));
  }

  /** What has come to the slow path before it was read later: whatever waits there has waited for this one. */
  #leaveNode(entry: Entry, take: (name: Buffer) => void): void {
    const name = this.#options.targetNameOf(entry.key);
    if (this.#slowPath.holds(entry, name) || this.#liveNames.holds(entry, name)) this.#settlement.settle(entry);
    else if (!this.#liveNames.concerns(entry, name)) take(name);
    // Another key may have got the name since.
    else this.#liveNames.take(entry, name, () => take(name));
  }

  #redirect(entry: Entry, error: ReplyError, writer: NodeWriter): void {
    const name = this.#options.targetNameOf(entry.key);
    const node = this.#redirects.redirect(entry, entry.key, slotOf(name), writer.node.peer, error, writer.refused);
    this.#departure.wake();
    if (node === undefined) return;
    this.writers.beginImporting({ db: this.#options.targetDbOf(entry.db), key: name }, node);
    this.#settlement.giveBack(entry);
  }

  /** The target's own key stays. */
  #leave(entry: Entry): void {
    if (entry.kind === 'gone') this.#settlement.settleNeedless(entry);
    else this.#settlement.report(entry, taken());
  }

  /** The topology is as new as can be. */
  #release(entries: readonly Entry[]): void {
    this.writers.refresh();
    for (const entry of entries) this.#settlement.giveBack(entry);
  }

  #replaced(writer: NodeWriter): void {
    this.#slowPath.forget(writer.node);
    this.#sink.onTargetReplaced(writer.node.peer);
    this.#source.rescan(this.writers.sharesOf(writer));
  }

  /** Nothing more is sent; replies that are under way are still counted. */
  async #stop(reason: Error): Promise<void> {
    this.#pacer.stop();
    await this.writers.answered();
    const stopping = this.#slowPath.stop(reason);
    this.#departure.wake();
    await stopping;
    this.writers.stop(reason);
  }
}
