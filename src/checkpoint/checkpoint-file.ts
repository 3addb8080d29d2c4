// A checkpoint in a file of its own, which is replaced as a whole, and held by one run at a time.

import { open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RespError } from '../../resp/errors.ts';
import { openRegular, readAt, writeError } from '../file/regular-file.ts';
import { syncFolder } from '../file/output-file.ts';
import { CHECKPOINT, formatCheckpoint, LONGEST_CHECKPOINT, parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { FileLock } from './file-lock.ts';
import type { CheckpointStore } from './store.ts';

/** It names keys. */
const PRIVATE = 0o600;

export class CheckpointFile implements CheckpointStore {
  readonly name: string;
  readonly wayOut = 'to begin anew, remove it or name another one';
  readonly #lock: FileLock;

  /** @throws RespError, where another run has it, or the folder cannot be written */
  static async open(path: string): Promise<CheckpointFile> {
    return new CheckpointFile(path, await FileLock.take(path));
  }

  private constructor(path: string, lock: FileLock) {
    this.name = path;
    this.#lock = lock;
  }

  async read(): Promise<Checkpoint | undefined> {
    const text = await this.#text();
    return text === undefined ? undefined : parseCheckpoint(text, this.name, this.wayOut);
  }

  /** Whoever reads it finds the one before or this one, whole, also where the machine stops in between. */
  async write(checkpoint: Checkpoint): Promise<number> {
    const temporary = `${this.name}.rump-tmp`;
    try {
      await unlink(temporary).catch(whenMissing);
      const handle = await open(temporary, 'wx', PRIVATE);
      try {
        await handle.writeFile(formatCheckpoint(checkpoint));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, this.name);
      await syncFolder(dirname(this.name));
      return 0;
    } catch (error) {
      throw writeError(this.name, error);
    }
  }

  async remove(): Promise<void> {
    try {
      await unlink(this.name).catch(whenMissing);
      await unlink(`${this.name}.rump-tmp`).catch(whenMissing);
      await syncFolder(dirname(this.name));
    } catch (error) {
      throw writeError(this.name, error);
    }
  }

  close(): void {
    this.#lock.release();
  }

  async #text(): Promise<string | undefined> {
    const file = await openRegular(this.name).catch((error: unknown) => {
      if (!(error instanceof RespError) || error.code !== 'ENOENT') throw error;
      return undefined;
    });
    if (file === undefined) return undefined;
    const { handle, size } = file;
    try {
      if (size > LONGEST_CHECKPOINT) {
        throw new RespError(CHECKPOINT, `Cannot go on from ${this.name}: it is no checkpoint of rump`, {
          hint: 'name another file',
        });
      }
      const bytes = Buffer.alloc(size);
      return bytes.toString('utf8', 0, readAt(handle, bytes, 0, size, 0));
    } finally {
      await handle.close();
    }
  }
}

function whenMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
