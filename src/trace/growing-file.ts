// A file that is written as it comes, so that a run that hangs can be looked at. It has keys and values: only its user may read a new
// one, and one that is there keeps the permissions that it was given.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { redactAddress } from '../../resp/address.ts';
import { RespError } from '../../resp/errors.ts';
import { writeAll } from '../file/output-file.ts';
import { demandWritableKind, writeError } from '../file/regular-file.ts';

/** What becomes of a file that is there: it is written over, goes on, or is refused, be it a symbolic link that leads elsewhere. */
type Opening = 'replaced' | 'continued' | 'new';
const FLAGS = { replaced: 'w', continued: 'a+', new: 'wx' } as const;

export class GrowingFile {
  readonly #path: string;
  readonly #file: number;
  readonly #onError: (error: RespError) => void;
  /** Nothing is written any more: it is closed, or broken. */
  #isOver = false;
  #error: RespError | undefined;

  /**
   * @param onError called once, where it cannot be written any more: the run goes on without it
   * @throws RespError where it cannot be made
   */
  constructor(path: string, onError: (error: RespError) => void, opening: Opening = 'replaced') {
    this.#path = path;
    this.#onError = onError;
    let file: number | undefined;
    let isCut: boolean;
    try {
      demandWritableKind(path);
      file = openSync(path, FLAGS[opening], 0o600);
      isCut = opening === 'continued' && isCutOff(file);
    } catch (error) {
      if (file !== undefined) closeQuietly(file);
      throw writeError(redactAddress(path), error);
    }
    this.#file = file;
    if (isCut) this.write(Buffer.from('\n'));
  }

  write(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#attempt(() => writeAll(this.#file, bytes));
  }

  /** Why not all of it is there, as long as it is not closed: it could not be written, or somebody has removed it. */
  get fault(): RespError | undefined {
    if (this.#error !== undefined) return this.#error;
    const stats = fstatSync(this.#file);
    if (!stats.isFile() || stats.nlink > 0) return undefined;
    return new RespError('ENOENT', `Cannot write ${redactAddress(this.#path)}: it was removed meanwhile`);
  }

  /** What comes later, as of connections that are still closing, is not written: the number may be another file's by then. */
  close(): void {
    const isBroken = this.#isOver;
    this.#isOver = true;
    // Some file systems say only now that there was no room, and it must not end the connection that is being closed.
    if (isBroken) closeQuietly(this.#file);
    else this.#attempt(() => closeSync(this.#file));
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#isOver = true;
      this.#error = writeError(redactAddress(this.#path), error);
      this.#onError(this.#error);
    }
  }
}

/** What is wrong with it was told already. */
function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // It is closed all the same.
  }
}

/** Its last line was not written whole, as where a disk was full. */
function isCutOff(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
}
