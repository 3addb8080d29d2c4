// Reads the snapshot of a server as it comes, and puts what is in scope into the channel. Whoever has the connection hands in its
// chunks, and is told when to wait.

import type { Channel } from '../flow/channel.ts';
import { RespError } from '../../resp/errors.ts';
import { PayloadError } from '../rdb/payload.ts';
import { ArrivingBytes } from '../snapshot/arriving-bytes.ts';
import { SnapshotReader } from '../snapshot/snapshot-reader.ts';
import { FileScope, type FileScopeOptions } from './file-source.ts';
import { SnapshotEntries, tellLeftOut, type SnapshotClock, type SnapshotEntriesSink } from './snapshot-entries.ts';
import type { FileSink } from './source.ts';

/** Of what is no value: names, libraries of functions, what modules keep outside of keys. */
const MOST_BESIDE = 16 * 1024 * 1024;

export interface SnapshotIntakeOptions extends FileScopeOptions {
  /** Of the snapshot, in messages: `the snapshot of host:port`. */
  readonly name: string;
  /** Values of more bytes are not held, and have to be read elsewhere. */
  readonly bigKey: number;
  readonly clock: SnapshotClock;
  /** The page that all entries belong to, if any. */
  readonly page?: number;
}

export interface SnapshotSink extends FileSink, Pick<SnapshotEntriesSink, 'onKeys' | 'onRead' | 'onReadAll'> {
  /**
   * A key in scope whose value has to be read by commands: it is too large to be held, or of a form that rump does not know. It
   * may be gone by then.
   * @param key it holds until the call returns
   */
  onPassedOver(db: number, key: Buffer): void;
  /** Chunks may come again. */
  onDrain(): void;
}

/** The bytes are those of no snapshot that can be followed to its end; `code` is `SNAPSHOT`. */
export class SnapshotError extends RespError {
  override readonly name = 'SnapshotError';
  /** In bytes from the start. */
  readonly offset: number;

  constructor(message: string, offset: number, cause?: unknown) {
    super('SNAPSHOT', message, { cause });
    this.offset = offset;
  }
}

/** Holds what of the last chunk was not read yet, and of what comes next up to `bigKey` and 16 MiB, in twice the memory. */
export class SnapshotIntake {
  /**
   * Resolves when the last entry is in the channel; rejects with a SnapshotError, or the reason of `stop`. A key that has changed
   * since may be read only then: else what the snapshot has of it came behind what is newer.
   */
  readonly done: Promise<void>;
  readonly #channel: Channel;
  readonly #sink: SnapshotSink;
  readonly #bytes: ArrivingBytes;
  readonly #snapshot: SnapshotReader;
  readonly #entries: SnapshotEntries;
  /** `waiting`: the channel is full. */
  #state: 'reading' | 'waiting' | 'over' = 'reading';
  #settle!: { readonly resolve: () => void; readonly reject: (reason: unknown) => void };
  #reason: unknown;

  constructor(channel: Channel, options: SnapshotIntakeOptions, sink: SnapshotSink) {
    const { name, bigKey, clock, page } = options;
    this.#channel = channel;
    this.#sink = sink;
    this.#bytes = new ArrivingBytes(name, bigKey + MOST_BESIDE);
    this.#snapshot = new SnapshotReader(this.#bytes, { bigKey });
    const how = page === undefined ? { clock } : { clock, page };
    this.#entries = new SnapshotEntries(new FileScope(options), sink, () => this.#demandRunning(), how);
    this.done = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.done.catch(() => {});
  }

  /** Bytes that were read. */
  get at(): number {
    return this.#snapshot.at;
  }

  /** Takes a copy of the next bytes. False: no more of them are wanted before `onDrain`. */
  push(chunk: Uint8Array): boolean {
    if (this.#state === 'over') return true;
    this.#bytes.push(chunk);
    this.#read();
    return !this.#isWaiting;
  }

  /** That were all bytes. */
  end(): void {
    if (this.#state === 'over') return;
    this.#bytes.end();
    this.#read();
  }

  /** Nothing more comes, and what came was not all. The first reason counts. */
  stop(reason: unknown): void {
    this.#reason ??= reason;
    this.#end(() => this.#settle.reject(this.#reason));
  }

  get #isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  #demandRunning(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  #read(): void {
    if (this.#state !== 'reading' || !this.#bytes.isReady) return;
    // Whoever waits for a channel that is closed is told why it is.
    if (!this.#channel.isOpen) return this.#wait();
    try {
      const found = this.#entries.read(this.#snapshot, this.#channel, Infinity);
      if (found === 'end') this.#end(() => this.#settle.resolve());
      else if (found === 'key') this.#wait();
    } catch (error) {
      this.stop(
        error instanceof PayloadError ? new SnapshotError(error.message, error.offset ?? this.at, error) : error,
      );
    }
  }

  #wait(): void {
    this.#state = 'waiting';
    this.#channel.passable().then(
      () => this.#goOn(),
      (reason: unknown) => this.stop(reason),
    );
  }

  #goOn(): void {
    if (!this.#isWaiting) return;
    this.#state = 'reading';
    this.#read();
    if (!this.#isWaiting) this.#sink.onDrain();
  }

  #end(settle: () => void): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    tellLeftOut(this.#snapshot, this.#sink);
    settle();
  }
}
