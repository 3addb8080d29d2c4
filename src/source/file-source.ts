// What files have in common as sources: they are read from beginning to end, as often as needed, as far as their keys are in
// scope; and what is given back goes into the channel again as it was.

import { setImmediate as turn } from 'node:timers/promises';
import type { Channel } from '../flow/channel.ts';
import { EntryRing } from '../flow/entry-ring.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { newEntry, type Entry } from '../flow/entry.ts';
import type { ExpiryMode } from '../flow/expiry.ts';
import { ownCopy } from '../flow/own-copy.ts';
import type { FieldExpiries } from '../keys/expiries.ts';
import { NEVER } from '../rdb/milliseconds.ts';
import type { FileSink, Source } from './source.ts';

export interface FileScopeOptions {
  /** The databases whose keys are in scope. */
  readonly databases: ReadonlySet<number> | 'all';
  /** Whether a key of these databases is, by its name. */
  readonly includes: (key: Buffer) => boolean;
  /** Whether `includes` says so of every name: then it need not be asked. */
  readonly hasAllNames?: boolean;
  /** Of a name that lies there, also where all are in scope. Default: it may be. */
  readonly mayInclude?: (bytes: Buffer, start: number, end: number) => boolean;
  /** The type that a key in scope has; without it any. */
  readonly type?: string | undefined;
  /** `exact`: `expireAt` is as the file has it; `dropped`: nothing expires. */
  readonly mode: Exclude<ExpiryMode, 'relative'>;
  /** What becomes of the expiries of fields; without it they stay as they are. */
  readonly fields?: FieldExpiries | undefined;
  /** Whether idle times and frequencies are carried. */
  readonly preserveIdle: boolean;
}

/** Which keys of a file are copied, and what of them beside their values. */
export class FileScope {
  readonly type: string | undefined;
  /** What is wanted this time, of all that is in scope; without it everything. */
  wanted: ((key: Buffer) => boolean) | undefined;
  /** Whether `carry` does anything. */
  readonly changesValues: boolean;
  /** Whether nobody has to look at a key, or at its value. */
  readonly #takesAll: boolean;
  readonly #options: FileScopeOptions;
  readonly #leftOut = new Set<number>();

  constructor(options: FileScopeOptions) {
    this.type = options.type;
    this.#options = options;
    const { hasAllNames, type, fields } = options;
    this.changesValues = fields !== undefined;
    this.#takesAll = hasAllNames === true && type === undefined && !this.changesValues;
  }

  /** Whether keys of the database are in scope with their values as they are, of which `takes` says so. */
  takesAll(db: number): boolean {
    return this.#takesAll && this.wanted === undefined && this.takesFrom(db);
  }

  /** Whether the key that is shown is in scope, with its value as it is: its name is looked at where it lies. */
  takes({ db, keyIn, keyAt, keyEnd }: EntryView): boolean {
    return this.takesAll(db) && this.#options.mayInclude?.(keyIn.buffer, keyAt, keyEnd) !== false;
  }

  /** Whether keys of the database may be in scope. */
  takesFrom(db: number): boolean {
    const { databases } = this.#options;
    return databases === 'all' || databases.has(db);
  }

  /** Whether a key is in scope, whatever its type. */
  includes(db: number, key: Buffer): boolean {
    if (this.takesFrom(db)) return this.#options.includes(key) && this.wanted?.(key) !== false;
    this.#leftOut.add(db);
    return false;
  }

  /** Databases that hold keys, and that nobody asked for, of those seen so far. */
  get leftOutDatabases(): readonly number[] {
    return [...this.#leftOut].toSorted((a, b) => a - b);
  }

  /**
   * Does to the value what is to be done to it. False where nothing is left of it.
   * @throws PayloadError
   */
  carry(entry: Entry): boolean {
    const { fields } = this.#options;
    if (fields === undefined) return true;
    if (entry.large !== null) entry.large = fields.large(entry.large);
    if (entry.payload === null) return true;
    entry.payload = fields.payload(entry.payload);
    return entry.payload !== null;
  }

  /** Takes from the entry what is not to be carried. False for a key that is no more, and would come back for good. */
  strip(entry: Pick<Entry, 'idle' | 'frequency' | 'expireAt'>): boolean {
    const { mode, preserveIdle } = this.#options;
    if (!preserveIdle) {
      entry.idle = -1;
      entry.frequency = -1;
    }
    if (mode === 'exact' || entry.expireAt === NEVER) return true;
    const isGone = entry.expireAt <= Date.now();
    entry.expireAt = NEVER;
    return !isGone;
  }
}

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

  protected async writable(channel: Channel): Promise<void> {
    await this.#returnedFirst(() => channel.writable());
  }

  protected async passable(channel: Channel): Promise<void> {
    await this.#returnedFirst(() => channel.passable());
  }

  /** What was given back goes first: between its settling and its return it counts against no budget. */
  async #returnedFirst(whenReady: () => Promise<void>): Promise<void> {
    await whenReady();
    while (this.#returned.length > 0) {
      await turn();
      await whenReady();
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
