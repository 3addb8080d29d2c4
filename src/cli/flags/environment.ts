// Flags given as environment variables. An empty variable counts as not set.

import { readValue } from './kinds.ts';
import {
  environmentNameOf,
  OPTION_LIST,
  OPTION_NAMES,
  type Option,
  type OptionName,
  type OptionValues,
} from './options.ts';
import { nearest } from './usage-error.ts';

const PREFIX = 'RUMP_';
/** They have no flag: others can see a command line. */
const PASSWORDS = ['FROM', 'TO', 'FROM_SENTINEL', 'TO_SENTINEL'].map((whose) => `${PREFIX}${whose}_PASSWORD`);
const MOST_NAMES = 5;

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Values of the flags that `isOpen`; others are not read, as the command line has decided them.
 * @throws UsageError
 */
export function readEnvironment(environment: Environment, isOpen: (name: OptionName) => boolean): OptionValues {
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const [name, option] of OPTION_LIST) {
    const variable = environmentNameOf(name);
    const text = environment[variable];
    if (option.environment === false || text === undefined || text === '' || !isOpen(name)) continue;
    values[name] = readValues(option, text, variable);
  }
  return values as OptionValues;
}

/** A line that lists variables with our prefix that are none of ours, with what was probably meant; or nothing. */
export function unknownVariables(environment: Environment): string[] {
  const known = new Set([...OPTION_NAMES.map(environmentNameOf), ...PASSWORDS]);
  const given = Object.keys(environment).filter((name) => name.startsWith(PREFIX) && environment[name] !== '');
  const unknown = given.filter((name) => !known.has(name));
  if (unknown.length === 0) return [];
  const shown = unknown
    .toSorted()
    .slice(0, MOST_NAMES)
    .map((name) => {
      const meant = nearest(
        name.slice(PREFIX.length),
        [...known].map((name) => name.slice(PREFIX.length).toLowerCase()),
      );
      return meant === undefined ? name : `${name} (did you mean ${PREFIX}${meant.toUpperCase()}?)`;
    });
  const rest = unknown.length > MOST_NAMES ? ` and ${unknown.length - MOST_NAMES} more` : '';
  return [`rump knows no variable ${shown.join(', ')}${rest}`];
}

function readValues({ kind, separator }: Option, text: string, variable: string): unknown {
  if (separator === undefined) return readValue(kind, text, variable);
  const texts = text.split(separator).filter((one) => one !== '');
  return texts.length === 0 ? undefined : texts.map((one) => readValue(kind, one, variable));
}
