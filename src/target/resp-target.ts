// Writes entries into a stream of RESTORE frames: a file, or stdout.

import { setTimeout as sleep } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import type { Channel } from '../channel.ts';
import { sizeOf, type Entry } from '../entry.ts';
import { newEntry } from '../entry-ring.ts';
import { writeError } from '../file/file-error.ts';
import { FrameEncoder, type Frame } from '../file/frame-encoder.ts';
import { openOutput } from '../file/open-output.ts';
import type { OutputFile } from '../file/output-file.ts';
import { PieceWriter } from '../file/piece-writer.ts';
import { BEGIN, StreamSum } from '../file/stream-sum.ts';
import type { ExpiryMode } from '../redis/expiry.ts';
import { collision, type Collisions } from './collisions.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Target, TargetSink } from './target.ts';
import { ceiling, NEVER, plus } from '../milliseconds.ts';

export interface RespTargetOptions {
  /** What `expireAt` of the entries means. `exact`: it is written as it is. */
  readonly mode: ExpiryMode;
  /** What `expireAt` is told by. */
  readonly clock: () => number;
  /** The database that the entries of this one are written for. */
  readonly targetDbOf: (db: number) => number;
  readonly targetNameOf: (key: Buffer) => Buffer;
  readonly collisions?: Collisions | undefined;
  readonly limit?: RateLimit | undefined;
}

type RespTargetSink = Pick<TargetSink, 'onWritten' | 'onExpired' | 'onWriteRefused'>;

/** How often somebody who waits for the stream looks whether the copy was stopped meanwhile. */
const LOOK_MS = 100;
/** How long bytes for stdout are still waited for once the copy has failed or was interrupted. */
const GRACE_MS = 5000;

export class RespTarget implements Target {
  readonly #path: string;
  readonly #options: RespTargetOptions;
  readonly #sink: RespTargetSink;
  readonly #encoder = new FrameEncoder(() => this.#flush());
  /** The one that is being written: each is moved here out of the channel. */
  readonly #entry: Entry = newEntry();
  readonly #frame: Frame = { ...newEntry(), payload: Buffer.alloc(0) };
  readonly #sum = new StreamSum();
  #channel: Channel | undefined;
  #pieces: PieceWriter | undefined;
  /** Encoded whole, and not yet given to the stream. */
  #keys = 0;
  #bytes = 0;

  /** @param path a file, packed where it ends in .gz, or `-` for stdout */
  constructor(path: string, options: RespTargetOptions, sink: RespTargetSink) {
    this.#path = path;
    this.#options = options;
    this.#sink = sink;
  }

  /** When this returns the file is there, whole and under its name; where it rejects, what was there before still is. */
  async write(channel: Channel): Promise<void> {
    const output = await openOutput(this.#path);
    const pieces = new PieceWriter(output.stream);
    const fail = (error: unknown): never => {
      throw writeError(output.name, error);
    };
    this.#channel = channel;
    this.#pieces = pieces;
    try {
      this.#begin();
      while (await channel.readable()) {
        this.#encode(channel, pieces);
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

  #encode(channel: Channel, pieces: PieceWriter): void {
    const entry = this.#entry;
    const { mode, clock, collisions, limit, targetDbOf, targetNameOf } = this.#options;
    const now = clock();
    const toWallClock = mode === 'relative' ? Date.now() - now : 0;
    while (!pieces.isFull && (limit?.waitMs() ?? 0) === 0 && channel.take(entry)) {
      const { payload, expireAt } = entry;
      const size = sizeOf(entry);
      limit?.take(size);
      const expires = expireAt !== NEVER && mode !== 'dropped';
      if (expires && expireAt <= now) {
        channel.settle(1, size);
        this.#sink.onExpired();
        continue;
      }
      if (payload === null) {
        if (entry.large !== null) this.#sink.onWriteRefused(entry.db, entry.key, tooLarge());
        channel.settle(1, size);
        continue;
      }
      const name = targetNameOf(entry.key);
      if (collisions?.suspects(entry.db, entry.key, name) === true) {
        this.#sink.onWriteRefused(entry.db, entry.key, collision());
        channel.settle(1, size);
        continue;
      }
      const frame = this.#frame;
      frame.db = targetDbOf(entry.db);
      frame.key = name;
      frame.payload = payload;
      frame.expireAt = expires ? ceiling(plus(expireAt, toWallClock)) : NEVER;
      frame.idle = entry.idle;
      frame.frequency = entry.frequency;
      this.#encoder.restore(frame);
      this.#sum.keys++;
      this.#keys++;
      this.#bytes += size;
    }
  }

  async #pace(): Promise<void> {
    const wait = this.#options.limit?.waitMs() ?? 0;
    if (wait === 0) return;
    this.#flush();
    await sleep(Math.min(wait, LOOK_MS));
  }

  #flush(): void {
    const { bytes } = this.#encoder;
    if (bytes.isEmpty) return;
    const { pieces, spent } = bytes.take();
    for (const piece of pieces) this.#sum.update(piece);
    const [keys, size] = [this.#keys, this.#bytes];
    this.#keys = 0;
    this.#bytes = 0;
    this.#pieces?.write(pieces, () => {
      bytes.reuse(spent);
      if (keys === 0) return;
      this.#channel?.settle(keys, size);
      this.#sink.onWritten(keys, size);
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

/** RESTORE alone is what a stream has. */
function tooLarge(): RespError {
  return new RespError('TOO_LONG', 'Cannot write it as RESTORE: the value is too large for one command');
}
