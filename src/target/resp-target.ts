// Writes entries into a stream of RESTORE frames: a file, or stdout.

import { idOf, NO_PAGE } from '../flow/key-id.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bytes } from '../../resp/bytes.ts';
import { RespError } from '../../resp/errors.ts';
import type { Parts } from '../../resp/parts.ts';
import type { Channel } from '../flow/channel.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { newEntry, sizeOf, type Entry, type LargeValue } from '../flow/entry.ts';
import { Settling } from '../flow/settling.ts';
import { writeError } from '../file/regular-file.ts';
import { FrameEncoder, type Frame, PieceWriter } from '../file/frame-encoder.ts';
import { openOutput, type OutputFile } from '../file/output-file.ts';
import { BEGIN, StreamSum } from '../file/stream-ends.ts';
import type { ExpiryMode } from '../flow/expiry.ts';
import { GONE } from '../keys/value-end.ts';
import { isOfKey } from './slow-path.ts';
import { collision, type Collisions } from './key-names.ts';
import { RateLimit, takePiece } from './rate-limit.ts';
import type { Target, TargetSink } from './target.ts';
import { wholeValueOf } from './whole-value.ts';
import { ceiling, NEVER, plus, type Milliseconds } from '../rdb/milliseconds.ts';

export interface RespTargetOptions {
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

type RespTargetSink = Pick<TargetSink, 'onWritten' | 'onConverted' | 'onExpired' | 'onWriteRefused'>;

const NO_BYTES = Buffer.alloc(0);
/** How often somebody who waits for the stream looks whether the copy was stopped meanwhile. */
const LOOK_MS = 100;
/** How long bytes for stdout are still waited for once the copy has failed or was interrupted. */
const GRACE_MS = 5000;
/** What is written at once, about: several chunks make one system call. */
const WRITE_BYTES = 192 * 1024;

export class RespTarget implements Target {
  readonly #path: string;
  readonly #options: RespTargetOptions;
  readonly #sink: RespTargetSink;
  readonly #encoder = new FrameEncoder(() => this.#flushMany());
  /** The one that is being written: each is moved here out of the channel. */
  readonly #entry: Entry = newEntry();
  readonly #frame: Frame = { ...newEntry(), payload: NO_BYTES };
  readonly #sum = new StreamSum();
  /** Encoded and summed, to be written together, and how many bytes; with the chunks that are free then. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #spent: Bytes[] = [];
  #channel: Channel | undefined;
  #pieces: PieceWriter | undefined;
  /** Encoded whole, and not yet given to the stream; and how many bytes went. */
  #settling = new Settling();
  #bytesWritten = 0;
  /** Whether the entry has to wait until a value is there that is read in pieces. */
  #isHeld = false;
  /** Database and name of that value, until its bytes have left: there is one at a time. */
  #gathering: string | undefined;
  #isStopped = false;
  #isFlushDue = false;
  readonly #limit: RateLimit;
  /** Whether entries go under their own names, and none has to be looked for. */
  readonly #isPlain: boolean;

  /** @param path a file, packed where it ends in .gz, or `-` for stdout */
  constructor(path: string, options: RespTargetOptions, sink: RespTargetSink) {
    this.#path = path;
    this.#options = options;
    this.#isPlain = !options.renames && options.collisions === undefined;
    this.#limit = options.limit ?? new RateLimit();
    this.#sink = sink;
  }

