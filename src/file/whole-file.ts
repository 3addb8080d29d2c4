// A file that is written in one go, and is as it was before where that fails.

import { closeSync, fchmodSync, fsyncSync, openSync, statSync } from 'node:fs';
import { redactAddress } from '../../resp/address.ts';
import { RespError } from '../../resp/errors.ts';
import { Replacement, writeAll } from './output-file.ts';
import { writeError } from './regular-file.ts';

/** It may hold private data. */
const PRIVATE = 0o600;

/**
 * Tries to write it, and leaves nothing behind.
 * @throws RespError where it could not be written
 */
export function demandWholeWritable(path: string): void {
  withReplacement(path, PRIVATE, (replacement, file) => {
    closeSync(file);
    replacement.discard();
  });
}

export interface WholeFileOptions {
  /** Permissions of a new file, less those that the system masks. Default: its owner's alone. */
  readonly mode?: number | undefined;
  /** Whether it has to be on the disk. Default `true`. */
  readonly isDurable?: boolean | undefined;
}

/**
 * Puts the bytes in its place. A file that is there keeps its permissions.
 * @throws RespError, and the file is as it was
 */
export function writeWhole(
  path: string,
  bytes: Buffer,
  { mode = PRIVATE, isDurable = true }: WholeFileOptions = {},
): void {
  withReplacement(path, mode, (replacement, file, isThere) => {
    try {
      if (isThere) fchmodSync(file, replacement.mode);
      writeAll(file, bytes);
      if (isDurable) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    replacement.publish();
  });
}

type Use = (replacement: Replacement, file: number, isThere: boolean) => void;

function withReplacement(path: string, mode: number, use: Use): void {
  let replacement: Replacement | undefined;
  try {
    const isThere = demandFile(path);
    replacement = new Replacement(path);
    use(replacement, openSync(replacement.temporary, 'wx', mode), isThere);
  } catch (error) {
    replacement?.discard();
    throw writeError(redactAddress(path), error);
  }
}

/** A device would be replaced by a file. @returns whether it is there @throws RespError */
function demandFile(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) throw Object.assign(new Error('It is a directory'), { code: 'EISDIR' });
  if (stats === undefined || stats.isFile()) return stats !== undefined;
  throw new RespError('IO', `Cannot write ${redactAddress(path)}: it is no regular file`);
}
