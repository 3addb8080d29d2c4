// Reads entries from a snapshot, the .rdb file of a server.

import { setImmediate as turn } from 'node:timers/promises';
import type { Channel } from '../flow/channel.ts';
import { EntryView } from '../flow/entry-view.ts';
import { RandomAccessFile } from '../file/input-file.ts';
import { StreamError } from '../file/stream-ends.ts';
import { PackingError } from '../file/unpack.ts';
import { PayloadError } from '../rdb/payload.ts';
import { SnapshotReader } from '../snapshot/snapshot-reader.ts';
import { FileSource, type FileSourceOptions } from './file-source.ts';
import type { FileSink } from './source.ts';
import { NEVER } from '../rdb/milliseconds.ts';

export interface RdbSourceOptions extends FileSourceOptions {
  /** Values of more bytes are read in pieces. */
  readonly bigKey: number;
  /** Bytes of a payload. Default 1 GiB. */
  readonly maxPayload?: number;
}

/** The file is read at once: after so many bytes of it everybody else has a turn. */
const TURN_BYTES = 256 * 1024;

export class RdbSource extends FileSource {
  readonly #path: string;
  readonly #options: RdbSourceOptions;
  /** The one that is being read, where it lies. */
  readonly #entry = new EntryView();
  /** Stays open to the end: its name may lead to a newer one by then, and large values are read when they are written. */
  #file: RandomAccessFile | undefined;
  #snapshot: SnapshotReader | undefined;
  #hasTold = false;

  constructor(path: string, options: RdbSourceOptions, sink: FileSink) {
    super(options, sink);
    this.#path = path;
    this.#options = options;
  }

  protected override get fractionRead(): number {
    const { size = 0 } = this.#file ?? {};
    return size === 0 ? 0 : (this.#snapshot?.at ?? 0) / size;
  }

  protected override close(reason?: Error): void {
    this.#file?.close(reason);
  }

  protected override async readAll(channel: Channel): Promise<void> {
    const file = (this.#file ??= await RandomAccessFile.open(this.#path, () => this.demandRunning()));
    try {
      this.demandRunning();
      const snapshot = new SnapshotReader(file, this.#options);
      this.#snapshot = snapshot;
      do {
        await turn();
        await this.writable(channel);
      } while (this.#push(snapshot, channel));
      if (file.fault !== undefined) throw damaged(`Cannot read ${file.name}`, snapshot.at, file.fault);
    } catch (error) {
      throw error instanceof PayloadError
        ? damaged(error.message, error.offset ?? 0, file.fault ?? error.cause)
        : error;
    } finally {
      this.#tell();
    }
  }

  /** Pushes as much as there is room and time for; whether there is more in the file. */
  #push(snapshot: SnapshotReader, channel: Channel): boolean {
    const entry = this.#entry;
    const end = snapshot.at + TURN_BYTES;
    while (channel.room > 0 && snapshot.at < end) {
      this.demandRunning();
      if (!snapshot.next(entry)) return false;
      const isAll = this.scope.takesAll(entry.db);
      if (!(isAll || this.#isWanted(entry, snapshot)) || !this.#isThere(entry)) continue;
      const { refusal } = snapshot;
      if (refusal !== undefined) this.sink.onReadRefused(entry.db, entry.key, refusal);
      else if (snapshot.take(entry) && (isAll || this.#carries(entry))) this.push(entry, channel);
    }
    return true;
  }

  #isWanted({ db, keyIn, keyAt, keyEnd }: EntryView, { type }: SnapshotReader): boolean {
    const { scope } = this;
    if (!scope.includes(db, keyIn.buffer.subarray(keyAt, keyEnd))) return false;
    // What nobody knows the type of may be of that one.
    return scope.type === undefined || type === undefined || scope.type === type;
  }

  #isThere(entry: EntryView): boolean {
    const isExpired = entry.expireAt !== NEVER && entry.expireAt <= Date.now();
    if (isExpired) this.sink.onExpired();
    return !isExpired && this.scope.strip(entry);
  }

  #carries(view: EntryView): boolean {
    const entry = view.copy();
    try {
      const isLeft = this.scope.carry(entry);
      if (isLeft) view.show(entry);
      else this.sink.onExpired();
      return isLeft;
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      this.sink.onReadRefused(entry.db, entry.key, error);
      return false;
    }
  }

  /** Once, however often the file is read. */
  #tell(): void {
    const snapshot = this.#snapshot;
    if (snapshot === undefined || this.#hasTold) return;
    this.#hasTold = true;
    for (const [kind, { names, count }] of snapshot.leftOut.parts) {
      this.sink.onNotice({ code: 'LEFT_OUT', kind, names, count });
    }
    if (!snapshot.isChecked) this.sink.onNotice({ code: 'UNCHECKED' });
  }
}

/** @param cause what of it was already said, or why the file could not be unpacked */
function damaged(message: string, offset: number, cause: unknown): StreamError {
  return new StreamError(cause instanceof PackingError ? `${message}: ${cause.message}` : message, offset, { cause });
}
