// Writes entries into a server, or each into the node of a cluster that serves its slot. What cannot be written now goes
// back to the source, which reads it again.

import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplyError, RespError } from '../../resp/errors.ts';
import type { Channel } from '../flow/channel.ts';
import { Redirects } from '../cluster/redirects.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import { newEntry, sizeOf, type Entry } from '../flow/entry.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { KeyId } from '../flow/key-id.ts';
import { Failure } from '../flow/failure.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { kindOf } from '../server/refusal.ts';
import { SlowPath, type SlowPathOptions } from './slow-path.ts';
import { Conflicts, taken, type ConflictsOptions, type Origin } from './conflicts.ts';
import { demandKept } from './final-check.ts';
import { NodeWriter, type NodeWriterOptions, type NodeWriterSink } from './node-writer.ts';
import { Pacer, type RateLimit } from './rate-limit.ts';
import type { Target, TargetSink, WayBack } from './target.ts';

export interface RedisTargetOptions extends Omit<NodeWriterOptions, 'onWritten'>, SlowPathOptions, ConflictsOptions {
  readonly limit: RateLimit | undefined;
  /** Values under way at once that no RESTORE can carry as they are. */
  readonly atOnce: number;
  /** Bytes of the longest payload that a large value is made into; 0 for none. */
  readonly gatherBytes: number;
}

/** How long replies are still waited for once the copy has failed or was interrupted. */
const GRACE_MS = 5000;
const LOOK_MS = 5;

export class RedisTarget implements Target {
  readonly #deployment: Deployment;
  readonly #source: WayBack;
  readonly #options: RedisTargetOptions;
  readonly #sink: TargetSink;
  readonly #writers = new Map<string, NodeWriter>();
  /** The slots that each node serves or has served, or takes over. */
  readonly #slots = new Map<string, SlotSet>();
  readonly #redirects: Redirects<Entry>;
  /** Who is only just taking over the slot of a key, by the key's name at the target. */
  readonly #asked = new Map<string, NodeWriter>();
  readonly #wakeup = new Wakeup();
  readonly #pacer: Pacer;
  readonly #conflicts: Conflicts;
  readonly #slowPath: SlowPath;
  readonly #failure = new Failure();
  readonly #view = new EntryView();
  #channel!: Channel;

