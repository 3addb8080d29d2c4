// Reads keys by name, each from the node that serves it: one reader a node. Redirections, lost connections and nodes that
// were replaced are seen to here; what is asked of a key, and what becomes of the answer, are others' concern.

import { ReplyError, type Peer, type RespError } from '../../resp/errors.ts';
import type { Bytes } from '../../resp/bytes.ts';
import type { Channel } from '../flow/channel.ts';
import { Redirects, type SlotsHeldUp } from '../cluster/redirects.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { final, type NodeLinkOptions } from '../cluster/node-link.ts';
import { slotOf } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import type { EntryView } from '../flow/entry-view.ts';
import type { FoundKey } from '../flow/key-id.ts';
import type { KeyReader, KeySink } from '../keys/key-reader.ts';
import type { ServerInfo } from '../server/info.ts';
import type { Session } from '../server/session.ts';
import { LargeValues } from './large-values.ts';
import type { KeyPlace } from './single-key-reader.ts';
import { NodeReader } from './node-reader.ts';

/** What a reader of keys tells the lookup. */
export interface AnswerSink extends KeySink {
  /** So many keys of no page were answered in another way than the others of these: their places are free again. */
  onAnswered(keys: number): void;
  /** The same for a key of a page. */
  onCounted(page: number): void;
  /** The same, where the answer is an entry, which takes that place. It holds until the call returns. */
  onFound(entry: EntryView): void;
  /** The same for a run of entries. */
  onFoundAll(entries: EntryRun): void;
}

export interface LookupOptions extends NodeLinkOptions {
  /** What is asked of each key, on a new connection. */
  readonly newKeyReader: (session: Session, sink: AnswerSink, large: LargeValues) => KeyReader;
}

export interface LookupSink extends Pick<KeySink, 'onGone' | 'onRefused'> {
  /** Keys are no longer where they waited: whoever waits for the end should look. */
  onMoved(): void;
  /** Two nodes name each other as its place. @returns whether an entry in the channel says so; otherwise it is gone */
  onNowhere?(key: FoundKey): boolean;
  onNotice?(notice: SlotsHeldUp): void;
  /** Some node, or the way to a key, was lost for good. */
  onFailed(error: unknown): void;
}

export class Lookup {
  readonly #deployment: Deployment;
  readonly #options: LookupOptions;
  readonly #sink: LookupSink;
  readonly #readers = new Map<string, NodeReader>();
  readonly #redirects: Redirects<KeyPlace>;
  /** Read on connections of their own, for whoever takes them. */
  readonly #largeValues: LargeValues;
  #channel!: Channel;

