// A file that comes into being under another name beside its own, and takes its own, in one go, when it is whole on disk.

import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { HIGH_WATER_BYTES, type OutputFile } from './output-file.ts';
import { Replacement } from './replacement.ts';

export class ReplacedFile implements OutputFile {
  readonly name: string;
  readonly stream: Writable;
  readonly isKept = false;
  readonly #handle: FileHandle;
  readonly #replacement: Replacement;

  /** @throws RespError, or the error of the system */
  static async open(name: string): Promise<ReplacedFile> {
    const replacement = new Replacement(name);
    try {
      const handle = await open(replacement.temporary, 'wx', 0o600);
      const file = new ReplacedFile(name, replacement, handle);
      await handle.chmod(replacement.mode).catch(async (error: unknown) => {
        await file.discard();
        throw error;
      });
      return file;
    } catch (error) {
      replacement.discard();
      throw error;
    }
  }

  private constructor(name: string, replacement: Replacement, handle: FileHandle) {
    this.name = name;
    this.stream = handle.createWriteStream({ autoClose: false, highWaterMark: HIGH_WATER_BYTES });
    this.#handle = handle;
    this.#replacement = replacement;
  }

  async finish(): Promise<void> {
    if (!this.stream.writableEnded) this.stream.end();
    await finished(this.stream);
    await this.#handle.sync();
    await this.#close();
  }

  async publish(): Promise<void> {
    this.#replacement.publish();
    await this.#replacement.sync();
  }

  async discard(): Promise<void> {
    await this.#close().catch(() => {});
    this.#replacement.discard();
  }

  /** The handle waits for its stream to let go of it. */
  async #close(): Promise<void> {
    this.stream.destroy();
    await this.#handle.close();
  }
}
