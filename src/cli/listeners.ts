// Who hears of a run beside its output: files and programs that an operator has named.

import type { Program } from './command.ts';
import type { OptionValues } from './flags/options.ts';
import { ShownRun } from './shown-run.ts';
import { EventLog } from './event-log.ts';
import type { RunListener } from './run-listener.ts';
import { endsHere, made } from './tracing.ts';

/** @throws UsageError where one cannot be made; none is left behind then */
export async function openListeners(
  values: OptionValues,
  command: 'copy' | 'check',
  program: Program,
): Promise<RunListener[]> {
  const { log, metrics, 'metrics-file': file } = values;
  const listeners: RunListener[] = [];
  try {
    if (log !== undefined) listeners.push(made('log', () => new EventLog(log, endsHere('the log', program.stderr))));
    if (metrics !== undefined || file !== undefined) listeners.push(await ShownRun.open(values, command, program));
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
}
