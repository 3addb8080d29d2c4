// The bytes of a file, packed or not, or of stdin: one after the other, or at any offset, for which a temporary file keeps
// what is packed or comes only once. It knows nothing of what they mean.

import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RespError } from '../../resp/errors.ts';
import { countOf, formatCount } from '../../resp/figures.ts';
import { readAhead } from '../flow/read-ahead.ts';
import { isPacked, isSystemError, openRegular, readAt, readError, writeError } from './regular-file.ts';
import { PackingError, unpack } from './unpack.ts';

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
    const { handle, size } = await openRegular(path, { hint: 'write - and redirect stdin' });
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

/** A file that is read at any offset, synchronously. Its bytes come from one descriptor, whatever happens to its name. */
export class RandomAccessFile {
  /** Its name in messages. */
  readonly name: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  readonly #handle: FileHandle;
  #reason: Error | undefined;

  /** Whether the bytes were packed in the file of that name. */
  readonly isUnpacked: boolean;
  /** Why a packed file could not be unpacked to its end. */
  readonly fault: PackingError | undefined;

  /**
   * A packed file is unpacked into a temporary one.
   * @param demandGoing called now and then; throws to end it
   * @throws RespError with the code of the system
   */
  static async open(path: string, demandGoing: () => void = () => {}): Promise<RandomAccessFile> {
    const { handle, size } = await openRegular(path);
    if (!(await isPacked(handle))) return new RandomAccessFile(path, false, size, handle);
    const unpacked = await openTemporary();
    try {
      return new RandomAccessFile(path, true, ...(await unpackInto(unpacked, handle, path, demandGoing)));
    } catch (error) {
      await unpacked.close();
      throw error;
    } finally {
      await handle.close();
    }
  }

  /** A plain file that somebody has opened. */
  static of(name: string, size: number, handle: FileHandle): RandomAccessFile {
    return new RandomAccessFile(name, false, size, handle);
  }

  private constructor(name: string, isUnpacked: boolean, size: number, handle: FileHandle, fault?: PackingError) {
    this.name = name;
    this.isUnpacked = isUnpacked;
    this.size = size;
    this.fault = fault;
    this.#handle = handle;
  }

  /**
   * Fills `length` bytes of `into`, from `offset` on, with those of the file from `position` on.
   * @throws RespError; the reason of `close` once it is closed
   */
  read(into: Buffer, offset: number, length: number, position: number): void {
    if (this.#reason !== undefined) throw this.#reason;
    const done = this.#readSome(into, offset, length, position);
    if (done < length) throw this.#shrunk(position + done);
  }

  /** The first reason counts. */
  close(reason: Error = new RespError('CLOSED', `Cannot read ${this.name}: it was closed`)): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#handle.close().catch(() => {});
  }

  #readSome(into: Buffer, offset: number, length: number, position: number): number {
    try {
      return readAt(this.#handle, into, offset, length, position);
    } catch (error) {
      throw readError(this.name, error);
    }
  }

  #shrunk(size: number): RespError {
    return new RespError(
      'IO',
      `Cannot read ${this.name}: it had ${countOf(this.size, 'byte')}, and now it has but ${formatCount(size)}`,
    );
  }
}

/** Everything that is whole before a fault is unpacked, and the fault is returned. */
async function unpackInto(
  unpacked: FileHandle,
  packed: FileHandle,
  path: string,
  demandGoing: () => void,
): Promise<[size: number, unpacked: FileHandle, fault?: PackingError]> {
  let size = 0;
  try {
    for await (const chunk of unpack(packed.createReadStream({ start: 0, autoClose: false }))) {
      demandGoing();
      await writeTemporary(unpacked, chunk, size);
      size += chunk.length;
    }
    return [size, unpacked];
  } catch (error) {
    if (error instanceof PackingError) return [size, unpacked, error];
    throw isSystemError(error) ? readError(path, error) : error;
  }
}

/**
 * Opens a file that nobody else can open: the name is removed at once, and the disk space is freed with the descriptor, however
 * the program ends.
 */
async function openTemporary(): Promise<FileHandle> {
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
async function writeTemporary(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
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
