// A file that comes into being under another name beside its own, and takes its own, in one go, when it is whole on disk.

import { randomBytes } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { access, constants, open, realpath, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { HIGH_WATER_BYTES, type OutputFile } from './output-file.ts';

const PERMISSIONS = 0o777;

export class ReplacedFile implements OutputFile {
  readonly name: string;
  readonly stream: Writable;
  readonly isKept = false;
  readonly #handle: FileHandle;
  /** What `name` means behind symbolic links. */
  readonly #path: string;
  readonly #temporary: string;
  readonly #onExit: () => void;

  /** @param mode that of the file that is there already: the new one gets its permissions */
  static async open(name: string, mode: number | undefined): Promise<ReplacedFile> {
    const path = mode === undefined ? name : await realpath(name);
    // A rename would not ask.
    if (mode !== undefined) await access(path, constants.W_OK);
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    const handle = await open(temporary, 'wx');
    const file = new ReplacedFile(name, path, temporary, handle);
    try {
      if (mode !== undefined) await handle.chmod(mode & PERMISSIONS);
    } catch (error) {
      await file.discard();
      throw error;
    }
    return file;
  }

  private constructor(name: string, path: string, temporary: string, handle: FileHandle) {
    this.name = name;
    this.stream = handle.createWriteStream({ autoClose: false, highWaterMark: HIGH_WATER_BYTES });
    this.#handle = handle;
    this.#path = path;
    this.#temporary = temporary;
    // The second interrupt does not wait.
    this.#onExit = () => removeNow(temporary);
    process.once('exit', this.#onExit);
  }

  async finish(): Promise<void> {
    if (!this.stream.writableEnded) this.stream.end();
    await finished(this.stream);
    await this.#handle.sync();
    await this.#close();
  }

  async publish(): Promise<void> {
    await rename(this.#temporary, this.#path);
    process.off('exit', this.#onExit);
    await syncFolder(dirname(this.#path));
  }

  async discard(): Promise<void> {
    await this.#close().catch(() => {});
    await unlink(this.#temporary).catch(() => {});
    process.off('exit', this.#onExit);
  }

  /** The handle waits for its stream to let go of it. */
  async #close(): Promise<void> {
    this.stream.destroy();
    await this.#handle.close();
  }
}

/** Makes the rename last. Where folders cannot be opened or synced there is nothing to be had; a broken disk is told. */
async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | undefined;
  try {
    folder = await open(path);
    await folder.sync();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') throw error;
  } finally {
    await folder?.close();
  }
}

function removeNow(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone already.
  }
}
