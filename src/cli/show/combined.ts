// --combined: a line for every key of a check, with the signs of rclone check. A file is replaced whole, or left as it was.

import { closeSync, fchmodSync, fsyncSync, openSync, statSync } from 'node:fs';
import { redactAddress } from '../../../resp/address.ts';
import { RespError } from '../../../resp/errors.ts';
import { escapeControls, shortKey } from '../../../resp/escapes.ts';
import { Replacement, writeAll } from '../../file/output-file.ts';
import { demandWritableKind, isSystemError, writeError } from '../../file/regular-file.ts';
import type { StartEvent } from '../../sync/options.ts';
import type { Verdict, VerdictEvent } from '../../verify/options.ts';
import { UsageError } from '../flags/kinds.ts';
import type { RunEvent, TextStream } from './output.ts';
import { LONGEST_NAME } from './texts.ts';

/** Characters that are collected before a write. */
const ENOUGH = 64 * 1024;
const STDOUT = '-';

const SIGNS: Readonly<Record<Verdict, string>> = {
  match: '=',
  differ: '*',
  sourceOnly: '+',
  targetOnly: '-',
  notComparable: '?',
};

export class Combined {
  readonly isStdout: boolean;
  readonly #path: string;
  readonly #stdout: TextStream;
  readonly #file: number | undefined;
  /** None for a device. */
  readonly #replacement: Replacement | undefined;
  #showsDb = false;
  #text = '';
  #error: unknown;

  /** @throws UsageError where the file cannot be written */
  constructor(path: string, stdout: TextStream) {
    this.isStdout = path === STDOUT;
    this.#path = path;
    this.#stdout = stdout;
    if (this.isStdout) return;
    try {
      demandWritableKind(path);
      this.#replacement = isReplaceable(path) ? new Replacement(path) : undefined;
      this.#file =
        this.#replacement === undefined ? openSync(path, 'w') : openSync(this.#replacement.temporary, 'wx', 0o600);
      if (this.#replacement !== undefined) fchmodSync(this.#file, this.#replacement.mode);
    } catch (error) {
      this.#replacement?.discard();
      throw this.#refusal(error);
    }
  }

  onEvent(event: RunEvent): void {
    if (event.type === 'start') this.#showsDb = showsDb(event);
    if (event.type !== 'verdict') return;
    this.#text += verdictLine(event, this.#showsDb);
    if (this.#text.length >= ENOUGH) this.#flush();
  }

  /**
   * @param isWhole whether every key has its line
   * @returns why it could not be written
   */
  close(isWhole: boolean): UsageError | undefined {
    this.#flush();
    try {
      if (this.#file !== undefined) this.#finish(this.#file, isWhole && this.#error === undefined);
    } catch (error) {
      this.#error ??= error;
      this.#replacement?.discard();
    }
    return this.#error === undefined ? undefined : this.#refusal(this.#error);
  }

  #finish(file: number, isWhole: boolean): void {
    if (isWhole && this.#replacement !== undefined) fsyncSync(file);
    closeSync(file);
    if (isWhole) this.#replacement?.publish();
    else this.#replacement?.discard();
  }

  /** An error does not stop the run: it is kept for the end. */
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

  #refusal(error: unknown): UsageError {
    const known = isSystemError(error) ? writeError(this.#path, error) : error;
    const [why, hint] =
      known instanceof RespError ? [known.message.replace(/^.*?: /, ''), known.hint] : [String(known)];
    return new UsageError(`Cannot write the list of keys ${redactAddress(this.#path)}: ${why}`, hint);
  }
}

function isReplaceable(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined || stats.isFile() || stats.isDirectory();
}

/** Whether there may be keys of several databases. */
export function showsDb({ databases }: StartEvent): boolean {
  return databases.length !== 1;
}

/**
 * One key as a line: `* key`, a tab, and what differs; `? key`, a tab, and what cannot be compared; `+ key` is only at the
 * source, `- key` only at the target. A tab in a key is escaped.
 * @param showsDb whether the number of the database stands before the key
 */
export function verdictLine({ verdict, db, key, targetDb, targetKey, what }: VerdictEvent, showsDb: boolean): string {
  const [shownDb, shownKey] = verdict === 'targetOnly' ? [targetDb, targetKey] : [db, key];
  const name = `${showsDb ? `${shownDb}:` : ''}${shortKey(shownKey, LONGEST_NAME)}`;
  return `${SIGNS[verdict]} ${name}${what === undefined ? '' : `\t${escapeControls(what)}`}\n`;
}
