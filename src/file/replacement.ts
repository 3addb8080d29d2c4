// The temporary name next to a file under which its replacement is written, and the rename that puts it in place.

import { randomBytes } from 'node:crypto';
import { accessSync, constants, readFileSync, realpathSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { RespError } from '../../resp/errors.ts';

const PERMISSIONS = 0o777;
/** It may hold private data. */
const PRIVATE = 0o600;
const HINT = 'name a file in another folder, or write - and redirect stdout';

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

  /** Makes the rename durable. Systems that cannot open or sync folders are fine; a broken disk is an error. */
  async sync(): Promise<void> {
    let folder: FileHandle | undefined;
    try {
      folder = await open(dirname(this.#path));
      await folder.sync();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EIO') throw error;
    } finally {
      await folder?.close();
    }
  }

  /** Leaves nothing behind. */
  discard(): void {
    removeNow(this.temporary);
    process.off('exit', this.#onExit);
  }
}

/** A rename does not check whether the file may be written, and needs more rights than that. */
function demandReplaceable(name: string, path: string): void {
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
