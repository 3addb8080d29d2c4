// Writes entries into a file, or to stdout: at a steady pace, and so that a file is there whole or not at all. What the bytes of
// an entry are, is for those to say that extend it.

import { idOf } from '../flow/key-id.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import type { Channel } from '../flow/channel.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { newEntry, sizeOf, type Entry, type LargeValue } from '../flow/entry.ts';
import { writeError } from '../file/regular-file.ts';
import { openOutput } from '../file/output-file.ts';
import type { ExpiryMode } from '../flow/expiry.ts';
import { GONE } from '../keys/value-end.ts';
import { isOfKey } from './slow-path.ts';
import { collision, type Collisions } from './key-names.ts';
import { LOOK_MS, OutgoingBytes, type Encoded } from './outgoing-bytes.ts';
import { RateLimit, takePiece } from './rate-limit.ts';
import type { Target, TargetSink } from './target.ts';
import type { Pace } from './whole-value.ts';
import { ceiling, NEVER, plus, type Milliseconds } from '../rdb/milliseconds.ts';

export interface FileTargetOptions {
  /** What `expireAt` of the entries means. `exact`: it is written as it is. */
  readonly mode: ExpiryMode;
  /** What `expireAt` is told by. */
  readonly clock: () => number;
  /** The database that the entries of this one are written for. */
  readonly targetDbOf: (db: number) => number;
  readonly targetNameOf: (key: Buffer) => Buffer;
  /** Whether any key has another name there. */
  readonly renames: boolean;
  readonly collisions?: Collisions | undefined;
  readonly limit?: RateLimit | undefined;
}

export type FileTargetSink = Pick<TargetSink, 'onWritten' | 'onConverted' | 'onExpired' | 'onWriteRefused'>;

/** What is to be written of a key; all of it is as the target is to have it. */
export interface Written {
  db: number;
  key: Buffer;
  /** Since 1970, or `NEVER`. */
  expireAt: Milliseconds;
  /** Seconds since the last use; -1 for none. */
  idle: number;
  /** 0 to 255; -1 for none. */
  frequency: number;
}

/** A value that was read in pieces, and is whole. */
export interface Gathered {
  /** Whether it is given another form than its source gives it. */
  readonly isConverted: boolean;
  /** Bytes that count as written for it. */
  readonly bytes: number;
  /** Encodes it; at each step there is enough to be flushed. */
  encode(written: Written): Iterable<void> | AsyncIterable<void>;
}

export abstract class FileTarget<Chunk> implements Target {
  readonly #path: string;
  readonly #options: FileTargetOptions;
  readonly #sink: FileTargetSink;
  /** The one that is being written: each is moved here out of the channel. */
  readonly #entry: Entry = newEntry();
  readonly #written: Written = newEntry();
  #channel: Channel | undefined;
  #outgoing: OutgoingBytes<Chunk> | undefined;
  /** Whether the entry has to wait until a value is there that is read in pieces. */
  #isHeld = false;
  /** Database and name of that value, until its bytes have left: there is one at a time. */
  #gathering: string | undefined;
  /** Whether it is being written, and nothing may come between. */
  #isAlone = false;
  readonly #limit: RateLimit;
  /** Whether entries go under their own names, and none has to be looked for. */
  readonly #isPlain: boolean;

  /** @param path a file, packed where it ends in .gz, or `-` for stdout */
  constructor(path: string, options: FileTargetOptions, sink: FileTargetSink) {
    this.#path = path;
    this.#options = options;
    this.#isPlain = !options.renames && options.collisions === undefined;
    this.#limit = options.limit ?? new RateLimit();
    this.#sink = sink;
  }

  /** Writes what stands before the first entry. */
  protected begin(): void {}

  /** What stands behind the last entry; and what says that this was all, once everything else has left. */
  protected leave(): void {}
  protected end(): void {}

  /** Encodes an entry where it lies, in database `db`. False where that cannot be done at once. */
  protected abstract encodeView(entry: EntryView, db: number, expireAt: Milliseconds): boolean;

  /** @throws RespError about this key alone: nothing was encoded */
  protected abstract encodePayload(written: Written, payload: Buffer): void;

  /** The value in the payload as one that is read in pieces, where it is too large to be encoded at once. */
  protected inPieces(_payload: Buffer): LargeValue | null {
    return null;
  }

