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
  withReplacement(path, (replacement, file) => {
    closeSync(file);
    replacement.discard();
  });
}

/**
 * Puts the bytes in its place. A file that is there keeps its permissions; a new one is readable for its owner alone.
 * @throws RespError, and the file is as it was
 */
export function writeWhole(path: string, bytes: Buffer): void {
  withReplacement(path, (replacement, file) => {
    try {
      fchmodSync(file, replacement.mode);
      writeAll(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    replacement.publish();
  });
}

function withReplacement(path: string, use: (replacement: Replacement, file: number) => void): void {
  let replacement: Replacement | undefined;
  try {
    demandFile(path);
    replacement = new Replacement(path);
    use(replacement, openSync(replacement.temporary, 'wx', PRIVATE));
  } catch (error) {
    replacement?.discard();
    throw writeError(redactAddress(path), error);
  }
}

/** A device would be replaced by a file. @throws RespError */
function demandFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isFile() || stats.isDirectory()) return;
  throw new RespError('IO', `Cannot write ${redactAddress(path)}: it is no regular file`);
}
