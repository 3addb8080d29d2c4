// The twins of the flags in the environment. A variable that is empty counts as not there.

import { readValue } from './option-value.ts';
import { environmentNameOf, OPTION_LIST, type Option, type OptionName, type OptionValues } from './options.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The values of the flags that `isOpen`: the command line wins, also over a variable that could not be read.
 * @throws UsageError
 */
export function readEnvironment(environment: Environment, isOpen: (name: OptionName) => boolean): OptionValues {
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const [name, option] of OPTION_LIST) {
    const variable = environmentNameOf(name);
    const text = environment[variable];
    if (option.environment === false || text === undefined || text === '' || !isOpen(name)) continue;
    values[name] = readValues(name, option, text, variable);
  }
  return values as OptionValues;
}

function readValues(name: OptionName, { separator }: Option, text: string, variable: string): unknown {
  if (separator === undefined) return readValue(name, text, variable);
  const texts = text.split(separator).filter((one) => one !== '');
  return texts.length === 0 ? undefined : texts.map((one) => readValue(name, one, variable));
}
