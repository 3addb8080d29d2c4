// Who hears of a run beside its output: files and programs that an operator has named.

import { GrowingFile } from '../trace/growing-file.ts';
import type { Program } from './command.ts';
import type { ExitCode } from './exit-codes.ts';
import type { OptionValues } from './flags/options.ts';
import { EventLines, type Asked } from './show/event-lines.ts';
import type { Outcome, RunEvent } from './show/output.ts';
import type { RunListener } from './run-listener.ts';
import { endsHere, made, tellNotKept } from './tracing.ts';

/** @throws UsageError where one cannot be made; none is left behind then */
export async function openListeners(
  values: OptionValues,
  command: 'copy' | 'check',
  program: Program,
  asked: Asked,
): Promise<RunListener[]> {
  const { log, metrics, 'metrics-file': file, report } = values;
  const listeners: RunListener[] = [];
  try {
    if (log !== undefined) listeners.push(made('log', () => new EventLog(log, asked, program.stderr)));
    if (metrics !== undefined || file !== undefined || report !== undefined) {
      const { ShownRun } = await import('./shown-run.ts');
      listeners.push(await ShownRun.open(values, command, program));
    }
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
}

/** The events as lines of a file, behind those of earlier runs, each as soon as it is told. The last one has the exit code. */
class EventLog implements RunListener {
  readonly #file: GrowingFile;
  readonly #lines: EventLines;
  readonly #stderr: Program['stderr'];

  /** Where it cannot be written any more the run goes on without it. @throws RespError where it cannot be opened */
  constructor(path: string, asked: Asked, stderr: Program['stderr']) {
    this.#stderr = stderr;
    this.#file = new GrowingFile(path, endsHere('the log', stderr), 'continued');
    this.#lines = new EventLines((line) => this.#file.write(Buffer.from(line)), asked);
  }

  onEvent(event: RunEvent): void {
    this.#lines.onEvent(event);
  }

  finish(outcome: Outcome, exitCode: ExitCode): void {
    if ('error' in outcome) this.#lines.onError(outcome.error);
    this.#lines.tell('exit', { exitCode });
    const { fault } = this.#file;
    if (fault !== undefined) tellNotKept('the log', fault, this.#stderr);
  }

  close(): void {
    this.#file.close();
  }
}
