// The words of the command line, as given and as `arg` understands them: it would take `-from` for five short flags.

import arg from 'arg';
import { redactAddress } from '../../resp/address.ts';
import { nearest } from './nearest.ts';
import { readValue } from './option-value.ts';
import { OPTION_LIST, OPTIONS, type Option, type OptionName, type OptionValues } from './options.ts';
import { UsageError } from './usage-error.ts';

export interface Arguments {
  readonly values: OptionValues;
  readonly words: readonly string[];
}

/** @throws UsageError */
export function parseArguments(argv: readonly string[]): Arguments {
  const spec: arg.Spec = {};
  for (const [name, { short, separator }] of OPTION_LIST) {
    const read = (text: string, flag: string, previous?: unknown): unknown => {
      if (previous !== undefined && separator === undefined) throw new UsageError(`Cannot use ${flag} twice`);
      return readValue(name, text, flag);
    };
    // `arg` makes a list of what a handler in brackets returns.
    spec[`--${name}`] = separator === undefined ? read : [read];
    if (short !== undefined) spec[`-${short}`] = `--${name}`;
  }
  const parsed = arg(spec, { argv: normalise(argv) }) as Readonly<Record<string, unknown>>;
  const given = OPTION_LIST.map(([name]) => [name, parsed[`--${name}`]] as const).filter(
    ([, value]) => value !== undefined,
  );
  return { values: Object.fromEntries(given), words: parsed['_'] as string[] };
}

/** Long flags with two dashes; a value behind `=` where it would be taken for a flag. */
function normalise(argv: readonly string[]): string[] {
  const rest = [...argv];
  const result: string[] = [];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return [...result, word, ...rest];
    if (!isFlag(word)) {
      result.push(word);
      continue;
    }
    const { name, value } = parseFlag(word);
    const option: Option = OPTIONS[name];
    if (option.kind.placeholder === undefined) result.push(`--${name}=${value ?? 'true'}`);
    else result.push(...joinValue(name, value ?? takeValue(name, option, rest)));
  }
  return result;
}

function parseFlag(word: string): { name: OptionName; value: string | undefined } {
  const [, dashes = '', name = '', value] = /^(--?)([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
  const found = OPTION_LIST.find(([long, { short }]) => long === name || (dashes === '-' && short === name));
  if (found === undefined) throw unknownFlag(dashes, name);
  return { name: found[0], value };
}

function takeValue(name: OptionName, { kind }: Option, rest: string[]): string {
  const [next] = rest;
  if (next === undefined) throw new UsageError(`Cannot use --${name} without its value`, kind.expected);
  if (isFlag(next) && !/^-\d/.test(next)) {
    throw new UsageError(`Cannot use --${name} without its value: ${shownFlag(next)} follows`, kind.expected);
  }
  return rest.shift()!;
}

function joinValue(name: OptionName, value: string): string[] {
  if (!isFlag(value)) return [`--${name}`, value];
  // Behind `=` `arg` takes the first line only.
  if (/[\n\r\u2028\u2029]/.test(value)) {
    throw new UsageError(`Cannot use --${name}: a value that begins with a dash must be a single line`);
  }
  return [`--${name}=${value}`];
}

function unknownFlag(dashes: string, name: string): UsageError {
  const names = OPTION_LIST.map(([name]) => name);
  const suggestion = nearest(name, names);
  const hint = suggestion === undefined ? 'rump --help lists the flags' : `did you mean --${suggestion}?`;
  return new UsageError(`Unknown flag ${shownFlag(dashes + name)}`, hint);
}

/** A single dash is a word: the stream on stdin or stdout. */
function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}

/** The name only: what stands behind it may hold a password. */
function shownFlag(word: string): string {
  return redactAddress(/^-*[\w-]*/.exec(word)![0]);
}
