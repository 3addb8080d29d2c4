// Reads one node: walks its databases, asks for the values of what it finds and of what it is told, on one connection at a
// time.

import type { Bytes } from '../../resp/bytes.ts';
import type { Channel } from '../flow/channel.ts';
import type { ReplyError, RespError } from '../../resp/errors.ts';
import { Ring } from '../../resp/ring.ts';
import type { AskedKeys } from '../cluster/node-hearing.ts';
import { isBreak, NodeLink, type NodeLinkOptions, NodeRun } from '../cluster/node-link.ts';
import { RefusedSlots } from '../cluster/redirects.ts';
import { Suspects } from '../cluster/suspects.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { Node, Topology } from '../cluster/topology.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import { attributed } from '../server/refusal.ts';
import { NO_PAGE, type FoundKey } from '../flow/key-id.ts';
import { KeyQueue } from '../flow/key-queue.ts';
import type { ServerInfo } from '../server/info.ts';
import { demandProcess } from '../server/server.ts';
import { Session } from '../server/session.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { askFor, SingleKeyReader, type KeyPlace, type SingleKeyReaderOptions } from './single-key-reader.ts';
import { NodeScan, type NodeScanOptions } from '../scan/node-scan.ts';
import { ScanError } from '../scan/page-reader.ts';
import { LossWatch } from '../scan/loss-watch.ts';

export interface NodeReaderOptions extends NodeLinkOptions, Omit<SingleKeyReaderOptions, 'asked'> {
  /** A connection was lost while several keys were asked for. */
  readonly onBreak: () => void;
  /** The node would send the key elsewhere, as it has others of its slot. */
  readonly onRefused: (place: KeyPlace, error: ReplyError) => void;
  /** Another node is known to serve the key by now. */
  readonly onElsewhere: (place: KeyPlace) => void;
}

interface Verdict {
  /** Whether it is still to be found. */
  isDue: boolean;
  error?: RespError | undefined;
}

/** So many keys are worth a write of their own, whatever comes next. */
const WORTH_A_WRITE = 512;

export class NodeReader {
  readonly node: Node;
  /** Slots that the node sends elsewhere. */
  readonly refused: RefusedSlots;
  readonly #deployment: Deployment;
  readonly #run: NodeRun;
  readonly #options: NodeReaderOptions;
  /** Where somebody listens to the node. */
  readonly #asked: AskedKeys | undefined;
  readonly #places = new Ring<KeyPlace>();
  /** Keys that it was given, of which nothing is known yet. */
  readonly #keys = new KeyQueue();
  /** Whether they are to be asked for, however few there are. */
  #isDue = false;
  readonly #suspects = new Suspects();
  /** Keys that are suspect: they go before all others, and a few at once. */
  readonly #suspected = new Ring<KeyPlace>();
  readonly #alone: SingleKeyReader;
  /** Settles when nothing goes alone any more. */
  #readingAlone: Promise<void> | undefined;
  readonly #lossWatch = new LossWatch();
  #verdict: Verdict = { isDue: false };
  /** Wakes whoever waits for the end of a walk, or for a verdict. */
  readonly #walked = new Wakeup();
  #keyReader: KeyReader | undefined;
  #scan: NodeScan | undefined;
  /** In which the node was found last. */
  #topology: Topology | undefined;
  /** Whether there may be keys, and no room in the channel for their values. */
  #isStarved = false;

