// The flags that a run was given, by command line or environment, as a report lists them: without secrets.

import { redactAddress } from '../../../resp/address.ts';
import { formatBytes, formatCount, formatDuration } from '../../../resp/figures.ts';
import { endpoint, type Kind } from './kinds.ts';
import { OPTION_LIST, type OptionValues } from './options.ts';
import { isOn } from './refusals.ts';

/** In the order of the table; a flag that was repeated has a line for each value. Passwords have no flags but in addresses. */
export function givenOptions(values: OptionValues): (readonly [flag: string, value: string])[] {
  return OPTION_LIST.filter(([name]) => isOn(values[name])).flatMap(([name, { kind, separator }]) => {
    const value: unknown = values[name];
    const each = separator === undefined ? [value] : (value as readonly unknown[]);
    return each.map((one) => [`--${name}`, shownValue(kind, one)] as const);
  });
}

function shownValue(kind: Kind<unknown>, value: unknown): string {
  if (kind === endpoint) return redactAddress(String(value));
  if (value === true) return 'on';
  if (typeof value === 'number') return shownNumber(kind, value);
  if (value instanceof Map) return Array.from(value, ([from, to]) => `${from}:${to}`).join(',');
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' && value !== null ? shownPeers(value) : String(value);
}

function shownNumber({ placeholder }: Kind<unknown>, value: number): string {
  if (placeholder === 'SIZE') return formatBytes(value);
  if (placeholder === 'TIME') return value < 1000 ? `${value} ms` : formatDuration(value);
  return formatCount(value);
}

/** A host and a port, or one that stands for another. */
function shownPeers(value: object): string {
  if ('host' in value && 'port' in value) return `${String(value.host)}:${String(value.port)}`;
  return Object.values(value).map(shownPeers).join('=');
}
