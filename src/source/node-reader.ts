// Reads one node: walks its databases, asks for the values of what it finds and of what it is told, on one connection at a
// time.

import type { Channel } from '../channel.ts';
import type { Connection } from '../../resp/connection.ts';
import { Ring } from '../../resp/ring.ts';
import { Line, type LineOptions } from '../cluster/line.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { Node } from '../cluster/topology.ts';
import type { KeyReader } from '../redis/key-reader.ts';
import { Session } from '../redis/session.ts';
import { Wakeup } from '../wakeup.ts';
import { NodeScan, ScanError, type NodeScanOptions } from './node-scan.ts';

/** A key that is to be read, found elsewhere than in the walk under way. */
export interface KeyPlace {
  readonly db: number;
  readonly key: Buffer;
  /** Whether its slot is only being taken over by this node. */
  readonly asking: boolean;
  /** Whether the value is not to be dumped: what reads it in pieces takes its place. */
  readonly inPieces?: boolean;
}

export interface NodeReaderOptions extends LineOptions {
  readonly newKeyReader: (session: Session) => KeyReader;
}

export class NodeReader {
  readonly node: Node;
  readonly #line: Line;
  readonly #options: NodeReaderOptions;
  readonly #places = new Ring<KeyPlace>();
  /** Wakes whoever waits for the end of a walk. */
  readonly #walked = new Wakeup();
  #session: Session | undefined;
  #keyReader: KeyReader | undefined;
  #scan: NodeScan | undefined;
  /** Whether there are keys, and no room in the channel for their values. */
  #isStarved = false;
  #state: 'reading' | 'finished' | 'gone' = 'reading';

  constructor(deployment: Deployment, node: Node, options: NodeReaderOptions) {
    this.node = node;
    this.#line = new Line(deployment, node, options);
    this.#options = options;
  }

  /** Keys that were found or given and are not answered. */
  get pending(): number {
    return this.#places.length + (this.#scan?.keys.length ?? 0) + (this.#keyReader?.inFlight ?? 0);
  }

  /**
   * Reads whatever it is asked to, until `finish` (true) or until the node is no primary any more (false).
   * @throws RespError: the node was lost for good, or its walk cannot come to an end
   */
  async run(channel: Channel): Promise<boolean> {
    let lost: Connection | undefined;
    while (this.#state === 'reading') {
      const server = await this.#line.open(lost);
      if (server === undefined) this.#leave();
      else lost = await this.#work(new Session(server), channel);
      if (lost?.error instanceof ScanError) throw lost.error;
    }
    return this.#state === 'finished';
  }

  /** Returns when the walk has come to its end, and the keys that it found are asked for or about to be; or the node is gone. */
  async walk(db: number, options: NodeScanOptions): Promise<NodeScan> {
    const before = this.#scan;
    for (let key = before?.keys.shift(); key !== undefined; key = before?.keys.shift()) {
      this.#places.push({ db: before!.db, key, asking: false });
    }
    const scan = new NodeScan(db, options, () => this.#line.progress());
    this.#scan = scan;
    this.#session?.wake();
    while (this.#state === 'reading' && !scan.isOver) await this.#walked.sleep();
    return scan;
  }

  /** The walk under way, or the last one. */
  get scan(): NodeScan | undefined {
    return this.#scan;
  }

  read(place: KeyPlace): void {
    this.#places.push(place);
    this.#session?.wake();
  }

  /** Hands out what was to be read here: another node has it now. */
  drain(lost: (db: number, key: Buffer) => void): void {
    for (let place = this.#places.shift(); place !== undefined; place = this.#places.shift()) lost(place.db, place.key);
    const keys = this.#scan?.keys;
    for (let key = keys?.shift(); key !== undefined; key = keys?.shift()) lost(this.#scan!.db, key);
  }

  /** There may be room in the channel again. */
  wake(): void {
    if (!this.#isStarved) return;
    this.#isStarved = false;
    this.#session?.wake();
  }

  finish(): void {
    if (this.#state === 'reading') this.#state = 'finished';
    this.#session?.wake();
  }

  stop(reason: Error): void {
    this.#session?.connection.fail(reason);
  }

  #leave(): void {
    this.#state = 'gone';
    this.#walked.wake();
  }

  /** Works on one connection; returns it when it is of no more use, or all is done. */
  async #work(session: Session, channel: Channel): Promise<Connection> {
    const { connection } = session;
    this.#session = session;
    this.#keyReader = this.#options.newKeyReader(session);
    const work = [this.#walkAll(session), this.#readAll(session, channel)];
    // Where one of them fails, the other is told by the connection.
    for (const part of work) part.catch((error: unknown) => connection.fail(error as Error));
    await Promise.allSettled(work);
    this.#keyReader.drain((db, key) => {
      channel.release();
      this.#places.push({ db, key, asking: false });
    });
    if (this.#state === 'finished') connection.close();
    return connection;
  }

  async #walkAll(session: Session): Promise<void> {
    while (this.#state === 'reading') {
      const scan = this.#scan;
      if (scan === undefined || scan.isOver) {
        await session.progress();
      } else {
        await scan.walk(session);
        this.#walked.wake();
      }
    }
  }

  async #readAll(session: Session, channel: Channel): Promise<void> {
    while (this.#state === 'reading') {
      const found = this.#scan?.keys.length ?? 0;
      this.#ask(channel);
      // The walk pauses while there is enough to read; of some readers no reply would ever wake it.
      if ((this.#scan?.keys.length ?? 0) < found) session.wake();
      const asked = this.#keyReader!.inFlight;
      if (channel.isFull) await pausing(session, channel);
      else await session.progress();
      if (this.#keyReader!.inFlight < asked) this.#line.progress();
    }
  }

  /** Every key that is asked for has its place in the channel already. */
  #ask(channel: Channel): void {
    const reader = this.#keyReader!;
    while (reader.hasRoom) {
      this.#isStarved = channel.room === 0;
      if (this.#isStarved) return;
      const place = this.#places.shift();
      if (place?.inPieces === true && reader.sendLarge !== undefined) reader.sendLarge(place.db, place.key);
      else if (place !== undefined) reader.send(place.db, place.key, place.asking);
      else {
        const key = this.#scan?.keys.shift();
        if (key === undefined) return;
        reader.send(this.#scan!.db, key, false);
      }
      channel.reserve();
    }
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
