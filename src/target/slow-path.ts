// The way of values that RESTORE cannot carry: too large for one command, or in a form that the target does not read. They
// go beside the others, a few at a time, those of one name one after the other.

import { setTimeout as sleep } from 'node:timers/promises';
import { ReplyError, RespError } from '../../resp/errors.ts';
import { Ring } from '../../resp/ring.ts';
import { BREAKS } from '../cluster/suspects.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { RoutedClientOptions } from '../cluster/routed-client.ts';
import type { Node } from '../cluster/topology.ts';
import type { Channel } from '../flow/channel.ts';
import { sizeOf, type Entry } from '../flow/entry.ts';
import { formOf } from '../rdb/payload.ts';
import { learnDialect, type Dialect } from '../server/probes.ts';
import { CHANGED, LONG_PAGE } from '../keys/value-end.ts';
import { scopeOf } from '../server/refusal.ts';
import { ValueWriter, type ValueWriterOptions } from './value-writer.ts';
import type { NodeWriter } from './node-writer.ts';
import { temporaryNameFor } from './internal-names.ts';
import { VANISHED } from './value-builder.ts';
import { ValueClients } from './value-clients.ts';

export interface SlowPathOptions extends RoutedClientOptions, ValueWriterOptions {
  /** Values under way at once. */
  readonly atOnce: number;
}

/** What entries here, and all that is made of them, count against. */
export type Budget = Pick<Channel, 'park' | 'allot'>;

export interface SlowPathSink {
  /**
   * @param bytes of the key and the value, as it went
   * @param isSame whether it is the payload of the source
   */
  onWritten(entry: Entry, bytes: number, isSame: boolean): void;
  /** @param removed keys that the target had under its name, and has no more */
  onExpired(entry: Entry, removed: number): void;
  onRefused(entry: Entry, error: RespError): void;
  /** Only the source can read the value. Returns whether it can be asked: then the entry is settled, and comes again. */
  onUnknown(entry: Entry): boolean;
  /** It has to be read again. @param maybeWritten whether it was sent, and only the reply may be missing */
  onLost(entry: Entry, maybeWritten: boolean): void;
  /** Whether an older reading of the key may yet come another way. */
  isBehind(entry: Entry, name: Buffer): boolean;
  /** Settles when entries have come to the end of another way. */
  departed(): Promise<void>;
  /** A newer reading of the key has come while it waited: it needs not be written. */
  onSuperseded(entry: Entry): void;
  /** It only had to wait for another value of the same name. */
  onPassed(entry: Entry, name: Buffer): void;
  onFailed(error: unknown): void;
}

interface Item {
  readonly entry: Entry;
  /** Of key and payload. */
  readonly bytes: number;
  readonly name: Buffer;
  /** Whether it is to be written here, and does not only wait. */
  readonly isOurs: boolean;
  isUnderWay: boolean;
}

/** Codes of errors that concern one key, beside the replies of the target. */
const OF_KEY: ReadonlySet<string> = new Set(['PAYLOAD', 'TOO_LONG', CHANGED, LONG_PAGE, VANISHED, BREAKS]);
const CLEANING_MS = 2000;

export class SlowPath {
  readonly #deployment: Deployment;
  readonly #clients: ValueClients;
  readonly #writer: ValueWriter;
  readonly #budget: () => Budget;
  readonly #options: SlowPathOptions;
  readonly #sink: SlowPathSink;
  /** What is here of each name, the first one under way, or about to be. Of a key of the source one at most waits: the newest. */
  readonly #items = new Map<string, Item[]>();
  /** Names of which nothing is under way. */
  readonly #ready = new Ring<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #dialects = new Map<string, Promise<Dialect>>();
  #isStopped = false;

