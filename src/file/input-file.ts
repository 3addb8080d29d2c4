// The bytes that are read: a file, packed or not, or stdin. It knows nothing of what they say.

import type { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';
import { isPacked } from './file-form.ts';
import { openRegular } from './regular-file.ts';
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
    const { handle, size } = await openRegular(path, 'write - and redirect stdin');
    const packed = path.toLowerCase().endsWith('.gz') || (await isPacked(handle));
    return new InputFile(path, handle.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES }), size, packed);
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
