// Flags that mean nothing to a command: on its command line they are refused, in the environment they are for another one.

import { COMMANDS, type Task } from './commands.ts';
import { isOn } from './exclusion.ts';
import { OPTION_LIST, OPTIONS, type Option, type OptionName, type OptionValues } from './options.ts';
import { UsageError } from './usage-error.ts';

export function isOf(task: Task, name: OptionName): boolean {
  const { command = task }: Option = OPTIONS[name];
  return command === task;
}

/** @throws UsageError */
export function refuseForeignFlags(task: Task, values: OptionValues): void {
  for (const [name, { group }] of OPTION_LIST) {
    if (!isOn(values[name])) continue;
    if (!isOf(task, name)) throw refused(name, `it means nothing to ${COMMANDS[task].task.name}`, 'leave it out');
    // A copy can be followed by a check.
    if (task === 'copy' && group === 'Check' && values.verify !== true) {
      throw refused(name, 'a copy does not compare', 'give --verify as well, or write rump check');
    }
  }
}

function refused(name: OptionName, why: string, hint: string): UsageError {
  return new UsageError(`Cannot use --${name}: ${why}`, hint);
}
