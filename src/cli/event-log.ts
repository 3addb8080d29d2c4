// --log: the events of a run as lines of a file, behind those of earlier runs, each as soon as it is told. The last one has the
// exit code.

import type { RespError } from '../../resp/errors.ts';
import { GrowingFile } from '../trace/growing-file.ts';
import type { ExitCode } from './exit-codes.ts';
import { EventLines } from './show/event-lines.ts';
import type { Outcome, RunEvent } from './show/output.ts';
import type { RunListener } from './run-listener.ts';

export class EventLog implements RunListener {
  readonly #file: GrowingFile;
  readonly #lines: EventLines;

  /**
   * @param onError called once, where it cannot be written any more: the run goes on without it
   * @throws RespError where it cannot be opened
   */
  constructor(path: string, onError: (error: RespError) => void) {
    this.#file = new GrowingFile(path, onError, true);
    this.#lines = new EventLines((line) => this.#file.write(Buffer.from(line)));
  }

  onEvent(event: RunEvent): void {
    this.#lines.onEvent(event);
  }

  finish(outcome: Outcome, exitCode: ExitCode): void {
    if ('error' in outcome) this.#lines.onError(outcome.error);
    this.#lines.tell('exit', { exitCode });
  }

  close(): void {
    this.#file.close();
  }
}
