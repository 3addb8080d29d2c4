// The file, or stdout, that gets a line for every key of a check.

import { closeSync, openSync, writeSync } from 'node:fs';
import { redactAddress } from '../../resp/address.ts';
import { UsageError } from './usage-error.ts';
import type { TextStream } from './streams.ts';

/** Characters that are gathered before they are written. */
const ENOUGH = 64 * 1024;
const STDOUT = '-';

export class Combined {
  readonly isStdout: boolean;
  readonly #path: string;
  readonly #stdout: TextStream;
  readonly #file: number | undefined;
  #text = '';
  #error: unknown;

  /** @throws UsageError where the file cannot be written */
  constructor(path: string, stdout: TextStream) {
    this.isStdout = path === STDOUT;
    this.#path = path;
    this.#stdout = stdout;
    try {
      this.#file = this.isStdout ? undefined : openSync(path, 'w');
    } catch (error) {
      throw new UsageError(`Cannot write ${this.#name}: ${codeOf(error)}`);
    }
  }

  add(line: string): void {
    this.#text += line;
    if (this.#text.length >= ENOUGH) this.#flush();
  }

  /** @throws Error where a line could not be written */
  close(): void {
    this.#flush();
    if (this.#file !== undefined) closeSync(this.#file);
    if (this.#error !== undefined) throw new UsageError(`Cannot write ${this.#name}: ${codeOf(this.#error)}`);
  }

  /** Whoever tells of events must not be stopped by an error: it is kept for the end. */
  #flush(): void {
    const text = this.#text;
    this.#text = '';
    if (text === '' || this.#error !== undefined) return;
    try {
      if (this.#file === undefined) this.#stdout.write(text);
      else writeAll(this.#file, Buffer.from(text));
    } catch (error) {
      this.#error = error;
    }
  }

  get #name(): string {
    return `the list of keys ${redactAddress(this.#path)}`;
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
