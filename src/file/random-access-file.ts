// A file that is read at any offset, synchronously. Its bytes come from one descriptor, whatever happens to its name meanwhile.

import type { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { RespError } from '../../resp/errors.ts';
import { countOf, formatCount } from '../../resp/figures.ts';
import { isSystemError, readError } from './file-error.ts';
import { isPacked, openRegular, readAt } from './regular-file.ts';
import { openTemporary, writeTemporary } from './temporary-file.ts';
import { PackingError, unpack } from './unpack.ts';

export class RandomAccessFile {
  /** Its name in messages. */
  readonly name: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  readonly #handle: FileHandle;
  #reason: Error | undefined;

  /** Whether the bytes were packed in the file of that name. */
  readonly isUnpacked: boolean;
  /** Why a packed file could not be unpacked to its end. */
  readonly fault: PackingError | undefined;

  /**
   * A packed file is unpacked into a temporary one.
   * @param demandGoing called now and then; throws to end it
   * @throws RespError with the code of the system
   */
  static async open(path: string, demandGoing: () => void = () => {}): Promise<RandomAccessFile> {
    const { handle, size } = await openRegular(path);
    if (!(await isPacked(handle))) return new RandomAccessFile(path, false, size, handle);
    const unpacked = await openTemporary();
    try {
      return new RandomAccessFile(path, true, ...(await unpackInto(unpacked, handle, path, demandGoing)));
    } catch (error) {
      await unpacked.close();
      throw error;
    } finally {
      await handle.close();
    }
  }

  /** A plain file that somebody has opened. */
  static of(name: string, size: number, handle: FileHandle): RandomAccessFile {
    return new RandomAccessFile(name, false, size, handle);
  }

  private constructor(name: string, isUnpacked: boolean, size: number, handle: FileHandle, fault?: PackingError) {
    this.name = name;
    this.isUnpacked = isUnpacked;
    this.size = size;
    this.fault = fault;
    this.#handle = handle;
  }

  /**
   * Fills `length` bytes of `into`, from `offset` on, with those of the file from `position` on.
   * @throws RespError; the reason of `close` once it is closed
   */
  read(into: Buffer, offset: number, length: number, position: number): void {
    if (this.#reason !== undefined) throw this.#reason;
    const done = this.#readSome(into, offset, length, position);
    if (done < length) throw this.#shrunk(position + done);
  }

  /** The first reason counts. */
  close(reason: Error = new RespError('CLOSED', `Cannot read ${this.name}: it was closed`)): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#handle.close().catch(() => {});
  }

  #readSome(into: Buffer, offset: number, length: number, position: number): number {
    try {
      return readAt(this.#handle, into, offset, length, position);
    } catch (error) {
      throw readError(this.name, error);
    }
  }

  #shrunk(size: number): RespError {
    return new RespError(
      'IO',
      `Cannot read ${this.name}: it had ${countOf(this.size, 'byte')}, and now it has but ${formatCount(size)}`,
    );
  }
}

/** Everything that is whole before a fault is unpacked, and the fault is returned. */
async function unpackInto(
  unpacked: FileHandle,
  packed: FileHandle,
  path: string,
  demandGoing: () => void,
): Promise<[size: number, unpacked: FileHandle, fault?: PackingError]> {
  let size = 0;
  try {
    for await (const chunk of unpack(packed.createReadStream({ start: 0, autoClose: false }))) {
      demandGoing();
      await writeTemporary(unpacked, chunk, size);
      size += chunk.length;
    }
    return [size, unpacked];
  } catch (error) {
    if (error instanceof PackingError) return [size, unpacked, error];
    throw isSystemError(error) ? readError(path, error) : error;
  }
}
