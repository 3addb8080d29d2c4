// A file that nobody else can open: it has a name for a moment only, and its room is free again when the descriptor goes,
// however the program ends.

import { randomUUID } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RespError } from '../../resp/errors.ts';
import { writeError } from './file-error.ts';

export async function openTemporary(): Promise<FileHandle> {
  const path = join(tmpdir(), `rump-${randomUUID()}`);
  try {
    const handle = await open(path, 'wx+', 0o600);
    await unlink(path);
    return handle;
  } catch (error) {
    throw temporaryError(error);
  }
}

/** @throws RespError, where there is no room for them, say */
export async function writeTemporary(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  } catch (error) {
    throw temporaryError(error);
  }
}

/** What the system says against writing one. */
export function temporaryError(cause: unknown): RespError {
  const { code, message } = writeError(`into ${tmpdir()}`, cause);
  return new RespError(code, message, { cause, hint: 'name a folder that has room by TMPDIR' });
}
