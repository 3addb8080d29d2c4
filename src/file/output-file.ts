// Where a stream of frames is written: a file that is replaced as a whole, packed or not, a device, or stdout.

import { createWriteStream, fstatSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { RespError } from '../../resp/errors.ts';
import { writeError } from './file-error.ts';
import { Replacement } from './replacement.ts';

/** So many bytes may wait for the disk before the writer waits. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** Frames are mostly names and values that servers have compressed already: a higher level costs time and saves little. */
const GZIP_LEVEL = 1;
const GZIP_CHUNK_BYTES = 128 * 1024;
const STDOUT = 1;

export interface OutputFile {
  /** Its name in messages. */
  readonly name: string;
  /** Takes the bytes; its errors are those of the system. */
  readonly stream: Writable;
  /** Whether what was written stays if the rest fails. */
  readonly isKept: boolean;
  /** Call after the last write; resolves when everything is stored. */
  finish(): Promise<void>;
  /** Puts the file in place under its name. */
  publish(): Promise<void>;
  /** Removes what was written, if that is possible. */
  discard(): Promise<void>;
}

/**
 * Opens a file, packed or not, a device, or stdout (`-`).
 * @throws RespError with the code of the system
 */
export async function openOutput(path: string): Promise<OutputFile> {
  if (path === '-') return DirectFile.stdout();
  try {
    const stats = await stat(path).catch(whenMissing);
    if (stats?.isDirectory() === true) throw Object.assign(new Error('It is a directory'), { code: 'EISDIR' });
    if (stats !== undefined && !stats.isFile() && !stats.isCharacterDevice()) {
      throw new RespError('IO', `Cannot write ${path}: it is no regular file`, { hint: 'write - and redirect stdout' });
    }
    const isDevice = stats?.isCharacterDevice() === true;
    const file = isDevice ? await DirectFile.open(path) : await ReplacedFile.open(path);
    return /\.gz(?:\.resp)?$/i.test(path) ? packed(file) : file;
  } catch (error) {
    throw writeError(path, error);
  }
}

/**
 * Tries to open it, and leaves nothing behind.
 * @throws RespError where it could not be written, as `openOutput`
 */
export async function demandWritable(path: string): Promise<void> {
  const output = await openOutput(path);
  await output.discard();
}

function packed(file: OutputFile): OutputFile {
  const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: GZIP_CHUNK_BYTES });
  const done = pipeline(gzip, file.stream);
  // `gzip` reports failures as well, and `done` is awaited later.
  done.catch(() => {});
  return {
    name: file.name,
    stream: gzip,
    isKept: file.isKept,
    finish: async () => {
      gzip.end();
      await done;
      await file.finish();
    },
    publish: () => file.publish(),
    discard: async () => {
      gzip.destroy();
      await file.discard();
    },
  };
}

function whenMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Stdout or a device: what was written there cannot be taken back. */
class DirectFile implements OutputFile {
  readonly name: string;
  readonly stream: Writable;
  readonly isKept = true;

  static stdout(): DirectFile {
    const stats = fstatSync(STDOUT);
    // If stdout is a file, Node writes synchronously and does not check whether all of it was written.
    const isPlain = stats.isFile() || (stats.isCharacterDevice() && !process.stdout.isTTY);
    const stream = isPlain
      ? createWriteStream('', { fd: STDOUT, autoClose: false, highWaterMark: HIGH_WATER_BYTES })
      : process.stdout;
    return new DirectFile('stdout', stream);
  }

  static async open(path: string): Promise<DirectFile> {
    const handle = await open(path, 'w');
    return new DirectFile(path, handle.createWriteStream({ highWaterMark: HIGH_WATER_BYTES }));
  }

  private constructor(name: string, stream: Writable) {
    this.name = name;
    this.stream = stream;
  }

  async finish(): Promise<void> {
    // Stdout stays open: others may write to it, and it cannot be opened again.
    if (this.stream === process.stdout) return;
    if (!this.stream.writableEnded) this.stream.end();
    await finished(this.stream);
  }

  async publish(): Promise<void> {}

  async discard(): Promise<void> {
    if (this.stream !== process.stdout) this.stream.destroy();
  }
}

/** Written under a temporary name next to its own, and renamed once it is complete on disk. */
class ReplacedFile implements OutputFile {
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
