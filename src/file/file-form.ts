// What a file holds, by its first bytes: whether it is packed, and whether a snapshot or a stream is in it.

import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { RespError } from '../../resp/errors.ts';
import { openRegular } from './regular-file.ts';

export type FileForm = 'snapshot' | 'stream';

/** Of a packed file, of which few need be there. */
const HEAD_BYTES = 512;
const GZIP = Buffer.of(0x1f, 0x8b);

export async function isPacked(handle: FileHandle): Promise<boolean> {
  return (await headOf(handle, GZIP.length)).equals(GZIP);
}

/** @throws RespError where it cannot be read, or holds neither */
export async function formOf(path: string): Promise<FileForm> {
  const hint = 'a server is written as redis://host:port';
  const { handle } = await openRegular(path, hint);
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
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }).toString('latin1');
  } catch {
    return '';
  }
}
