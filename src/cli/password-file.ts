// A password that is kept in a file, so that it is neither in the process list nor in the shell history.

import { readFileSync } from 'node:fs';
import { redactAddress } from '../../resp/address.ts';
import { UsageError } from './usage-error.ts';

/**
 * The text of the file without the newline at its end.
 * @throws UsageError
 */
export function readPasswordFile(path: string): string {
  const password = decode(path, read(path)).replace(/\r?\n$/, '');
  if (password === '') throw new UsageError(`Cannot use the password file ${redactAddress(path)}: it is empty`);
  return password;
}

// An address put where the file belongs has a password in it: paths are shown redacted, and system errors, which repeat
// them, are not passed on.
const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new UsageError(`Cannot read the password file ${redactAddress(path)}: ${FAILURES[code] ?? code}`);
  }
}

function decode(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`Cannot use the password file ${redactAddress(path)}: it is not UTF-8 text`, undefined, cause);
  }
}
