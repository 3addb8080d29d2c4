// What all files have in common as sources: they are read from beginning to end, as often as needed, and what is given back
// goes into the channel again as it was.

import { setImmediate as turn } from 'node:timers/promises';
import type { Channel } from '../flow/channel.ts';
import { EntryRing } from '../flow/entry-ring.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { newEntry, type Entry } from '../flow/entry.ts';
import { ownCopy } from '../flow/own-copy.ts';
import { FileScope, type FileScopeOptions } from './file-scope.ts';
import type { FileSink, Source } from './source.ts';

export interface FileSourceOptions extends FileScopeOptions {
  /** Whether large values are still read when all is settled: then `stop` is the end of it. */
  readonly outlives?: boolean | undefined;
}

export abstract class FileSource implements Source {
  protected readonly scope: FileScope;
  protected readonly sink: FileSink;
  protected readonly outlives: boolean;
  /** Given back, and pushed in the next turn. */
  readonly #returned = new EntryRing();
  readonly #entry: Entry = newEntry();
  #channel: Channel | undefined;
  #isDone = false;
  /** What is to be read: all of it first, then what may be lost at the target. */
  readonly #demands: { wanted?: ((key: Buffer) => boolean) | undefined }[] = [{}];
  #reason: Error | undefined;
  #reject: (reason: Error) => void = () => {};

  constructor(options: FileSourceOptions, sink: FileSink) {
    this.scope = new FileScope(options);
    this.outlives = options.outlives === true;
    this.sink = sink;
  }

  get fraction(): number {
    return this.#isDone ? 1 : this.fractionRead;
  }

  /** Rejects with a StreamError where the file is damaged, once what was whole before is settled. */
  read(channel: Channel): Promise<void> {
    this.#channel = channel;
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#read(channel).then(resolve, reject);
    });
  }

  again(entry: Entry): void {
    const isFirst = this.#returned.length === 0;
    this.#returned.push({ ...entry, key: compact(entry.key), payload: entry.payload && compact(entry.payload) });
    // Not at once: a target that gives back in a loop must let others have a turn.
    if (isFirst) setImmediate(() => this.#pushReturned());
  }

  againInPieces(): boolean {
    return false;
  }

  rescan(wanted?: (key: Buffer) => boolean): void {
    this.#demands.push({ wanted });
  }

  stop(reason: Error): void {
    this.#reason ??= reason;
    this.close(reason);
    this.#reject(reason);
  }

  /** How much of the file was read this time, 0 to 1. */
  protected abstract get fractionRead(): number;

  /** Reads the file once, from its beginning, and pushes what is in scope. */
  protected abstract readAll(channel: Channel): Promise<void>;

  /** Ends a `readAll` under way, which rejects with the reason; the file is of no more use. */
  protected abstract close(reason?: Error): void;

  /** @throws the reason of `stop` */
  protected demandRunning(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** Pushes an entry where it lies, as long as the channel takes any: whoever waits for it next is told why it does not. */
  protected push(entry: EntryView, channel: Channel): void {
    channel.reserve();
    channel.pushReserved(entry);
  }

  /** What was given back goes first: between its settling and its return it counts against no budget. */
  protected async writable(channel: Channel): Promise<void> {
    await channel.writable();
    while (this.#returned.length > 0) {
      await turn();
      await channel.writable();
    }
  }

  /** Waits until all that was pushed is settled for good. */
  protected async settled(channel: Channel): Promise<void> {
    await channel.settled();
    while (this.#returned.length > 0) {
      await turn();
      await channel.settled();
    }
  }

  async #read(channel: Channel): Promise<void> {
    try {
      for (let demand = this.#demands.shift(); demand !== undefined; demand = this.#demands.shift()) {
        this.scope.wanted = demand.wanted;
        await this.#readOnce(channel);
      }
    } finally {
      if (!this.outlives) this.close();
    }
    this.#isDone = true;
    const names = this.scope.leftOutDatabases.map(String);
    if (names.length > 0) this.sink.onNotice({ code: 'LEFT_OUT', kind: 'databases', names, count: names.length });
  }

  async #readOnce(channel: Channel): Promise<void> {
    const failure = await this.readAll(channel).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    await this.settled(channel);
    if (failure !== undefined) throw failure;
  }

  #pushReturned(): void {
    while (this.#channel?.isOpen === true && this.#returned.take(this.#entry)) this.#channel.push(this.#entry);
  }
}

/** Bytes that keep little more than themselves alive. */
export function compact(bytes: Buffer): Buffer {
  return bytes.length * 2 < bytes.buffer.byteLength ? ownCopy(bytes) : bytes;
}