  /** @throws RespError where the value cannot be had */
  protected abstract gather(large: LargeValue, pace: Pace): Promise<Gathered>;

  protected abstract takeEncoded(): Encoded<Chunk>;

  protected abstract reuse(spent: readonly Chunk[]): void;

  /** Called at the end, whatever it was. */
  protected close(): Promise<void> | void {}

  /** When this returns the file is there, whole and under its name; where it rejects, what was there before still is. */
  async write(channel: Channel): Promise<void> {
    const output = await openOutput(this.#path);
    const encoding = { take: () => this.takeEncoded(), reuse: (spent: readonly Chunk[]) => this.reuse(spent) };
    const outgoing = new OutgoingBytes(encoding, output, channel, this.#sink);
    const fail = (error: unknown): never => {
      throw writeError(output.name, error);
    };
    this.#channel = channel;
    this.#outgoing = outgoing;
    channel.handTo({ take: (entry) => this.#writeAtOnce(entry, channel, outgoing) && outgoing.flushSoon() });
    try {
      this.begin();
      while (await channel.readable()) {
        while (!this.#encode(channel, outgoing)) {
          outgoing.flush();
          await outgoing.until(() => this.#gathering === undefined);
        }
        // Nobody may wait for entries that wait here for company.
        if (channel.length === 0) outgoing.flush();
        else await this.#pace(outgoing);
        await outgoing.until(() => !outgoing.isFull);
      }
      await outgoing.until(() => this.#gathering === undefined);
      await this.#end(channel, outgoing);
      await output.finish().catch(fail);
      // The last moment in which the copy can be stopped.
      await channel.readable();
      await output.publish().catch(fail);
    } catch (error) {
      await outgoing.stop();
      await output.discard();
      throw error;
    } finally {
      await this.close();
    }
  }

  /** What was stopped or has failed gets no end, and so it is known. */
  async #end(channel: Channel, outgoing: OutgoingBytes<Chunk>): Promise<void> {
    const isEmpty = (): boolean => outgoing.isEmpty;
    this.leave();
    outgoing.flush();
    await outgoing.until(isEmpty);
    await channel.readable();
    this.end();
    outgoing.flush();
    await outgoing.until(isEmpty);
  }

  /** The way of nearly all entries: out of the memory where they lie. False where there is more to be seen to. */
  #writeAtOnce(entry: EntryView, channel: Channel, outgoing: OutgoingBytes<Chunk>): boolean {
    if (
      !this.#isPlain ||
      !this.#limit.isOpen ||
      entry.kind !== 'value' ||
      this.#isHeld ||
      this.#gathering !== undefined
    )
      return false;
    if (!outgoing.isOpen) return false;
    const { db, page, size, expireAt } = entry;
    if (this.#isExpired(entry)) {
      this.#sink.onExpired(page);
      channel.settle(page, size);
      return true;
    }
    if (!this.encodeView(entry, this.#options.targetDbOf(db), this.#expiryOf(expireAt))) return false;
    outgoing.count(page, size, size);
    return true;
  }

  /** False where the entry that was taken last has to wait. */
  #encode(channel: Channel, outgoing: OutgoingBytes<Chunk>): boolean {
    const entry = this.#entry;
    const { collisions, targetNameOf } = this.#options;
    const limit = this.#limit;
    let head = channel.head;
    for (; head !== undefined && this.#writeAtOnce(head, channel, outgoing); head = channel.head) channel.drop();
    while (this.#isHeld || (!outgoing.isFull && limit.waitMs() === 0 && channel.take(entry))) {
      const { payload } = entry;
      const large = payload === null ? entry.large : this.inPieces(payload);
      this.#isHeld = this.#mustWait(entry, large);
      if (this.#isHeld) return false;
      const size = sizeOf(entry);
      limit.take(size);
      // A value that a server still has may have another expiry when it is read.
      if (large?.whole === undefined && this.#isExpired(entry)) {
        this.#sink.onExpired(entry.page);
        channel.settle(entry.page, size);
        continue;
      }
      const name = targetNameOf(entry.key);
      if (collisions?.suspects(entry.db, entry.key, name) === true) this.#refuse(entry, size, collision());
      else if (large !== null) void this.#gather({ ...entry }, size, name, large);
      else if (payload !== null) this.#encodePayload(entry, size, name, payload);
      else channel.settle(entry.page, size);
    }
    return true;
  }

  /** Nothing overtakes a value of the same key, and one that is read in pieces waits for the one before it. */
  #mustWait(entry: Entry, large: LargeValue | null): boolean {
    const gathering = this.#gathering;
    return gathering !== undefined && (this.#isAlone || large !== null || gathering === idOf(entry));
  }

  #isExpired({ expireAt }: Pick<Entry, 'expireAt'>): boolean {
    const { mode, clock } = this.#options;
    return expireAt !== NEVER && mode !== 'dropped' && expireAt <= clock();
  }

  #encodePayload(entry: Entry, size: number, name: Buffer, payload: Buffer): void {
    try {
      this.encodePayload(this.#show(entry, name), payload);
      this.#outgoing!.count(entry.page, size, size);
    } catch (error) {
      if (!(error instanceof RespError) || !isOfKey(error)) throw error;
      this.#refuse(entry, size, error);
    }
  }

  #show({ db, expireAt, idle, frequency }: Entry, name: Buffer): Written {
    const written = this.#written;
    written.db = this.#options.targetDbOf(db);
    written.key = name;
    written.expireAt = this.#expiryOf(expireAt);
    written.idle = idle;
    written.frequency = frequency;
    return written;
  }

  /** As it is written. */
  #expiryOf(expireAt: Milliseconds): Milliseconds {
    const { mode, clock } = this.#options;
    if (expireAt === NEVER || mode === 'dropped') return NEVER;
    return mode === 'exact' ? ceiling(expireAt) : ceiling(plus(expireAt, Date.now() - clock()));
  }

  #refuse({ db, key, page }: Entry, size: number, error: RespError): void {
    this.#sink.onWriteRefused(db, key, error, page);
    this.#channel!.settle(page, size);
  }

  /** Others go on meanwhile, until it is there as a whole. */
  async #gather(entry: Entry, size: number, name: Buffer, large: LargeValue): Promise<void> {
    this.#gathering = idOf(entry);
    const demandGoing = (): void => this.#demandGoing();
    const pace = {
      demandGoing,
      take: (bytes: number) => takePiece(this.#limit, bytes, demandGoing),
    };
    try {
      const gathered = await this.gather(large, pace);
      this.#demandGoing();
      entry.expireAt = large.expireAt ?? entry.expireAt;
      if (this.#isExpired(entry)) throw new RespError(GONE, 'It has expired');
      await this.#encodeGathered(entry, size, name, gathered);
    } catch (error) {
      const wasAlone = this.#isAlone;
      this.#letGo();
      if (this.#outgoing!.isStopped) return;
      const isOfIt = !wasAlone && error instanceof RespError && (error.code === GONE || isOfKey(error));
      if (!isOfIt) return this.#channel!.abort(error);
      if (error.code !== GONE) return this.#refuse(entry, size, error);
      this.#sink.onExpired(entry.page);
      this.#channel!.settle(entry.page, size);
    }
  }

  async #encodeGathered(entry: Entry, size: number, name: Buffer, gathered: Gathered): Promise<void> {
    const outgoing = this.#outgoing!;
    this.#isAlone = true;
    for await (const _ of gathered.encode({ ...this.#show(entry, name) })) {
      outgoing.flush();
      await outgoing.until(() => !outgoing.isFull);
      this.#demandGoing();
    }
    outgoing.count(entry.page, size, entry.key.length + gathered.bytes);
    if (gathered.isConverted) this.#sink.onConverted(entry.page);
    outgoing.flush(() => this.#letGo());
  }

  #letGo(): void {
    this.#gathering = undefined;
    this.#isAlone = false;
  }

  #demandGoing(): void {
    if (this.#outgoing!.isStopped) throw new RespError('CLOSED', 'Cannot read on: the copy has ended');
  }

  async #pace(outgoing: OutgoingBytes<Chunk>): Promise<void> {
    const wait = this.#limit.waitMs();
    if (wait === 0) return;
    outgoing.flush();
    await sleep(Math.min(wait, LOOK_MS));
  }

  /** Call it when there is a chunk of encoded bytes. */
  protected collect(): void {
    this.#outgoing!.collect();
  }

  /** Gives to the stream what is encoded. */
  protected flush(): void {
    this.#outgoing!.flush();
  }
}