  /** When this returns the file is there, whole and under its name; where it rejects, what was there before still is. */
  async write(channel: Channel): Promise<void> {
    const output = await openOutput(this.#path);
    // Nobody else may be awake to see it.
    const pieces = new PieceWriter(output.stream, (error) => channel.abort(writeError(output.name, error)));
    const fail = (error: unknown): never => {
      throw writeError(output.name, error);
    };
    this.#channel = channel;
    this.#pieces = pieces;
    channel.handTo({ take: (entry) => this.#writeAtOnce(entry) && this.#flushSoon() });
    try {
      this.#begin();
      while (await channel.readable()) {
        while (!this.#encode(channel, pieces)) {
          this.#flush();
          await this.#until(() => this.#gathering === undefined, output);
        }
        // Nobody may wait for entries that wait here for company.
        if (channel.length === 0) this.#flush();
        else await this.#pace();
        await this.#until(() => !pieces.isFull, output);
      }
      await this.#end(channel, output);
      await output.finish().catch(fail);
      // The last moment in which the copy can be stopped.
      await channel.readable();
      await output.publish().catch(fail);
    } catch (error) {
      this.#isStopped = true;
      if (output.isKept) await this.#linger(pieces);
      await output.discard();
      throw error;
    }
  }

  #begin(): void {
    this.#encoder.ping(BEGIN);
    this.#flush();
    this.#sum.reset();
  }

  /** What was stopped or has failed gets no end, and so it is known. */
  async #end(channel: Channel, output: OutputFile): Promise<void> {
    const isEmpty = (): boolean => this.#pieces!.isEmpty;
    this.#encoder.goHome();
    this.#flush();
    await this.#until(isEmpty, output);
    await channel.readable();
    this.#encoder.ping(this.#sum.end);
    this.#flush();
    await this.#until(isEmpty, output);
  }

  /** The way of nearly all entries: out of the memory where they lie. False where there is more to be seen to. */
  #writeAtOnce(entry: EntryView): boolean {
    if (
      !this.#isPlain ||
      !this.#limit.isOpen ||
      entry.kind !== 'value' ||
      this.#isHeld ||
      this.#gathering !== undefined
    )
      return false;
    const pieces = this.#pieces!;
    if (pieces.isFull || pieces.error !== undefined) return false;
    const { db, page, size, expireAt } = entry;
    if (this.#isExpired(entry)) {
      this.#sink.onExpired(entry.page);
      this.#channel!.settle(entry.page, size);
      return true;
    }
    this.#encoder.restoreView(entry, this.#options.targetDbOf(db), this.#expiryOf(expireAt));
    this.#count(page, size, size);
    return true;
  }

  /** False where the entry that was taken last has to wait. */
  #encode(channel: Channel, pieces: PieceWriter): boolean {
    const entry = this.#entry;
    const { collisions, targetNameOf } = this.#options;
    const limit = this.#limit;
    for (let head = channel.head; head !== undefined && this.#writeAtOnce(head); head = channel.head) channel.drop();
    while (this.#isHeld || (!pieces.isFull && limit.waitMs() === 0 && channel.take(entry))) {
      this.#isHeld = this.#mustWait(entry);
      if (this.#isHeld) return false;
      const { payload, large } = entry;
      const size = sizeOf(entry);
      limit.take(size);
      // A value that a server still has may have another expiry when it is read.
      if (large?.whole === undefined && this.#isExpired(entry)) {
        this.#sink.onExpired(entry.page);
        channel.settle(entry.page, size);
        continue;
      }
      const name = targetNameOf(entry.key);
      if (collisions?.suspects(entry.db, entry.key, name) === true) {
        this.#sink.onWriteRefused(entry.db, entry.key, collision(), entry.page);
        channel.settle(entry.page, size);
      } else if (payload !== null) this.#restore(entry, name, payload);
      else if (large !== null) void this.#gather({ ...entry }, name, large, channel);
      else channel.settle(entry.page, size);
    }
    return true;
  }

  /** Nothing overtakes a value of the same key, and one that is read in pieces waits for the one before it. */
  #mustWait(entry: Entry): boolean {
    const gathering = this.#gathering;
    return gathering !== undefined && (entry.large !== null || gathering === idOf(entry));
  }

  #isExpired({ expireAt }: Pick<Entry, 'expireAt'>): boolean {
    const { mode, clock } = this.#options;
    return expireAt !== NEVER && mode !== 'dropped' && expireAt <= clock();
  }