  constructor(deployment: Deployment, node: Node, options: NodeReaderOptions) {
    this.node = node;
    this.refused = new RefusedSlots(deployment, node, () => this.#onReleased());
    this.#deployment = deployment;
    this.#run = new NodeRun(new NodeLink(deployment, node, options));
    this.#options = options;
    this.#asked = options.hearing?.askedOf(node.id);
    const alone = { ...options, asked: this.#asked };
    this.#alone = new SingleKeyReader(new NodeLink(deployment, node, options), this.#suspects, alone);
  }

  /** Keys that were found or given and are not answered. */
  get pending(): number {
    const waiting = this.#places.length + this.#keys.length + this.#suspected.length + this.#alone.pending;
    return waiting + (this.#scan?.keys.length ?? 0) + (this.#keyReader?.inFlight ?? 0);
  }

  /**
   * Reads whatever it is asked to, until `finish` (true) or until the node is no primary any more (false).
   * @throws RespError: the node was lost for good, or its walk cannot come to an end
   */
  async run(channel: Channel): Promise<boolean> {
    const end = await this.#run.run((session) => this.#work(session, channel));
    this.#walked.wake();
    // What goes alone finds out by itself where it is now, and must not be forgotten meanwhile.
    if (end === 'gone') await this.#readingAlone;
    this.#alone.close();
    return end === 'finished';
  }

  /** Returns when the walk has come to its end, and the keys that it found are asked for or about to be; or the node is gone. */
  async walk(db: number, options: NodeScanOptions): Promise<NodeScan> {
    const before = this.#scan;
    before?.keys.drain((key) => this.#places.push({ ...key, asking: false }));
    const scan = new NodeScan(db, options, this.#lossWatch, () => this.#run.link.progress());
    this.#scan = scan;
    this.#run.wake();
    while (this.#run.isRunning && !scan.isOver) await this.#walked.sleep();
    return scan;
  }

  /** A key was not there any more. */
  onGone(db: number): void {
    this.#lossWatch.onGone(db);
  }

  /** Once nothing is pending: what is wrong with what was read, if anything. */
  async lookBack(): Promise<RespError | undefined> {
    const verdict: Verdict = { isDue: this.#lossWatch.isDue };
    this.#verdict = verdict;
    this.#run.wake();
    while (this.#run.isRunning && verdict.isDue) await this.#walked.sleep();
    return verdict.error;
  }

  /** The walk under way, or the last one. */
  get scan(): NodeScan | undefined {
    return this.#scan;
  }

  read(place: KeyPlace): void {
    this.#queue(place);
    this.#run.wake();
  }

  /** The same for a key where it lies; it may wait for others, until `readNow`. */
  readAt(db: number, bytes: Bytes, start: number, end: number): void {
    this.#keys.pushCopy(db, bytes, start, end, NO_PAGE);
    if (this.#keys.length === WORTH_A_WRITE) this.#run.wake();
  }

  /** The same for a key of a page, of which a copy is kept; it waits for nobody. */
  readCopy(db: number, key: Buffer, page: number): void {
    if (!this.#suspects.isEmpty) return this.read({ db, key: Buffer.from(key), page, asking: false });
    this.#keys.pushBuffer(db, key, page);
    this.readNow();
  }

  /** What waits for others has waited long enough. */
  readNow(): void {
    if (this.#keys.length === 0 || this.#isDue) return;
    this.#isDue = true;
    this.#run.wake();
  }

  /** Hands out what was to be read here: another node has it now. */
  drain(lost: (key: FoundKey) => void): void {
    for (const ring of [this.#suspected, this.#places]) {
      for (let place = ring.shift(); place !== undefined; place = ring.shift()) lost(place);
    }
    this.#alone.drain(lost);
    this.#keys.drain(lost);
    this.#scan?.keys.drain(lost);
  }

  /** Goes on with this server process: with another one, that may be behind by something, a connection is of no use. */
  demandServer(runId: string): void {
    const { session } = this.#run;
    if (session !== undefined) demandProcess(session.server, runId);
    this.#alone.demandServer(runId);
  }

  /** The server holds more by now. */
  grew(info: ServerInfo): void {
    this.#keyReader?.grew?.(info);
  }

  /** There may be room in the channel again. */
  wake(): void {
    if (!this.#isStarved) return;
    this.#isStarved = false;
    this.#run.wake();
  }

  finish(): void {
    this.#run.end('finished');
  }

  stop(reason: Error): void {
    this.#alone.stop(reason);
    this.#run.stop(reason);
  }

  /** A node that has handed over is a replica, which would go on to refuse. */
  #onReleased(): void {
    if (!this.#isLeft()) this.#run.wake();
  }

  /**
   * Leaves a node that is no primary any more, as far as others say: it may answer, and not know it. What took its place is read
   * instead.
   */
  #isLeft(): boolean {
    const { topology } = this.#deployment;
    if (topology === this.#topology || topology.find(this.node.id) !== undefined) {
      this.#topology = topology;
      return false;
    }
    if (!this.#run.isRunning) return false;
    this.#run.end('gone');
    this.#run.session?.connection.close();
    return true;
  }

  /** Works on one connection, until it is of no more use, or all is done. */
  async #work(session: Session, channel: Channel): Promise<void> {
    const { connection } = session;
    this.#keyReader = this.#options.newKeyReader(session);
    const work = [this.#walkAll(session), this.#readAll(session, channel)];
    // Where one of them fails, the other is told by the connection.
    for (const part of work)
      part.catch((error: unknown) => connection.fail(attributed(error, connection.peer, 'read from')));
    await Promise.allSettled(work);
    const [lost, waiting]: [KeyPlace[], KeyPlace[]] = [[], []];
    const takeBack = (into: KeyPlace[]) => (key: FoundKey) => {
      channel.release();
      into.push({ ...key, asking: false });
    };
    this.#keyReader.drain(takeBack(lost), takeBack(waiting));
    if (lost.length > 0 && this.#run.isRunning && isBreak(connection.error)) this.#broke(lost);
    for (const place of [...lost, ...waiting]) this.#queue(place);
    if (connection.error instanceof ScanError) throw connection.error;
  }

  /** @param lost what was on the way and not answered */
  #broke(lost: readonly KeyPlace[]): void {
    if (lost.length > 1) this.#options.onBreak();
    if (this.#suspects.broke(lost)) this.#run.link.excuse();
    // They may be suspect no more.
    for (let i = this.#suspected.length; i > 0; i--) this.#queue(this.#suspected.shift()!);
  }

  #queue(place: KeyPlace): void {
    if (this.#suspects.isEmpty) this.#places.push(place);
    else if (this.#suspects.goesAlone(place)) this.#alone.add(place);
    else if (this.#suspects.has(place)) this.#suspected.push(place);
    else this.#places.push(place);
  }

  async #walkAll(session: Session): Promise<void> {
    while (this.#run.isRunning) {
      const scan = this.#scan;
      if (this.#verdict.isDue) {
        this.#verdict.error = await this.#lossWatch.lookBack(session);
        this.#verdict.isDue = false;
        this.#walked.wake();
      }
      // While it is found out what breaks the connection, nothing else is asked.
      if (scan === undefined || scan.isOver || this.#suspects.atOnce < Infinity) {
        await session.progress();
      } else {
        await scan.walk(session);
        this.#walked.wake();
      }
    }
  }

  async #readAll(session: Session, channel: Channel): Promise<void> {
    while (this.#run.isRunning) {
      if (this.#isLeft()) return;
      const found = this.#scan?.keys.length ?? 0;
      if (channel.isPaused) this.#isStarved = true;
      else this.#askAll(session, channel);
      // The walk pauses while there is enough to read; of some readers no reply would ever wake it.
      if ((this.#scan?.keys.length ?? 0) < found) session.wake();
      const asked = this.#keyReader!.inFlight;
      if (channel.isFull) await pausing(session, channel);
      else await session.progress();
      if (this.#keyReader!.inFlight < asked) this.#run.link.progress();
    }
  }

  #askAll(session: Session, channel: Channel): void {
    if (!channel.isFull) this.#keyReader!.goOn?.();
    this.#trySuspects(session, channel);
    if (this.#suspects.atOnce === Infinity) this.#ask(channel);
    this.#readAlone(channel);
  }

  /** What goes alone, goes beside all others. */
  #readAlone(channel: Channel): void {
    if (this.#alone.isReading || this.#alone.pending === 0) return;
    this.#readingAlone = this.#alone
      .run(channel)
      .catch((error: unknown) => this.#run.stop(error as Error))
      .finally(() => this.#run.wake());
  }

  #trySuspects(session: Session, channel: Channel): void {
    const reader = this.#keyReader!;
    const { atOnce } = this.#suspects;
    if (atOnce === Infinity) return;
    while (this.#suspected.length > 0 && reader.inFlight < atOnce && reader.hasRoom) {
      this.#isStarved = channel.room === 0;
      if (this.#isStarved) return;
      this.#askFor(this.#suspected.shift()!, reader);
      channel.reserve();
    }
    if (this.#suspected.length > 0 || reader.inFlight > 0) return;
    this.#suspects.clear();
    session.wake();
  }

  /** Every key that is asked for has its place in the channel already. */
  #ask(channel: Channel): void {
    const reader = this.#keyReader!;
    this.#isDue ||= this.#keys.length >= WORTH_A_WRITE;
    while (reader.hasRoom && !this.refused.isStill) {
      this.#isStarved = channel.room === 0;
      if (this.#isStarved) return;
      const place = this.#places.shift();
      if (place !== undefined) {
        if (!place.asking && this.#isElsewhere(place)) continue;
        this.#askFor(place, reader);
      } else {
        if (this.#keys.length === 0) this.#isDue = false;
        const keys = this.#isDue ? this.#keys : this.#scan?.keys;
        if (keys === undefined || keys.length === 0) return;
        if (reader.sendNext !== undefined && this.#isPlain) {
          channel.reserve(reader.sendNext(keys, channel.room));
          continue;
        }
        const found = { ...keys.shift(), asking: false };
        if (this.#isElsewhere(found)) continue;
        if (!this.#suspects.isEmpty && this.#suspects.goesAlone(found)) {
          this.#alone.add(found);
          continue;
        }
        this.#askFor(found, reader);
      }
      channel.reserve();
    }
  }

  /** Whether it does not matter which key is asked for. */
  get #isPlain(): boolean {
    return this.#asked === undefined && this.refused.isEmpty && this.#suspects.isEmpty;
  }

  #askFor(place: KeyPlace, reader: KeyReader): void {
    this.#asked?.add(place);
    askFor(place, reader);
  }

  /** Hands on a key that the node would not serve. */
  #isElsewhere(place: KeyPlace): boolean {
    const refusal = this.refused.refusalOf(place.key);
    if (refusal === undefined) return false;
    if (refusal === 'elsewhere') this.#options.onElsewhere(place);
    else this.#options.onRefused(place, refusal);
    return true;
  }
}

/** The target is behind: the source is not read from until there is room again. */
async function pausing({ connection }: Session, channel: Channel): Promise<void> {
  connection.pause();
  try {
    await channel.writable();
  } finally {
    connection.resume();
  }
}
