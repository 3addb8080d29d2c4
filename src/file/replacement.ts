// The temporary name next to a file under which its replacement is written, and the rename that puts it in place.

import { randomBytes } from 'node:crypto';
import { accessSync, constants, readFileSync, realpathSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { RespError } from '../../resp/errors.ts';

const PERMISSIONS = 0o777;
/** What is in it may be anybody's data. */
const PRIVATE = 0o600;
const HINT = 'name a file in another folder, or write - and redirect stdout';

export class Replacement {
  /** To be made, and for nobody else to read before it has its permissions. */
  readonly temporary: string;
  /** The permissions that it gets: of the file that is there already, or the owner's alone. */
  readonly mode: number;
  /** What the name means behind symbolic links. */
  readonly #path: string;
  readonly #onExit: () => void;

  /**
   * Looks ahead whether it will be able to take the name, as long as nothing was done.
   * @throws RespError, or the error of the system
   */
  constructor(name: string) {
    const stats = statSync(name, { throwIfNoEntry: false });
    this.#path = stats === undefined ? name : realpathSync(name);
    this.mode = stats === undefined ? PRIVATE : stats.mode & PERMISSIONS;
    if (stats !== undefined) demandReplaceable(name, this.#path);
    this.temporary = `${this.#path}.${randomBytes(4).toString('hex')}.tmp`;
    // The second interrupt does not wait.
    this.#onExit = () => removeNow(this.temporary);
    process.once('exit', this.#onExit);
  }

  /** It is whole, and on disk. */
  publish(): void {
    renameSync(this.temporary, this.#path);
    process.off('exit', this.#onExit);
  }

  /** Makes `publish` last. Where folders cannot be opened or synced there is nothing to be had; a broken disk is told. */
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

/** A rename would not ask whether the file may be written, and asks for more than that. */
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

/** As containers have single files: they can be written, and nothing takes their place. Other systems know no such files. */
function isMountPoint(path: string): boolean {
  try {
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1').split('\n');
    const sought = Buffer.from(resolve(path)).toString('latin1');
    return mounts.some((line) => unescaped(line.split(' ', 5)[4] ?? '') === sought);
  } catch {
    return false;
  }
}

/** Spaces, line ends and backslashes stand there as three octal digits. */
function unescaped(mount: string): string {
  return mount.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function removeNow(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone already.
  }
}