  constructor(deployment: Deployment, options: LookupOptions, sink: LookupSink) {
    this.#deployment = deployment;
    this.#options = options;
    this.#sink = sink;
    this.#largeValues = new LargeValues(deployment, options, (db, key) => this.#onLargeGone(db, key));
    this.#redirects = new Redirects(deployment, options.retry, {
      onReleased: (places) => {
        for (const place of places) this.#route(place);
        sink.onMoved();
      },
      onNowhere: (place) => {
        if (sink.onNowhere?.(place) !== true) {
          this.#channel.conclude(place.page);
          sink.onGone(place);
        }
        sink.onMoved();
      },
      onGivenUp: (place, error) => {
        this.#channel.conclude(place.page);
        sink.onRefused(place, error);
        sink.onMoved();
      },
      onHeldUp: (notice) => sink.onNotice?.(notice),
      onFailed: (error) => sink.onFailed(error),
    });
  }

  /** From `begin` to `finish`: `work` asks for keys, and it ends as that does. */
  async during(channel: Channel, work: () => Promise<unknown>): Promise<void> {
    this.begin(channel);
    try {
      await work();
      this.finish();
    } catch (error) {
      this.finish(error);
      throw error;
    }
  }

  /** @param channel every key that is asked for has its place in there */
  begin(channel: Channel): void {
    this.#channel = channel;
    channel.onDeparture(() => {
      for (const reader of this.#readers.values()) reader.wake();
      this.#sink.onMoved();
    });
  }

  /** Whether keys are still to be answered. */
  get isPending(): boolean {
    if (this.#redirects.length > 0) return true;
    for (const { pending } of this.#readers.values()) if (pending > 0) return true;
    return false;
  }

  /** Every node that was read from and is still there. */
  get readers(): Iterable<NodeReader> {
    return this.#readers.values();
  }

  read(place: KeyPlace): void {
    this.#redirects.forget(place.key);
    this.#route(place);
  }

  /** The same for a key of which a copy is kept: many of them cost no object each. */
  readCopy(db: number, key: Buffer, page: number): void {
    const node = this.#deployment.nodeOf(key);
    if (node === undefined) this.read({ db, key: Buffer.from(key), page, asking: false });
    else this.readerOf(node).readCopy(db, key, page);
  }

  /**
   * The same for a key where it lies, of which a copy is kept, and waits for others or for `readNow`. Returns the node that is
   * asked; `undefined`: nobody is.
   */
  readAt(db: number, bytes: Bytes, start: number, end: number): Node | undefined {
    const { isCluster, topology } = this.#deployment;
    const node = isCluster ? topology.ownerOf(slotOf(bytes.buffer, start, end)) : topology.nodes[0];
    if (node !== undefined) this.readerOf(node).readAt(db, bytes, start, end);
    return node;
  }

  readNow(): void {
    for (const reader of this.#readers.values()) reader.readNow();
  }

  readerOf(node: Node): NodeReader {
    const found = this.#readers.get(node.id);
    if (found !== undefined) return found;
    const reader: NodeReader = new NodeReader(this.#deployment, node, {
      ...this.#options,
      newKeyReader: (session) => this.#newKeyReader(session, reader),
      onBroken: (key, error) => this.#refuse(key, error),
      onLeft: (place) => this.read({ ...place, asking: false }),
      onElsewhere: (place) => this.#route(place),
      onRefused: (place, error) => this.#redirect(place, reader, node.peer, error),
      onBreak: () => this.#largeValues.broke(),
    });
    this.#readers.set(node.id, reader);
    void this.#run(reader);
    return reader;
  }

  /** A node says what it holds by now. */
  grew(nodeId: string, info: ServerInfo): void {
    this.#readers.get(nodeId)?.grew(info);
  }

  /** Values of the node are read from this server process alone. */
  demandServer(nodeId: string, runId: string): void {
    this.#readers.get(nodeId)?.demandServer(runId);
    this.#largeValues.demandServer(nodeId, runId);
  }

  /** Nothing more is to be read. @param error why, where not all was: large values that are still being read fail with it */
  finish(error?: unknown): void {
    for (const reader of this.#readers.values()) reader.finish();
    if (error === undefined) this.#largeValues.close();
    else this.#largeValues.stop(final(error) as Error);
  }

  stop(reason: Error): void {
    for (const reader of this.#readers.values()) reader.stop(reason);
    this.#largeValues.stop(reason);
  }

  #route(place: KeyPlace): void {
    const node = this.#deployment.nodeOf(place.key);
    if (node === undefined) this.#redirects.add(place, place.key, slotOf(place.key));
    else this.readerOf(node).read(place);
  }

  async #run(reader: NodeReader): Promise<void> {
    try {
      if (!(await reader.run(this.#channel))) this.#forget(reader);
    } catch (error) {
      this.#sink.onFailed(error);
    }
  }

  /** The node is no primary any more: what it was to read, others have. */
  #forget(reader: NodeReader): void {
    this.#readers.delete(reader.node.id);
    reader.drain((key) => this.read({ ...key, asking: false }));
    this.#sink.onMoved();
  }

  #refuse(key: FoundKey, error: RespError): void {
    this.#channel.dismiss(key.page);
    this.#sink.onRefused(key, error);
  }

  #newKeyReader(session: Session, reader: NodeReader): KeyReader {
    const sink: AnswerSink = {
      onCounted: (page) => {
        this.#channel.dismiss(page);
        reader.refused.answered();
      },
      onAnswered: (keys) => {
        this.#channel.release(keys);
        reader.refused.answered();
      },
      onFound: (entry) => {
        this.#channel.pushReserved(entry);
        reader.refused.answered();
      },
      onFoundAll: (entries) => {
        this.#channel.pushRun(entries);
        reader.refused.answered();
      },
      onGone: (key) => {
        this.#channel.dismiss(key.page);
        reader.refused.answered();
        reader.onGone(key.db);
        this.#sink.onGone(key);
      },
      onRefused: (key, error) => this.#refuse(key, error),
      onElsewhere: (key, error) => {
        this.#redirect({ ...key, asking: false }, reader, session.connection.peer, error);
        this.#channel.release();
      },
    };
    return this.#options.newKeyReader(session, sink, this.#largeValues);
  }

  /** The key was answered before, as one that is large. */
  #onLargeGone(db: number, key: Buffer): void {
    const node = this.#deployment.nodeOf(key);
    if (node !== undefined) this.#readers.get(node.id)?.onGone(db);
  }

  #redirect(place: KeyPlace, { refused }: NodeReader, asked: Peer, error: ReplyError): void {
    const node = this.#redirects.redirect(place, place.key, slotOf(place.key), asked, error, refused);
    if (node !== undefined) this.readerOf(node).read({ ...place, asking: true });
  }
}
