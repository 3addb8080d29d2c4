// Opens files for reading, tells by its first bytes what one holds, and whether two paths lead to the same one; and makes
// sentences of what the system says against a file.

import { Buffer } from 'node:buffer';
import { open, type FileHandle } from 'node:fs/promises';
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { constants as zlib, gunzipSync } from 'node:zlib';
import { redactAddress } from '../../resp/address.ts';
import { RespError } from '../../resp/errors.ts';

const FAILURES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the quota is used up',
  EEXIST: 'it is there already',
  EFBIG: 'the file would be too large',
  EIO: 'the device fails',
  EISDIR: 'it is a directory',
  ELOOP: 'a symbolic link is not followed',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'no space is left',
  ENOTDIR: 'a part of its path is no folder',
  EPERM: 'the system does not permit it',
  EPIPE: 'nobody reads it any more',
  EROFS: 'the file system is read-only',
};

/** @param name the path, or `stdin` or `stdout` */
export function readError(name: string, cause: unknown): RespError {
  return fileError(`Cannot read ${name}`, { ...FAILURES, ENOENT: 'there is no such file' }, cause);
}

/** @param name the path, or `stdin` or `stdout` */
export function writeError(name: string, cause: unknown): RespError {
  return fileError(`Cannot write ${name}`, { ...FAILURES, ENOENT: 'there is no such folder' }, cause);
}

/** Whether it comes from the system, and not from the caller who ended the reading. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function fileError(what: string, words: Readonly<Record<string, string>>, cause: unknown): RespError {
  if (cause instanceof RespError) return cause;
  const { code = 'IO', message } = cause as NodeJS.ErrnoException;
  return new RespError(code, `${what}: ${words[code] ?? message} (${code})`, { cause });
}

export type FileForm = 'snapshot' | 'stream';

/** Of a packed file; fewer may exist. */
const HEAD_BYTES = 512;
/** Of a small file, at once. */
const CHUNK_BYTES = 64 * 1024;
const GZIP = Buffer.of(0x1f, 0x8b);

export interface RegularFile {
  readonly handle: FileHandle;
  /** Bytes. */
  readonly size: number;
}

export interface OpenOptions {
  /** In messages; the path without it. */
  readonly name?: string;
  /** What to do where it is a pipe or a device. */
  readonly hint?: string;
  /** Whether a symbolic link is none: it may lead anywhere. */
  readonly refusesLinks?: boolean;
}

/** @throws RespError with the code of the system */
export async function openRegular(
  path: string,
  { name = path, hint, refusesLinks = false }: OpenOptions = {},
): Promise<RegularFile> {
  let handle: FileHandle | undefined;
  try {
    // Without O_NONBLOCK a pipe without a writer would block the program.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    handle = await open(path, refusesLinks ? flags | constants.O_NOFOLLOW : flags);
    const stats = await handle.stat();
    if (stats.isDirectory()) throw Object.assign(new Error('It is a directory'), { code: 'EISDIR' });
    if (!stats.isFile()) throw new RespError('IO', `Cannot read ${name}: it is no regular file`, { hint });
    return { handle, size: stats.size };
  } catch (error) {
    await handle?.close().catch(() => {});
    throw readError(name, error);
  }
}

/**
 * Fills `length` bytes of `into`, from `offset` on, with those of the file from `position` on.
 * @returns how many there are: fewer where the file ends
 * @throws Error of the system
 */
export function readAt(handle: FileHandle, into: Buffer, offset: number, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const count = readSync(handle.fd, into, offset + done, length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/**
 * All of a small file, or of a pipe; of a device or another file that was named by mistake no more than is needed to know.
 * @param most bytes
 * @returns `undefined` where there are more
 * @throws Error of the system
 */
export function readSmall(path: string, most: number): Buffer | undefined {
  const fd = openSync(path, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let length = 0; length <= most;) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, most + 1 - length));
      const count = readSync(fd, chunk);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, count));
      length += count;
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** By gzip. */
export async function isPacked(handle: FileHandle): Promise<boolean> {
  return (await headOf(handle, GZIP.length)).equals(GZIP);
}

/** @throws RespError where it cannot be read, or holds neither */
export async function formOf(path: string): Promise<FileForm> {
  const hint = 'a server is written as redis://host:port';
  const { handle } = await openRegular(path, { hint });
  try {
    const head = unpackedHead(await headOf(handle, HEAD_BYTES));
    if (/^(?:REDIS\d{4}|VALKEY\d{3})/.test(head)) return 'snapshot';
    if (/^\*\d/.test(head)) return 'stream';
    throw new RespError('FORM', `Cannot read ${path}: it is neither a snapshot nor a stream of commands`, { hint });
  } finally {
    await handle.close();
  }
}

async function headOf(handle: FileHandle, bytes: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
  return buffer.subarray(0, bytesRead);
}

function unpackedHead(head: Buffer): string {
  if (!head.subarray(0, GZIP.length).equals(GZIP)) return head.toString('latin1');
  try {
    return gunzipSync(head, { finishFlush: zlib.Z_SYNC_FLUSH }).toString('latin1');
  } catch {
    return '';
  }
}

/** Also by different spellings, symbolic links or hard links. */
export function isSameFile(left: string, right: string): boolean {
  if (resolve(left) === resolve(right)) return true;
  const [one, other] = [left, right].map(statsOf);
  if (one !== undefined && other !== undefined) return one.dev === other.dev && one.ino === other.ino;
  // A file that does not exist yet is compared by its folder.
  return one === other && placeOf(left) === placeOf(right);
}

/** What cannot be looked at is refused by whoever opens it. */
function statsOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false, bigint: true });
  } catch {
    return undefined;
  }
}

export function isRegularFile(path: string): boolean {
  return statsOf(path)?.isFile() === true;
}

/**
 * To be asked before a file is opened to be written: to open a pipe waits for whoever reads it, and to write into it may wait for ever,
 * with all of the process.
 * @throws RespError where it is there, and neither a file nor a device; or where stdout or stderr go to that file
 */
export function demandWritableKind(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  const isFitting = stats === undefined || stats.isFile() || stats.isCharacterDevice() || stats.isDirectory();
  if (!isFitting) throw new RespError('IO', `Cannot write ${redactAddress(path)}: it is neither a file nor a device`);
  demandUnused(path);
}

/**
 * Two that write into a file write over each other, and a file that is replaced loses what still goes into the one before.
 * @throws RespError where stdout or stderr go to that file
 */
export function demandUnused(path: string): void {
  const used = (['stdout', 'stderr'] as const).find((_, at) => isOpenAs(path, at + 1));
  if (used === undefined || !isRegularFile(path)) return;
  throw new RespError('IO', `Cannot write ${redactAddress(path)}: ${used} goes there already`);
}

/** Whether it leads to what a descriptor has open, by whatever name. No two writers hinder each other at a device such as /dev/null. */
export function isOpenAs(path: string, descriptor: number): boolean {
  try {
    const [one, other] = [statSync(path, { bigint: true }), fstatSync(descriptor, { bigint: true })];
    return !other.isCharacterDevice() && one.dev === other.dev && one.ino === other.ino;
  } catch {
    // What cannot be looked at is refused by whoever opens it.
    return false;
  }
}

function placeOf(path: string): string {
  try {
    return `${realpathSync(dirname(path))}/${basename(path)}`;
  } catch {
    return resolve(path);
  }
}
