// A file that is written as it comes, so that a run that hangs can be looked at. It has keys and values: only its user may read it.

import { closeSync, openSync, writeSync } from 'node:fs';
import { redactAddress } from '../../resp/address.ts';
import type { RespError } from '../../resp/errors.ts';
import { writeError } from '../file/regular-file.ts';

export class GrowingFile {
  readonly #path: string;
  readonly #file: number;
  readonly #onError: (error: RespError) => void;
  #isBroken = false;

  /**
   * @param onError called once, where it cannot be written any more: the run goes on without it
   * @throws RespError where it cannot be made
   */
  constructor(path: string, onError: (error: RespError) => void) {
    this.#path = path;
    this.#onError = onError;
    try {
      this.#file = openSync(path, 'w', 0o600);
    } catch (error) {
      throw writeError(redactAddress(path), error);
    }
  }

  write(bytes: Buffer): void {
    if (this.#isBroken) return;
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written);
    } catch (error) {
      this.#isBroken = true;
      this.#onError(writeError(redactAddress(this.#path), error));
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