  #restore(
    { db, key, page, expireAt, idle, frequency }: Entry,
    name: Buffer,
    payload: Buffer | Parts,
    size = payload.length,
  ): void {
    const frame = this.#frame;
    frame.db = this.#options.targetDbOf(db);
    frame.key = name;
    frame.payload = payload;
    frame.expireAt = this.#expiryOf(expireAt);
    frame.idle = idle;
    frame.frequency = frequency;
    this.#encoder.restore(frame);
    this.#count(page, key.length + size, key.length + payload.length);
  }

  /** As it is written. */
  #expiryOf(expireAt: Milliseconds): Milliseconds {
    const { mode, clock } = this.#options;
    if (expireAt === NEVER || mode === 'dropped') return NEVER;
    return mode === 'exact' ? ceiling(expireAt) : ceiling(plus(expireAt, Date.now() - clock()));
  }

  #count(page: number, bytes: number, written: number): void {
    this.#sum.keys++;
    this.#settling.add(page, bytes);
    this.#bytesWritten += written;
  }

  /** Others go on meanwhile. */
  async #gather(entry: Entry, name: Buffer, large: LargeValue, channel: Channel): Promise<void> {
    this.#gathering = idOf(entry);
    const demandGoing = (): void => this.#demandGoing();
    const pace = {
      demandGoing,
      take: (bytes: number) => takePiece(this.#limit, bytes, demandGoing),
    };
    const done = (): void => void (this.#gathering = undefined);
    try {
      const { payload, isGathered } = await wholeValueOf(large, pace);
      this.#demandGoing();
      entry.expireAt = large.expireAt ?? entry.expireAt;
      if (this.#isExpired(entry)) throw new RespError(GONE, 'It has expired');
      this.#restore(entry, name, payload, 0);
      // Nothing else keeps it alive.
      this.#frame.payload = NO_BYTES;
      if (isGathered) this.#sink.onConverted(entry.page);
      this.#flush(done);
    } catch (error) {
      done();
      if (this.#isStopped) return;
      if (!(error instanceof RespError) || !(error.code === GONE || isOfKey(error))) return channel.abort(error);
      if (error.code === GONE) this.#sink.onExpired(entry.page);
      else this.#sink.onWriteRefused(entry.db, entry.key, error, entry.page);
      channel.settle(entry.page, sizeOf(entry));
    }
  }

  #demandGoing(): void {
    if (this.#isStopped) throw new RespError('CLOSED', 'Cannot read on: the copy has ended');
  }

  async #pace(): Promise<void> {
    const wait = this.#limit.waitMs();
    if (wait === 0) return;
    this.#flush();
    await sleep(Math.min(wait, LOOK_MS));
  }

  /** Takes over what is encoded, and sums it while it is in the processor's cache. */
  #collect(): void {
    const { bytes } = this.#encoder;
    if (bytes.isEmpty) return;
    const { pieces, spent } = bytes.take();
    for (const piece of pieces) {
      this.#sum.update(piece);
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
    }
    this.#spent.push(...spent);
  }

  #flushMany(): void {
    this.#collect();
    if (this.#waitingBytes >= WRITE_BYTES) this.#flush();
  }

  /** At the end of this turn, with all that came in it. */
  #flushSoon(): true {
    if (this.#isFlushDue) return true;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      if (!this.#isStopped) this.#flush();
    });
    return true;
  }

  /** @param onLeft called when what there is has left, which is something */
  #flush(onLeft?: () => void): void {
    this.#collect();
    const [pieces, spent] = [this.#waiting, this.#spent];
    if (pieces.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#spent = [];
    const [settling, written] = [this.#settling, this.#bytesWritten];
    this.#settling = new Settling();
    this.#bytesWritten = 0;
    this.#pieces?.write(pieces, () => {
      this.#encoder.bytes.reuse(spent);
      onLeft?.();
      if (settling.entries === 0) return;
      this.#channel?.settleAll(settling);
      this.#sink.onWritten(settling.entries, written, NO_PAGE);
    });
  }

  /** Waits for the stream. A pipe that nobody reads must not hold up an interrupt: the channel tells of it. */
  async #until(isReached: () => boolean, output: OutputFile): Promise<void> {
    const pieces = this.#pieces!;
    for (;;) {
      if (pieces.error !== undefined) throw writeError(output.name, pieces.error);
      if (isReached()) return;
      await pieces.progress(LOOK_MS);
      if (!this.#channel!.isOpen && this.#channel!.length === 0) await this.#channel!.readable();
    }
  }

  /** What was counted as sent, and cannot be taken back, should go out whole. */
  async #linger(pieces: PieceWriter): Promise<void> {
    this.#flush();
    const deadline = performance.now() + GRACE_MS;
    while (pieces.error === undefined && !pieces.isEmpty && performance.now() < deadline)
      await pieces.progress(LOOK_MS);
  }
}