  constructor(deployment: Deployment, options: SlowPathOptions, budget: () => Budget, sink: SlowPathSink) {
    this.#deployment = deployment;
    this.#clients = new ValueClients(deployment, options);
    this.#writer = new ValueWriter(this.#clients, options, (bytes) => budget().allot(bytes));
    this.#budget = budget;
    this.#options = options;
    this.#sink = sink;
    options.limit.onChange(() => this.#begin());
  }

  /** Whether no value is on the way. */
  get isEmpty(): boolean {
    return this.#items.size === 0;
  }

  /** Whether a value of this name is on the way, which no other one may overtake. */
  has(name: Buffer): boolean {
    return this.#items.size > 0 && this.#items.has(name.toString('latin1'));
  }

  /** Whether a reading of the same key is here. */
  holds(entry: Entry, name: Buffer): boolean {
    return this.#items.get(name.toString('latin1'))?.some(isOf(entry)) === true;
  }

  /** The entry is kept. */
  add(entry: Entry, name: Buffer): void {
    this.#push({ entry, bytes: sizeOf(entry), name, isOurs: true, isUnderWay: false });
  }

  /** It comes back, by `onPassed`, behind those of its name that are on the way. */
  wait(entry: Entry, name: Buffer): void {
    this.#push({ entry, bytes: sizeOf(entry), name, isOurs: false, isUnderWay: false });
  }

  /** RESTORE says no more than that it would not. Whether the payload is only too new for the node has to be found out. */
  convert(entry: Entry, name: Buffer, writer: Pick<NodeWriter, 'dialect' | 'adapt'>): void {
    if (writer.dialect !== undefined) this.add(entry, name);
    else void this.#adapt(entry, name, writer);
  }

  /** Another process may have taken its place. */
  forget({ id }: Node): void {
    this.#dialects.delete(id);
  }

  /** Ends the value under way, and leaves nothing of it at the target. */
  async stop(reason: Error): Promise<void> {
    this.#isStopped = true;
    this.#writer.stop(reason);
    await Promise.race([Promise.all(this.#running), sleep(CLEANING_MS, undefined, { ref: false })]);
    this.#clients.stop(reason);
  }

  close(): void {
    this.#clients.close();
  }

  async #adapt(entry: Entry, name: Buffer, writer: Pick<NodeWriter, 'adapt'>): Promise<void> {
    try {
      writer.adapt(await this.#dialectFor(this.#options.targetDbOf(entry.db), name));
      this.#sink.onLost(entry, false);
    } catch (error) {
      this.#settle(entry, error);
    }
  }

  #settle(entry: Entry, error: unknown): void {
    if (!(error instanceof RespError)) this.#sink.onFailed(error);
    else if (isOfKey(error)) this.#sink.onRefused(entry, error);
    else if (error.retryable) this.#sink.onLost(entry, true);
    else this.#sink.onFailed(error);
  }

  #push(item: Item): void {
    this.#budget().park(item.bytes);
    const key = item.name.toString('latin1');
    const others = this.#items.get(key);
    if (others === undefined) {
      this.#items.set(key, [item]);
      this.#ready.push(key);
      this.#begin();
      return;
    }
    const isSameKey = isOf(item.entry);
    const at = others.findIndex((other) => !other.isUnderWay && isSameKey(other));
    const [older] = at === -1 ? [] : others.splice(at, 1);
    others.push(item);
    if (older === undefined) return;
    this.#budget().park(-older.bytes);
    this.#sink.onSuperseded(older.entry);
  }

  #begin(): void {
    const { atOnce, limit } = this.#options;
    while (!this.#isStopped && !limit.isPaused && this.#running.size < atOnce && this.#ready.length > 0) {
      const key = this.#ready.shift()!;
      const [first] = this.#items.get(key)!;
      if (!first!.isOurs) {
        this.#pass(key);
        continue;
      }
      const dealing = this.#deal(key);
      this.#running.add(dealing);
      void dealing.finally(() => {
        this.#running.delete(dealing);
        this.#begin();
      });
    }
  }

  async #deal(key: string): Promise<void> {
    const items = this.#items.get(key)!;
    // A newer one may take its place meanwhile.
    while (!this.#isStopped && this.#isBehind(items[0]!)) await this.#sink.departed();
    const first = items[0]!;
    if (!first.isOurs) return this.#pass(key);
    if (this.#isStopped) return;
    first.isUnderWay = true;
    try {
      await this.#write(first.entry, first.name);
    } catch (error) {
      if (this.#isStopped) return;
      this.#settle(first.entry, error);
    } finally {
      this.#release(key, 1);
    }
  }

  #isBehind({ entry, name, isOurs }: Item): boolean {
    return isOurs && this.#sink.isBehind(entry, name);
  }

  /** Those that waited go on together: one by one they would wait for each other again, and for ever. */
  #pass(key: string): void {
    const items = this.#items.get(key)!;
    const next = items.findIndex(({ isOurs }) => isOurs);
    const passed = this.#release(key, next === -1 ? items.length : next);
    for (const { entry, name } of passed) this.#sink.onPassed(entry, name);
  }

  async #write(entry: Entry, name: Buffer): Promise<void> {
    const dialect = await this.#dialectFor(this.#options.targetDbOf(entry.db), name);
    const fate = await this.#writer.write(entry, name, dialect);
    if (fate.state === 'written') this.#sink.onWritten(entry, fate.bytes, fate.isSame);
    else if (fate.state === 'expired') this.#sink.onExpired(entry, fate.removed);
    else if (!this.#sink.onUnknown(entry)) this.#sink.onRefused(entry, unknownForm(entry.payload!, fate.refusal));
  }

  /** What the node understands that serves this name. */
  #dialectFor(db: number, name: Buffer): Promise<Dialect> {
    const id = this.#deployment.nodeOf(name)?.id ?? '';
    const known = this.#dialects.get(id);
    if (known !== undefined) return known;
    const probe = temporaryNameFor(name);
    const learning = learnDialect(probe, (commands) => this.#clients.usual.ask(db, probe, commands));
    this.#dialects.set(id, learning);
    learning.catch(() => this.#dialects.delete(id));
    return learning;
  }

  /** Takes the first so many of the name out. */
  #release(key: string, count: number): readonly Item[] {
    const items = this.#items.get(key)!;
    const released = items.splice(0, count);
    if (items.length === 0) this.#items.delete(key);
    else this.#ready.push(key);
    for (const { bytes } of released) this.#budget().park(-bytes);
    return released;
  }
}

function isOf({ db, key }: Entry): (item: Item) => boolean {
  return ({ entry }) => entry.db === db && entry.key.equals(key);
}

/** Whether it concerns this value alone. */
export function isOfKey(error: RespError): boolean {
  return error instanceof ReplyError ? scopeOf(error) !== 'server' : OF_KEY.has(error.code);
}

function unknownForm(payload: Buffer, refusal: ReplyError | undefined): RespError {
  const said = refusal === undefined ? '' : ` (to RESTORE the target says: ${refusal.message})`;
  return new RespError('PAYLOAD', `Cannot write it: ${formOf(payload)}${said}`, { cause: refusal });
}
