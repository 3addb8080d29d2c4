// Reads the bytes of a file, packed or not, or of stdin. It knows nothing of what they mean.

import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { RespError } from '../../resp/errors.ts';
import { readAhead } from '../flow/read-ahead.ts';
import { RandomAccessFile } from './random-access-file.ts';
import { isPacked, openRegular } from './regular-file.ts';
import { unpack } from './unpack.ts';

/** A view keeps all of its chunk alive. */
const CHUNK_BYTES = 128 * 1024;

export class InputFile {
  /** Its name in messages. */
  readonly name: string;
  readonly isPacked: boolean;
  /** Bytes of the file; unknown for stdin. */
  readonly size: number | undefined;
  /** The same bytes at any offset; undefined for packed files and stdin. */
  readonly places: RandomAccessFile | undefined;
  /** Stays open to the end, as the name may lead to another file by then. */
  readonly #handle: FileHandle | undefined;
  /** Bytes read in this iteration. */
  #at = 0;
  #reason: Error | undefined;

  /** @throws RespError with the code of the system */
  static async open(path: string): Promise<InputFile> {
    if (path === '-') return new InputFile('stdin', false);
    const { handle, size } = await openRegular(path, 'write - and redirect stdin');
    const packed = path.toLowerCase().endsWith('.gz') || (await isPacked(handle));
    return new InputFile(path, packed, handle, size);
  }

  private constructor(name: string, packed: boolean, handle?: FileHandle, size?: number) {
    this.name = name;
    this.size = size;
    this.isPacked = packed;
    this.#handle = handle;
    this.places = packed || handle === undefined ? undefined : RandomAccessFile.of(name, size!, handle);
    // The iteration reports it to the reader.
    if (handle === undefined) process.stdin.on('error', () => {});
  }

  /** How much of it was read, 0 to 1; 0 if the size is not known. */
  get fraction(): number {
    return this.size === undefined || this.size === 0 ? 0 : Math.min(1, this.#at / this.size);
  }

  /** Its bytes, unpacked; from the beginning each time, except for stdin. */
  chunks(): AsyncIterable<Buffer> {
    if (this.#handle === undefined) return process.stdin;
    const chunks = readAhead(this.#chunksOf(this.#handle));
    return this.isPacked ? unpack(chunks) : chunks;
  }

  /** Ends the iteration of its chunks, even while it waits; it rejects with the reason, if there is one. */
  close(reason?: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason ?? new RespError('CLOSED', `Cannot read ${this.name}: it was closed`);
    if (this.#handle === undefined) process.stdin.destroy(reason);
    this.places?.close(this.#reason);
    this.#handle?.close().catch(() => {});
  }

  async *#chunksOf(handle: FileHandle): AsyncGenerator<Buffer, void, void> {
    this.#at = 0;
    for (let at = 0; ;) {
      if (this.#reason !== undefined) throw this.#reason;
      const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      this.#at = at;
      yield chunk.subarray(0, bytesRead);
    }
  }
}