  constructor(deployment: Deployment, source: WayBack, options: RedisTargetOptions, sink: TargetSink) {
    this.#deployment = deployment;
    this.#source = source;
    this.#options = options;
    this.#sink = sink;
    this.#pacer = new Pacer(options.limit, () => this.#wakeup.wake());
    this.#redirects = new Redirects(deployment, options.retry, {
      onReleased: (entries) => this.#release(entries),
      onGivenUp: (entry, error) => this.#report(entry, error),
      onFailed: (error) => this.#failure.fail(error),
    });
    this.#slowPath = new SlowPath(deployment, options, () => this.#channel, {
      onWritten: (entry, bytes, isSame) => {
        this.#remember(entry);
        this.#writerFor(options.targetNameOf(entry.key))?.remember(EntryView.of(entry));
        sink.onWritten(1, bytes);
        if (!isSame) sink.onConverted();
        this.#channel.settle(entry.page, sizeOf(entry));
      },
      onExpired: (entry, removed) => {
        this.#conflicts.take(entry);
        this.#writerFor(options.targetNameOf(entry.key))?.forget(entry);
        this.#expire(entry.page, sizeOf(entry), removed);
      },
      onRefused: (entry, error) => this.#conflicts.refuse(entry, error, (name) => this.#writerFor(name)),
      onUnknown: (entry) => {
        const isAsked = source.againInPieces(entry);
        if (isAsked) this.#channel.giveBack(sizeOf(entry));
        return isAsked;
      },
      onLost: (entry, maybeWritten) => this.#lose(entry, maybeWritten),
      onPassed: (entry, name) => this.#admit(entry, name),
      onFailed: (error) => this.#failure.fail(error),
    });
    this.#conflicts = new Conflicts(options, {
      onCleared: (entry, name) => this.#route(entry, name),
      onOurs: (entry, origin) => this.#settleOurs(entry, origin),
      onUndecided: (entry) => this.#giveBack(entry),
      onRefused: (entry, error) => this.#report(entry, error),
      onElsewhere: (entry, error, writer) => this.#redirect(entry, error, writer),
    });
  }

  async write(channel: Channel): Promise<void> {
    this.#channel = channel;
    channel.onEnd(() => this.#wakeup.wake());
    channel.handTo({ take: (entry) => this.#writeAtOnce(entry), takeRun: (run) => this.#writeRun(run) });
    try {
      for (const node of this.#deployment.topology.nodes) this.#writerOf(node);
      await Promise.race([this.#writeAll(channel), this.#failure.promise]);
      await demandKept(this.#deployment, this.#writers.values(), this.#options, this.#sink, this.#failure.promise);
      for (const writer of this.#writers.values()) writer.finish();
      this.#slowPath.close();
    } catch (error) {
      channel.abort(error);
      await this.#stop(error as Error);
      throw error;
    }
  }

  async #writeAll(channel: Channel): Promise<void> {
    while (await channel.readable()) {
      this.#distribute(channel);
      if (channel.length > 0) await this.#wakeup.sleep();
    }
  }

  #distribute(channel: Channel): void {
    for (let entry = channel.head; entry !== undefined && this.#mayWrite(); entry = channel.head) {
      const written = this.#takesRuns ? this.#writeRun(channel.run) : 0;
      if (written > 0) channel.drop(written);
      else if (this.#writeAtOnce(entry)) channel.drop();
      else {
        const copy = newEntry();
        channel.take(copy);
        this.#pacer.take(sizeOf(copy));
        this.#admit(copy, this.#options.targetNameOf(copy.key));
      }
    }
  }

  /** A single server holds the channel up; one of many does not. */
  #mayWrite(): boolean {
    const { isCluster, topology } = this.#deployment;
    return this.#pacer.mayGo && (isCluster || this.#writerOf(topology.nodes[0]!).hasRoom);
  }

  /** The way of nearly all entries: straight to the one node that serves the name. False where there is more to be seen to. */
  #writeAtOnce(entry: EntryView): boolean {
    if (entry.large !== null || this.#hasObstacles || !this.#pacer.mayGo) return false;
    const writer = this.#writerAt(entry);
    if (writer === undefined || !(this.#deployment.isCluster || writer.hasRoom)) return false;
    this.#pacer.take(entry.size);
    writer.write(entry);
    return true;
  }

  /** The same for a run of entries: returns how many go this way. */
  #writeRun(run: EntryRun): number {
    const { isCluster, topology } = this.#deployment;
    if (!this.#takesRuns) return 0;
    return isCluster ? this.#writeEach(run) : this.#writerOf(topology.nodes[0]!).writeRun(run);
  }

  #writeEach(run: EntryRun): number {
    const view = this.#view;
    let written = 0;
    // What becomes of one entry may be an obstacle to the next.
    for (; written < run.length && !this.#hasObstacles; written++) {
      run.show(written, view);
      const writer = this.#writerAt(view);
      if (writer === undefined) break;
      writer.write(view);
    }
    return written;
  }

  /** Whether entries need not be looked at one by one. */
  get #takesRuns(): boolean {
    const { limit, renames } = this.#options;
    return limit === undefined && !renames && !this.#hasObstacles;
  }

  /** Whether an entry may have to wait for another one of its name. */
  get #hasObstacles(): boolean {
    const { collisions } = this.#options;
    if (collisions !== undefined || this.#conflicts.keepsNames) return true;
    return !this.#slowPath.isEmpty || this.#asked.size > 0;
  }

  #writerAt(entry: EntryView): NodeWriter | undefined {
    if (this.#options.renames) return this.#writerFor(this.#options.targetNameOf(entry.key));
    const { isCluster, topology } = this.#deployment;
    const slot = isCluster ? slotOf(entry.keyIn.buffer, entry.keyAt, entry.keyEnd) : 0;
    const node = topology.ownerOf(slot);
    return node && this.#writerOf(node);
  }

  #admit(entry: Entry, name: Buffer): void {
    if (this.#conflicts.isOwn(entry, name)) return this.#leave(entry);
    if (entry.kind === 'gone') {
      if (this.#conflicts.isOthers(entry, name)) this.#channel.settle(entry.page, sizeOf(entry));
      else this.#route(entry, name);
    } else if (!this.#conflicts.suspects(entry, name)) this.#route(entry, name);
    else if (this.#slowPath.has(name)) this.#slowPath.wait(entry, name);
    else this.#contest(entry, name);
  }

  #contest(entry: Entry, name: Buffer): void {
    const writer = this.#writerFor(name);
    if (writer !== undefined) void this.#conflicts.settleName(entry, name, writer);
    else this.#route(entry, name);
  }

  #route(entry: Entry, name: Buffer): void {
    if (entry.large !== null) return this.#slowPath.add(entry, name);
    if (this.#slowPath.has(name)) return this.#slowPath.wait(entry, name);
    if (this.#asked.size > 0 && this.#writeAsking(entry, name)) return;
    const writer = this.#writerFor(name);
    if (writer !== undefined) writer.write(EntryView.of(entry));
    else this.#redirects.add(entry, entry.key, slotOf(name));
  }

  #writerFor(name: Buffer): NodeWriter | undefined {
    const node = this.#deployment.nodeOf(name);
    return node && this.#writerOf(node);
  }

  #writeAsking(entry: Entry, name: Buffer): boolean {
    const key = name.toString('latin1');
    const writer = this.#asked.get(key);
    this.#asked.delete(key);
    writer?.writeAsking(EntryView.of(entry));
    return writer !== undefined;
  }

  #writerOf(node: Node): NodeWriter {
    const found = this.#writers.get(node.id);
    if (found !== undefined) return found;
    const { written, live } = this.#options;
    const remembers = written !== undefined || live?.ownNames !== undefined;
    const onWritten = remembers ? (entry: EntryView): void => this.#remember(entry) : undefined;
    const writer = new NodeWriter(this.#deployment, node, { ...this.#options, onWritten }, this.#events());
    this.#writers.set(node.id, writer);
    this.#slots.set(node.id, this.#deployment.topology.slotsOf(node));
    void this.#run(writer);
    return writer;
  }

  async #run(writer: NodeWriter): Promise<void> {
    try {
      if (!(await writer.run())) this.#forget(writer);
    } catch (error) {
      this.#failure.fail(error);
    }
  }

  #events(): NodeWriterSink {
    const sink = this.#sink;
    return {
      onRestored: (settling) => {
        sink.onWritten(settling.entries, settling.bytes);
        this.#channel.settleAll(settling);
        this.#wakeup.wake();
      },
      onRemoved: (entry, removed) => {
        this.#conflicts.take(entry);
        if (entry.kind === 'gone') this.#settleRemoved(entry.page, entry.size, removed);
        else this.#expire(entry.page, entry.size, removed);
        this.#wakeup.wake();
      },
      onExpired: (entry) => this.#expire(entry.page, entry.size, 0),
      onUnfit: (entry) => this.#slowPath.add(entry, this.#options.targetNameOf(entry.key)),
      onConverted: () => sink.onConverted(),
      onRefused: (entry, error, writer) => this.#refuse(entry, error, writer),
      onElsewhere: (entry, error, writer) => this.#redirect(entry, error, writer),
      onLost: (entry, maybeWritten) => this.#lose(entry, maybeWritten),
      onInterrupted: () => this.#channel.hold(),
      onResumed: (writer, isSame) => {
        if (!isSame) this.#replaced(writer);
        this.#channel.letGo();
      },
      onRoom: () => this.#wakeup.wake(),
    };
  }

  #remember({ db, key }: KeyId): void {
    const { written, targetDbOf, targetNameOf } = this.#options;
    written?.add(targetDbOf(db), targetNameOf(key));
    this.#conflicts.take({ db, key });
  }

  #lose(entry: Entry, maybeWritten: boolean): void {
    const { written, targetDbOf, targetNameOf } = this.#options;
    if (maybeWritten) written?.addUnanswered(targetDbOf(entry.db), targetNameOf(entry.key));
    this.#giveBack(entry);
  }

  #giveBack(entry: Entry): void {
    this.#source.again(entry);
    this.#channel.giveBack(sizeOf(entry));
  }

  #refuse(entry: Entry, error: ReplyError, writer: NodeWriter): void {
    if (kindOf(error) === 'not-understood' && entry.kind === 'value')
      this.#slowPath.convert(entry, this.#options.targetNameOf(entry.key), writer);
    else this.#conflicts.refuse(entry, error, () => writer);
  }

  /** What was lost was only the reply; or SCAN gave the key once more. */
  #settleOurs(entry: Entry, origin: Origin): void {
    if (origin === 'maybe-written') this.#sink.onWritten(1, sizeOf(entry));
    else this.#sink.onRepeated();
    this.#channel.settle(entry.page, sizeOf(entry));
  }

  /** @param removed keys that the target had under its name, and has no more */
  #expire(page: number, bytes: number, removed: number): void {
    this.#sink.onExpired();
    this.#settleRemoved(page, bytes, removed);
  }

  #settleRemoved(page: number, bytes: number, removed: number): void {
    if (removed > 0) this.#sink.onRemoved(removed);
    this.#channel.settle(page, bytes);
  }

  #report(entry: Entry, error: RespError): void {
    this.#sink.onWriteRefused(entry.db, entry.key, error);
    this.#channel.settle(entry.page, sizeOf(entry));
  }

  #redirect(entry: Entry, error: ReplyError, writer: NodeWriter): void {
    const name = this.#options.targetNameOf(entry.key);
    const node = this.#redirects.redirect(entry, entry.key, slotOf(name), writer.node.peer, error, writer.refused);
    if (node === undefined) return;
    const next = this.#writerOf(node);
    // It may be lost before it serves that slot, and what it took of it with it.
    this.#slots.get(node.id)!.add(slotOf(name));
    this.#asked.set(name.toString('latin1'), next);
    this.#giveBack(entry);
  }

  /** The target's own key stays. */
  #leave(entry: Entry): void {
    if (this.#conflicts.leave(entry)) this.#report(entry, taken());
    else this.#channel.settle(entry.page, sizeOf(entry));
  }

  /** The topology is as new as can be. */
  #release(entries: readonly Entry[]): void {
    const { topology } = this.#deployment;
    for (const [id, writer] of this.#writers) {
      const node = topology.find(id);
      if (node === undefined) writer.leave();
      else this.#slots.get(id)!.addAll(topology.slotsOf(node));
    }
    for (const entry of entries) this.#giveBack(entry);
  }

  /** The node is no primary any more. What it acknowledged last may never have reached the one that took its place. */
  #forget(writer: NodeWriter): void {
    this.#writers.delete(writer.node.id);
    this.#replaced(writer);
    this.#channel.letGo();
  }

  #replaced({ node }: NodeWriter): void {
    this.#slowPath.forget(node);
    const slots = this.#slots.get(node.id)!;
    const { targetNameOf } = this.#options;
    this.#sink.onTargetReplaced(node.peer);
    if (this.#deployment.isCluster) this.#source.rescan((key) => slots.has(slotOf(targetNameOf(key))));
    else this.#source.rescan();
  }

  /** Nothing more is sent; replies that are under way are still counted. */
  async #stop(reason: Error): Promise<void> {
    this.#pacer.stop();
    const writers = [...this.#writers.values()];
    const end = performance.now() + GRACE_MS;
    while (writers.some(({ inFlight }) => inFlight > 0) && performance.now() < end) await sleep(LOOK_MS);
    await this.#slowPath.stop(reason);
    for (const writer of writers) writer.stop(reason);
  }
}
