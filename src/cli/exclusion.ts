// Flags that exclude each other, as the table of flags has it.

import { OPTION_LIST, OPTIONS, type Option, type OptionName, type OptionValues } from './options.ts';
import { UsageError } from './usage-error.ts';

/** A switch that is off counts as not given. */
export function isOn(value: OptionValues[OptionName]): boolean {
  return value !== undefined && value !== false;
}

/** A flag and the ones that exclude it are one decision: what the command line says of it, the environment cannot change. */
export function isOpen(name: OptionName, values: OptionValues): boolean {
  return values[name] === undefined && excludedBy(name).every((other) => !isOn(values[other]));
}

/** @throws UsageError */
export function refuseExclusion(values: OptionValues): void {
  for (const [name] of OPTION_LIST) {
    const other = excludedBy(name).find((other) => isOn(values[other]));
    if (isOn(values[name]) && other !== undefined) {
      throw new UsageError(`Cannot use --${name} and --${other} together`, 'leave one of them out');
    }
  }
}

function excludedBy(name: OptionName): readonly OptionName[] {
  const { excludes = [] }: Option = OPTIONS[name];
  return excludes as readonly OptionName[];
}
