// A small file that a flag names, read whole. An address put where the path belongs has a password in it: paths are shown
// redacted, and system errors, which repeat them, are not passed on.

import { readFileSync } from 'node:fs';
import { redactAddress } from '../../resp/address.ts';
import { UsageError } from './usage-error.ts';

const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

export class TextFile {
  readonly text: string;
  /** `the password file /path`, to speak of it. */
  readonly #name: string;

  /**
   * @param what comes before the word file: `password`
   * @throws UsageError
   */
  constructor(what: string, path: string) {
    this.#name = `the ${what} file ${redactAddress(path)}`;
    this.text = this.#decode(this.#read(path));
  }

  /** The error for a file whose text is not what it should be. */
  refusal(why: string, hint?: string): UsageError {
    return new UsageError(`Cannot use ${this.#name}: ${why}`, hint);
  }

  #read(path: string): Buffer {
    try {
      return readFileSync(path);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      throw new UsageError(`Cannot read ${this.#name}: ${FAILURES[code] ?? code}`);
    }
  }

  #decode(bytes: Buffer): string {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw this.refusal('it is not UTF-8 text');
    }
  }
}
