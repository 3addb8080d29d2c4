// Bytes that are set aside on disk, until it is known whether they are wanted. Nobody else sees them, and whatever happens to the
// process, nothing is left of them.

import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { realpathSync, statSync, unlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { RespError } from '../../resp/errors.ts';
import { writeError } from './regular-file.ts';

export class Spool {
  readonly #folder: string;
  #opening: Promise<FileHandle> | undefined;
  #handle: FileHandle | undefined;
  #length = 0;

  /** @param target what is written with it in the end: they share a disk, unless that is stdout or a device */
  constructor(target: string) {
    this.#folder = folderOf(target);
  }

  /** Forgets what there was. */
  async clear(): Promise<void> {
    await this.#try(async () => {
      this.#opening ??= openNameless(this.#folder);
      this.#handle = await this.#opening;
      await this.#handle.truncate(0);
      this.#length = 0;
    });
  }

  async append(pieces: readonly Buffer[]): Promise<void> {
    await this.#try(async () => {
      for (const piece of pieces) {
        await this.#handle!.appendFile(piece);
        this.#length += piece.length;
      }
    });
  }

  /**
   * Everything, in parts.
   * @param used how much of a part is not to come again: less than all of it where it ends in an awkward place
   */
  async *parts(bytes: number, used = (part: Buffer): number => part.length): AsyncGenerator<Buffer, void, void> {
    const buffer = Buffer.allocUnsafeSlow(bytes);
    for (let at = 0; at < this.#length;) {
      const part = buffer.subarray(0, Math.min(bytes, this.#length - at));
      await this.#try(() => this.#fill(part, at));
      const end = at + part.length === this.#length ? part.length : used(part);
      yield part.subarray(0, end);
      at += end;
    }
  }

  async #fill(part: Buffer, position: number): Promise<void> {
    for (let done = 0; done < part.length;) {
      const { bytesRead } = await this.#handle!.read(part, done, part.length - done, position + done);
      if (bytesRead === 0)
        throw new RespError('IO', `Cannot read a temporary file in ${this.#folder}: it has become shorter`);
      done += bytesRead;
    }
  }

  /** It is of no use any more: who still writes or reads gets an error. */
  async close(): Promise<void> {
    const handle = await this.#opening?.catch(() => undefined);
    await handle?.close();
  }

  async #try<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw writeError(`a temporary file in ${this.#folder}`, error);
    }
  }
}

async function openNameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `rump.${randomBytes(4).toString('hex')}.tmp`);
  const handle = await open(path, 'ax+', 0o600);
  unlinkSync(path);
  return handle;
}

function folderOf(target: string): string {
  const stats = target === '-' ? undefined : statSync(target, { throwIfNoEntry: false });
  if (target === '-' || stats?.isCharacterDevice() === true) return tmpdir();
  return dirname(stats === undefined ? target : realpathSync(target));
}
