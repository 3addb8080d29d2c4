// Where a stream of frames is written: a file that is replaced as a whole, packed or not, a device, or stdout.

import { randomBytes } from 'node:crypto';
import { open, stat, type FileHandle } from 'node:fs/promises';
import {
  accessSync,
  constants,
  createWriteStream,
  fstatSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { finished, pipeline } from 'node:stream/promises';
import type { Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { RespError } from '../../resp/errors.ts';
import { demandUnused, writeError } from './regular-file.ts';

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

const PERMISSIONS = 0o777;
/** It may hold private data. */
const PRIVATE = 0o600;
const HINT = 'name a file in another folder, or write - and redirect stdout';

/** The temporary name next to a file under which its replacement is written, and the rename that puts it in place. */
export class Replacement {
  /** The caller creates it, readable for nobody else until it has its permissions. */
  readonly temporary: string;
  /** The permissions of the existing file, or only the owner's. */
  readonly mode: number;
  /** The path behind symbolic links. */
  readonly #path: string;
  readonly #onExit: () => void;

  /**
   * Checks early whether the rename will be possible.
   * @throws RespError, or the error of the system
   */
  constructor(name: string) {
    const stats = statSync(name, { throwIfNoEntry: false });
    this.#path = stats === undefined ? name : realpathSync(name);
    this.mode = stats === undefined ? PRIVATE : stats.mode & PERMISSIONS;
    if (stats !== undefined) demandReplaceable(name, this.#path);
    this.temporary = `${this.#path}.${randomBytes(4).toString('hex')}.tmp`;
    // A second interrupt does not wait for `discard`.
    this.#onExit = () => removeNow(this.temporary);
    process.once('exit', this.#onExit);
  }

  /** Call when the file is complete and on disk. */
  publish(): void {
    renameSync(this.temporary, this.#path);
    process.off('exit', this.#onExit);
  }

  /** Makes the rename durable. */
  sync(): Promise<void> {
    return syncFolder(dirname(this.#path));
  }

  /** Leaves nothing behind. */
  discard(): void {
    removeNow(this.temporary);
    process.off('exit', this.#onExit);
  }
}

/** Makes durable what was renamed or removed in there. Systems that cannot open or sync folders are fine; a broken disk is an error. */
export async function syncFolder(path: string): Promise<void> {
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

/** A rename does not check whether the file may be written, and needs more rights than that. */
function demandReplaceable(name: string, path: string): void {
  demandUnused(name);
  accessSync(path, constants.W_OK);
  const what = `Cannot write ${name}`;
  if (isMountPoint(path)) {
    throw new RespError('EBUSY', `${what}: it is mounted by itself, and a file is replaced as a whole`, { hint: HINT });
  }
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (cause) {
    const { code = 'EACCES' } = cause as NodeJS.ErrnoException;
    const why = 'its folder cannot be written, and a file is replaced as a whole';
    throw new RespError(code, `${what}: ${why} (${code})`, { hint: HINT, cause });
  }
}

/** Containers mount single files, which can be written but not replaced. Only Linux has them. */
function isMountPoint(path: string): boolean {
  try {
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1').split('\n');
    const sought = Buffer.from(resolve(path)).toString('latin1');
    return mounts.some((line) => unescaped(line.split(' ', 5)[4] ?? '') === sought);
  } catch {
    return false;
  }
}

/** Spaces, line ends and backslashes are written as three octal digits. */
function unescaped(mount: string): string {
  return mount.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function removeNow(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It does not exist any more.
  }
}

/** @param file its descriptor @throws the error of the system */
export function writeAll(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
}
