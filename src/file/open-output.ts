// Opens what a path means as the place for a stream of frames: a file, packed or not, a device, or stdout.

import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { RespError } from '../../resp/errors.ts';
import { DirectFile } from './direct-file.ts';
import { writeError } from './file-error.ts';
import type { OutputFile } from './output-file.ts';
import { ReplacedFile } from './replaced-file.ts';

/** Frames are mostly names, and values that servers have packed already: more effort costs time and saves little. */
const GZIP_LEVEL = 1;
const GZIP_CHUNK_BYTES = 128 * 1024;

/** @throws RespError with the code of the system */
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
 * Tries what the copy will do, and leaves nothing behind.
 * @throws RespError where it could not be written, as `openOutput`
 */
export async function demandWritable(path: string): Promise<void> {
  const output = await openOutput(path);
  await output.discard();
}

function packed(file: OutputFile): OutputFile {
  const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: GZIP_CHUNK_BYTES });
  const done = pipeline(gzip, file.stream);
  // A failure comes out of `gzip` as well; whoever waits for `done` is told again.
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
