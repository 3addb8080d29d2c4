// Turns errors of the system about a file or a standard stream into sentences with the path and the code.

import { RespError } from '../../resp/errors.ts';

const FAILURES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file would be too large',
  EIO: 'the device fails',
  EISDIR: 'it is a directory',
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
