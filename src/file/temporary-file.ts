// Temporary files that nobody else can open: the name is removed at once, and the disk space is freed with the descriptor,
// however the program ends.

import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RespError } from '../../resp/errors.ts';
import { writeError } from './file-error.ts';
import { readAt } from './regular-file.ts';

/** Opens a file that has no name any more. */
export async function openTemporary(): Promise<FileHandle> {
  const path = join(tmpdir(), `rump-${randomUUID()}`);
  try {
    const handle = await open(path, 'wx+', 0o600);
    await unlink(path);
    return handle;
  } catch (error) {
    throw temporaryError(error);
  }
}

/** @throws RespError, for example if the disk is full */
export async function writeTemporary(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  } catch (error) {
    throw temporaryError(error);
  }
}

/** An error of the system about a temporary file. */
function temporaryError(cause: unknown): RespError {
  const { code, message } = writeError(`into ${tmpdir()}`, cause);
  return new RespError(code, message, { cause, hint: 'name a folder that has room by TMPDIR' });
}

/** Bytes of a stream that can be read only once, kept in a temporary file as long as they may be needed. */
export class Spool {
  #handle: FileHandle | undefined;
  #size = 0;
  /** Views of bytes that were added and not written yet. */
  #waiting: Buffer[] = [];
  #reason: Error | undefined;

  /** Bytes that were added since it was cleared. */
  get size(): number {
    return this.#size;
  }

  /** The bytes may be a view that stays valid until `flush` is over. */
  add(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#size += bytes.length;
  }

  /**
   * Writes what was added, which can be read from then on.
   * @throws RespError
   */
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    let position = this.#size - waiting.reduce((sum, { length }) => sum + length, 0);
    const handle = (this.#handle ??= await openTemporary());
    for (const bytes of waiting) {
      // `close` may have been called meanwhile.
      if (this.#reason !== undefined) break;
      await writeTemporary(handle, bytes, position);
      position += bytes.length;
    }
    if (this.#reason === undefined) return;
    handle.close().catch(() => {});
    throw this.#reason;
  }

  /** Fills `length` bytes of `into`, from `offset` on, with those from `position` on. */
  read(into: Buffer, offset: number, length: number, position: number): void {
    if (this.#reason !== undefined) throw this.#reason;
    try {
      const done = readAt(this.#handle!, into, offset, length, position);
      if (done < length) throw new Error(`it ends at byte ${position + done}`);
    } catch (error) {
      throw temporaryError(error);
    }
  }

  /** Frees the disk space: what was written is not needed any more. */
  async clear(): Promise<void> {
    this.#size = 0;
    await this.#handle?.truncate(0);
  }

  /** The first reason counts. */
  close(reason: Error = new RespError('CLOSED', 'Cannot read a temporary file: it was closed')): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#handle?.close().catch(() => {});
  }
}
