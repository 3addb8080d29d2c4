// Reads entries from a stream of RESTORE frames: a file, or stdin.

import { Buffer } from 'node:buffer';
import { setImmediate as turn } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import type { Channel } from '../channel.ts';
import type { Entry } from '../entry.ts';
import { EntryRing, newEntry } from '../entry-ring.ts';
import { isSystemError, readError } from '../file/file-error.ts';
import { FrameReader } from '../file/frame-reader.ts';
import { InputFile } from '../file/input-file.ts';
import { PackingError } from '../file/unpack.ts';
import { NEVER, type ExpiryMode } from '../redis/expiry.ts';
import type { Source, SourceSink } from './source.ts';

export interface RespSourceOptions {
  /** The databases whose keys are in scope. */
  readonly databases: ReadonlySet<number> | 'all';
  /** Whether a key of these databases is. */
  readonly includes: (key: Buffer, payload: Buffer) => boolean;
  /** `exact`: `expireAt` is as the stream has it; `dropped`: nothing expires. */
  readonly mode: Exclude<ExpiryMode, 'relative'>;
  /** Whether IDLETIME and FREQ are carried. */
  readonly preserveIdle: boolean;
  /** Bytes of a key or payload. Default 1 GiB. */
  readonly maxPayload?: number;
}

export class RespSource implements Source {
  readonly #path: string;
  readonly #options: RespSourceOptions;
  readonly #sink: Pick<SourceSink, 'onGone'>;
  /** The one that is being read: each is copied from here into the channel. */
  readonly #entry: Entry = newEntry();
  /** Given back, and pushed in the next turn. */
  readonly #returned = new EntryRing();
  #input: InputFile | undefined;
  #channel: Channel | undefined;
  /** Whether something was left out. A view keeps its chunk alive, so what is left in is copied from then on. */
  #isSparse = false;
  #isDone = false;
  /** What is to be read: all of it first, then what may be lost at the target. */
  readonly #demands: ((key: Buffer) => boolean)[] = [() => true];
  #wanted: (key: Buffer) => boolean = () => true;
  #reason: Error | undefined;
  #reject: (reason: Error) => void = () => {};

  /** @param path a file, packed where it ends in .gz, or `-` for stdin */
  constructor(path: string, options: RespSourceOptions, sink: Pick<SourceSink, 'onGone'>) {
    this.#path = path;
    this.#options = options;
    this.#sink = sink;
  }

  get fraction(): number {
    return this.#isDone ? 1 : (this.#input?.fraction ?? 0);
  }

  /** Rejects with a StreamError where the stream is damaged, once what was whole before is settled. */
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

  rescan(wanted: (key: Buffer) => boolean = () => true): void {
    const message = `Cannot read ${this.#input?.name} a second time: the target may have lost what it acknowledged`;
    if (this.#path === '-') this.stop(new RespError('STREAM', message, { hint: 'copy from a file' }));
    else this.#demands.push(wanted);
  }

  stop(reason: Error): void {
    this.#reason ??= reason;
    this.#input?.close(reason);
    this.#reject(reason);
  }

  async #read(channel: Channel): Promise<void> {
    for (let wanted = this.#demands.shift(); wanted !== undefined; wanted = this.#demands.shift()) {
      this.#wanted = wanted;
      await this.#readOnce(channel);
    }
    this.#isDone = true;
  }

  async #readOnce(channel: Channel): Promise<void> {
    const input = await InputFile.open(this.#path);
    this.#input = input;
    // It may have been stopped meanwhile, with nothing there yet to be closed.
    if (this.#reason !== undefined) input.close(this.#reason);
    const failure = await this.#readAll(input, channel).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    input.close();
    await channel.settled();
    while (this.#returned.length > 0) {
      await turn();
      await channel.settled();
    }
    if (failure !== undefined) throw failure;
  }

  async #readAll(input: InputFile, channel: Channel): Promise<void> {
    const { name, isPacked, size } = input;
    const { maxPayload } = this.#options;
    const frames = new FrameReader({
      name,
      isPacked,
      size: isPacked ? undefined : size,
      ...(maxPayload === undefined ? {} : { maxLength: maxPayload }),
    });
    try {
      for await (const chunk of input.chunks()) {
        frames.write(chunk);
        do await this.#writable(channel);
        while (this.#push(frames, channel));
      }
    } catch (error) {
      if (error instanceof PackingError) frames.end(error.message);
      throw isSystemError(error) ? readError(name, error) : error;
    }
    frames.end();
  }

  /** What was given back goes first: between its settling and its return it counts against no budget. */
  async #writable(channel: Channel): Promise<void> {
    await channel.writable();
    while (this.#returned.length > 0) {
      await turn();
      await channel.writable();
    }
  }

  /** Pushes as much as there is room for; whether there is more in the chunk. */
  #push(frames: FrameReader, channel: Channel): boolean {
    const entry = this.#entry;
    while (channel.room > 0) {
      if (this.#reason !== undefined) throw this.#reason;
      if (!frames.next(entry)) return false;
      if (!this.#isInScope(entry)) {
        this.#isSparse = true;
        continue;
      }
      if (this.#isSparse) {
        entry.key = compact(entry.key);
        entry.payload = compact(entry.payload!);
      }
      channel.push(entry);
    }
    return true;
  }

  /** Takes from the entry what is not to be carried. */
  #isInScope(entry: Entry): boolean {
    const { databases, includes, mode, preserveIdle } = this.#options;
    if (databases !== 'all' && !databases.has(entry.db)) return false;
    if (!includes(entry.key, entry.payload!) || !this.#wanted(entry.key)) return false;
    if (!preserveIdle) {
      entry.idle = -1;
      entry.frequency = -1;
    }
    if (mode === 'exact' || entry.expireAt === NEVER) return true;
    // A key that is no more does not come back for good.
    const isGone = entry.expireAt <= Date.now();
    if (isGone) this.#sink.onGone();
    entry.expireAt = NEVER;
    return !isGone;
  }

  #pushReturned(): void {
    while (this.#channel?.isOpen === true && this.#returned.take(this.#entry)) this.#channel.push(this.#entry);
  }
}

/** Bytes that keep little more than themselves alive. */
function compact(bytes: Buffer): Buffer {
  return bytes.length * 2 < bytes.buffer.byteLength ? Buffer.from(bytes) : bytes;
}
