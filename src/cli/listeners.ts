// Who hears of a run beside its output: files and programs that an operator named.

import type { Program } from './command.ts';
import { EventLog } from './event-log.ts';
import type { ExitCode } from './exit-codes.ts';
import type { OptionValues } from './flags/options.ts';
import type { Outcome, RunEvent } from './show/output.ts';
import { endsHere, made } from './tracing.ts';

export interface RunListener {
  onEvent(event: RunEvent): void;
  /** Once, and the last. */
  finish(outcome: Outcome, exitCode: ExitCode): void;
}

/** @throws UsageError where one cannot be made; none is left behind then */
export async function openListeners(values: OptionValues, { stderr }: Program): Promise<RunListener[]> {
  const { log } = values;
  const listeners: RunListener[] = [];
  if (log !== undefined) listeners.push(made('log', () => new EventLog(log, endsHere('the log', stderr))));
  return listeners;
}
