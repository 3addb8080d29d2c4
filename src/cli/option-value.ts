// Reads one value, wherever it was given, and says what is wrong with it without showing a password.

import { redactAddress } from '../../resp/address.ts';
import { AddressError } from '../../resp/errors.ts';
import { OPTIONS, type Option, type OptionName } from './options.ts';
import { UsageError } from './usage-error.ts';

/** @throws UsageError, which names where the text was given: `--count` or `RUMP_COUNT` */
export function readValue(name: OptionName, text: string, origin: string): unknown {
  const { kind }: Option = OPTIONS[name];
  if (text === '' && kind.placeholder !== undefined) {
    throw new UsageError(`Cannot use ${origin} without its value`, kind.expected);
  }
  const value = parse(kind, text, origin);
  if (value !== undefined) return value;
  const meant = kind.suggest?.(text);
  const hint = meant === undefined || kind.parse(meant) === undefined ? undefined : `did you mean ${meant}?`;
  throw new UsageError(`Cannot use "${redactAddress(text)}" for ${origin}: ${kind.expected}`, hint);
}

function parse(kind: Option['kind'], text: string, origin: string): unknown {
  try {
    return kind.parse(text);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new UsageError(`Cannot use ${origin}: ${decapitalise(error.message)}`, error.hint, error);
  }
}

function decapitalise(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
