// A file that is read from any place, at once. Its bytes come from one descriptor, whatever becomes of its name meanwhile.

import type { Buffer } from 'node:buffer';
import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { RespError } from '../../resp/errors.ts';
import { readError } from './file-error.ts';
import { openRegular } from './regular-file.ts';

export class RandomAccessFile {
  /** As messages call it. */
  readonly name: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  readonly #handle: FileHandle;
  #reason: Error | undefined;

  /** @throws RespError with the code of the system */
  static async open(path: string): Promise<RandomAccessFile> {
    const { handle, size } = await openRegular(path);
    return new RandomAccessFile(path, size, handle);
  }

  private constructor(name: string, size: number, handle: FileHandle) {
    this.name = name;
    this.size = size;
    this.#handle = handle;
  }

  /**
   * Fills `length` bytes of `into`, from `offset` on, with those of the file from `position` on.
   * @throws RespError; the reason of `close` once it is closed
   */
  read(into: Buffer, offset: number, length: number, position: number): void {
    if (this.#reason !== undefined) throw this.#reason;
    for (let done = 0; done < length;) {
      const count = this.#readSome(into, offset + done, length - done, position + done);
      if (count === 0) throw this.#shrunk(position + done);
      done += count;
    }
  }

  /** The first reason counts. */
  close(reason: Error = new RespError('CLOSED', `Cannot read ${this.name}: it was closed`)): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#handle.close().catch(() => {});
  }

  #readSome(into: Buffer, offset: number, length: number, position: number): number {
    try {
      return readSync(this.#handle.fd, into, offset, length, position);
    } catch (error) {
      throw readError(this.name, error);
    }
  }

  #shrunk(size: number): RespError {
    return new RespError('IO', `Cannot read ${this.name}: it had ${this.size} bytes, and now it has but ${size}`);
  }
}
