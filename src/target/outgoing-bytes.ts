// Encoded bytes on their way into a file: several chunks are written together, and entries are settled once theirs have left.

import { Buffer } from 'node:buffer';
import { NO_PAGE } from '../flow/key-id.ts';
import type { Channel } from '../flow/channel.ts';
import { Settling } from '../flow/settling.ts';
import { PieceWriter } from '../file/frame-encoder.ts';
import type { OutputFile } from '../file/output-file.ts';
import { writeError } from '../file/regular-file.ts';
import type { TargetSink } from './target.ts';

/** Encoded bytes, and the chunks that are free once these have left. */
export interface Encoded<Chunk> {
  readonly pieces: readonly Buffer[];
  readonly spent: readonly Chunk[];
}

export interface Encoding<Chunk> {
  /** What is encoded by now. */
  take(): Encoded<Chunk>;
  reuse(spent: readonly Chunk[]): void;
}

/** How often somebody who waits for the stream looks whether the copy was stopped meanwhile. */
export const LOOK_MS = 100;
/** How long bytes for stdout are still waited for once the copy has failed or was interrupted. */
const GRACE_MS = 5000;
const NOTHING = Buffer.alloc(0);
/** What is written at once, about: several chunks make one system call. */
const WRITE_BYTES = 1024 * 1024;
/** How long fewer bytes wait for others: a system call for what each read of the source brings costs a tenth of the copy. */
const SOON_MS = 10;

export class OutgoingBytes<Chunk> {
  readonly #encoding: Encoding<Chunk>;
  readonly #output: OutputFile;
  readonly #writer: PieceWriter;
  readonly #channel: Channel;
  readonly #sink: Pick<TargetSink, 'onWritten'>;
  /** To be written together, and how many bytes; with the chunks that are free then. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #spent: Chunk[] = [];
  /** Encoded whole, and not yet given to the stream; and how many bytes went. */
  #settling = new Settling();
  #bytesWritten = 0;
  #isFlushDue = false;
  #isStopped = false;

  constructor(encoding: Encoding<Chunk>, output: OutputFile, channel: Channel, sink: Pick<TargetSink, 'onWritten'>) {
    this.#encoding = encoding;
    this.#output = output;
    this.#channel = channel;
    this.#sink = sink;
    // Nobody else may be awake to see it.
    this.#writer = new PieceWriter(output.stream, (error) => channel.abort(writeError(output.name, error)));
  }

  /** Whether more may be encoded. */
  get isOpen(): boolean {
    return !this.#writer.isFull && this.#writer.error === undefined;
  }

  get isFull(): boolean {
    return this.#writer.isFull;
  }

  /** Whether everything has left. */
  get isEmpty(): boolean {
    return this.#writer.isEmpty;
  }

  /** Whether the copy has ended before its time. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** An entry is encoded. @param size of it in the channel @param written bytes that count as written */
  count(page: number, size: number, written: number): void {
    this.#settling.add(page, size);
    this.#bytesWritten += written;
  }

  /** Takes over what is encoded; call it when there is a chunk of it. */
  collect(): void {
    this.#collect();
    if (this.#waitingBytes >= WRITE_BYTES) this.flush();
  }

  /** A moment later, with all that comes until then. */
  flushSoon(): true {
    if (this.#isFlushDue) return true;
    this.#isFlushDue = true;
    setTimeout(() => {
      this.#isFlushDue = false;
      if (!this.#isStopped) this.flush();
    }, SOON_MS);
    return true;
  }

  /** @param onLeft called when what there is has left */
  flush(onLeft?: () => void): void {
    this.#collect();
    const [pieces, spent] = [this.#waiting, this.#spent];
    if (pieces.length === 0) {
      if (this.#settling.entries === 0 && onLeft === undefined) return;
      // What was counted last has gone to the stream before it was counted: what follows it there tells of it.
      pieces.push(NOTHING);
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#spent = [];
    const [settling, written] = [this.#settling, this.#bytesWritten];
    this.#settling = new Settling();
    this.#bytesWritten = 0;
    this.#writer.write(pieces, () => {
      this.#encoding.reuse(spent);
      onLeft?.();
      if (settling.entries === 0) return;
      this.#channel.settleAll(settling);
      this.#sink.onWritten(settling.entries, written, NO_PAGE);
    });
  }

  /** Waits for the stream. A pipe that nobody reads must not hold up an interrupt: the channel tells of it. */
  async until(isReached: () => boolean): Promise<void> {
    const writer = this.#writer;
    for (;;) {
      if (writer.error !== undefined) throw writeError(this.#output.name, writer.error);
      if (isReached()) return;
      await writer.progress(LOOK_MS);
      if (!this.#channel.isOpen && this.#channel.length === 0) await this.#channel.readable();
    }
  }

  /** Where it cannot be taken back, what was counted as sent should go out whole. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (!this.#output.isKept) return;
    this.flush();
    const writer = this.#writer;
    const deadline = performance.now() + GRACE_MS;
    while (writer.error === undefined && !writer.isEmpty && performance.now() < deadline)
      await writer.progress(LOOK_MS);
  }

  #collect(): void {
    const { pieces, spent } = this.#encoding.take();
    for (const piece of pieces) {
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
    }
    if (spent.length > 0) this.#spent.push(...spent);
  }
}
