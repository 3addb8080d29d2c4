// The figures of a run in a file, for a collector that reads it now and then: replaced whole, and last at the end of the run.

import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { RespError } from '../../resp/errors.ts';
import { writeWhole } from '../file/whole-file.ts';
import { metricsText } from './metrics-text.ts';
import type { RunState } from './run-state.ts';

/** Milliseconds between two writes: more often than anybody reads. */
const INTERVAL_MS = 5000;
/** It has no keys, and whoever collects it is another user. */
const READABLE = 0o644;
/** Far more than there is to say. */
const MOST_BYTES = 1024 * 1024;
const SUCCEEDED = /^rump_success_timestamp_seconds(?:\{.*\})? (\d+(?:\.\d+)?)$/m;

export class MetricsFile {
  readonly #path: string;
  readonly #state: () => RunState;
  readonly #onError: (error: RespError) => void;
  readonly #timer: NodeJS.Timeout;
  /** What the file had said before, of a run that is over. */
  readonly #succeededBefore: number | undefined;
  #isErrorTold = false;

  /**
   * @param onError called once, where it could not be written: it is tried again, and the run goes on
   * @throws RespError where it cannot be written at all
   */
  constructor(path: string, state: () => RunState, onError: (error: RespError) => void) {
    this.#path = path;
    this.#state = state;
    this.#onError = onError;
    this.#succeededBefore = succeededBefore(path);
    this.#write();
    this.#timer = setInterval(() => this.#tryToWrite(), INTERVAL_MS).unref();
  }

  /** The run is over. @throws RespError where that could not be written */
  finish(): void {
    this.close();
    this.#write();
  }

  /** Nothing more is written. */
  close(): void {
    clearInterval(this.#timer);
  }

  #tryToWrite(): void {
    try {
      this.#write();
    } catch (error) {
      if (!this.#isErrorTold) this.#onError(error as RespError);
      this.#isErrorTold = true;
    }
  }

  #write(): void {
    const state = this.#state();
    // A dry run has copied nothing.
    const hasSucceeded = state.outcome?.exitCode === 0 && state.dryRun === undefined;
    const succeededAt = hasSucceeded ? state.updatedAt : this.#succeededBefore;
    const run = basename(this.#path).replace(/\.prom$/, '');
    const text = metricsText(state, { run, succeededAt });
    // What comes before the end is soon written again.
    writeWhole(this.#path, Buffer.from(text), { mode: READABLE, isDurable: state.outcome !== undefined });
  }
}

/** @returns milliseconds since 1970; `undefined` where the file says nothing of it, or is none */
function succeededBefore(path: string): number | undefined {
  try {
    const stats = statSync(path);
    if (!stats.isFile() || stats.size > MOST_BYTES) return undefined;
    const [, seconds] = SUCCEEDED.exec(readFileSync(path, 'utf8')) ?? [];
    return seconds === undefined ? undefined : Number(seconds) * 1000;
  } catch {
    return undefined;
  }
}
