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

/** A descriptor of a file that has no name any more. */
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

/** @throws RespError, where there is no room for them, say */
export async function writeTemporary(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  } catch (error) {
    throw temporaryError(error);
  }
}

/** What the system says against writing one. */
function temporaryError(cause: unknown): RespError {
  const { code, message } = writeError(`into ${tmpdir()}`, cause);
  return new RespError(code, message, { cause, hint: 'name a folder that has room by TMPDIR' });
}

/** Bytes of a stream that comes only once, kept in a temporary file for as long as somebody may read them. */
export class Spool {
  #handle: FileHandle | undefined;
  #size = 0;
  /** Views of what was added and is not written. */
  #waiting: Buffer[] = [];
  #reason: Error | undefined;

  /** Bytes that were added since it was cleared. */
  get size(): number {
    return this.#size;
  }

  /** A view does, until it is written. */
  add(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#size += bytes.length;
  }

  /**
   * Writes what was added: nothing of it can be read before.
   * @throws RespError
   */
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    let position = this.#size - waiting.reduce((sum, { length }) => sum + length, 0);
    const handle = (this.#handle ??= await openTemporary());
    for (const bytes of waiting) {
      // It may have been closed meanwhile.
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

  /** Nobody will read what was written: the disk has its room again. */
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
