// Opens a file to be read, or says in words why that cannot be.

import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { RespError } from '../../resp/errors.ts';
import { readError } from './file-error.ts';

export interface RegularFile {
  readonly handle: FileHandle;
  /** Bytes. */
  readonly size: number;
}

/**
 * @param hint what to do where it is a pipe or a device
 * @throws RespError with the code of the system
 */
export async function openRegular(path: string, hint?: string): Promise<RegularFile> {
  let handle: FileHandle | undefined;
  try {
    // A pipe without a writer would hold up the whole program otherwise.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat();
    if (stats.isDirectory()) throw Object.assign(new Error('It is a directory'), { code: 'EISDIR' });
    if (!stats.isFile()) throw new RespError('IO', `Cannot read ${path}: it is no regular file`, { hint });
    return { handle, size: stats.size };
  } catch (error) {
    await handle?.close().catch(() => {});
    throw readError(path, error);
  }
}
