// Reads entries from a snapshot, the .rdb file of a server.

import { setImmediate as turn } from 'node:timers/promises';
import type { Channel } from '../flow/channel.ts';
import { RandomAccessFile } from '../file/input-file.ts';
import { StreamError } from '../file/stream-ends.ts';
import { PackingError } from '../file/unpack.ts';
import { PayloadError } from '../rdb/payload.ts';
import { FileReader } from '../snapshot/file-reader.ts';
import { SnapshotReader } from '../snapshot/snapshot-reader.ts';
import { FileSource, type FileSourceOptions } from './file-source.ts';
import { SnapshotEntries, tellLeftOut } from './snapshot-entries.ts';
import type { FileSink } from './source.ts';

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
  readonly #entries: SnapshotEntries;
  /** Stays open to the end: its name may lead to a newer one by then, and large values are read when they are written. */
  #file: RandomAccessFile | undefined;
  #snapshot: SnapshotReader | undefined;
  #hasTold = false;

  constructor(path: string, options: RdbSourceOptions, sink: FileSink) {
    super(options, sink);
    this.#path = path;
    this.#options = options;
    this.#entries = new SnapshotEntries(this.scope, sink, () => this.demandRunning());
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
      const snapshot = new SnapshotReader(new FileReader(file, { sums: true }), this.#options);
      this.#snapshot = snapshot;
      do {
        await turn();
        await this.passable(channel);
      } while (this.#entries.read(snapshot, channel, snapshot.at + TURN_BYTES) !== 'end');
      if (file.fault !== undefined) throw damaged(`Cannot read ${file.name}`, snapshot.at, file.fault);
    } catch (error) {
      throw error instanceof PayloadError
        ? damaged(error.message, error.offset ?? 0, file.fault ?? error.cause)
        : error;
    } finally {
      this.#tell();
    }
  }

  /** Once, however often the file is read. */
  #tell(): void {
    const snapshot = this.#snapshot;
    if (snapshot === undefined || this.#hasTold) return;
    this.#hasTold = true;
    tellLeftOut(snapshot, this.sink);
  }
}

/** @param cause what of it was already said, or why the file could not be unpacked */
function damaged(message: string, offset: number, cause: unknown): StreamError {
  return new StreamError(cause instanceof PackingError ? `${message}: ${cause.message}` : message, offset, { cause });
}
