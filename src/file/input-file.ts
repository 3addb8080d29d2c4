// The bytes that are read: a file, packed or not, or stdin. It knows nothing of what they say.

import type { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { RespError } from '../../resp/errors.ts';
import { readError } from './file-error.ts';
import { unpack } from './unpack.ts';

/** A view of an entry keeps all of its chunk alive. */
const CHUNK_BYTES = 128 * 1024;

export class InputFile {
  /** As messages call it. */
  readonly name: string;
  readonly isPacked: boolean;
  /** Bytes of the file; unknown for stdin. */
  readonly size: number | undefined;
  readonly #stream: Readable & { readonly bytesRead?: number };

  /** @throws RespError with the code of the system */
  static async open(path: string): Promise<InputFile> {
    if (path === '-') return new InputFile('stdin', process.stdin, undefined, false);
    let file: FileHandle | undefined;
    try {
      // A pipe without a writer would hold up the whole program otherwise.
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const stats = await file.stat();
      if (stats.isDirectory()) throw Object.assign(new Error('It is a directory'), { code: 'EISDIR' });
      if (!stats.isFile()) {
        throw new RespError('IO', `Cannot read ${path}: it is no regular file`, { hint: 'write - and redirect stdin' });
      }
      const stream = file.createReadStream({ highWaterMark: CHUNK_BYTES });
      return new InputFile(path, stream, stats.size, path.endsWith('.gz'));
    } catch (error) {
      await file?.close().catch(() => {});
      throw readError(path, error);
    }
  }

  private constructor(name: string, stream: Readable, size: number | undefined, isPacked: boolean) {
    this.name = name;
    this.size = size;
    this.isPacked = isPacked;
    this.#stream = stream;
    // Whoever reads is told by the iteration.
    stream.on('error', () => {});
  }

  /** How much of it was read, 0 to 1; 0 where nobody knows. */
  get fraction(): number {
    const { bytesRead = 0 } = this.#stream;
    return this.size === undefined || this.size === 0 ? 0 : Math.min(1, bytesRead / this.size);
  }

  /** Its bytes, unpacked. */
  chunks(): AsyncIterable<Buffer> {
    return this.isPacked ? unpack(this.#stream) : this.#stream;
  }

  /** Ends an iteration of its chunks, also one that waits; it rejects with the reason, if there is one. */
  close(reason?: Error): void {
    this.#stream.destroy(reason);
  }
}
