// Flags and words of the command line, and flags given as variables of the environment, of which an empty one counts as not
// set. Flags are rewritten for `arg`, which would take `-from` for five short ones.

import { redactAddress, STANDARD_STREAMS } from '../../../resp/address.ts';
import { formatBytes, formatCount, formatDuration } from '../../../resp/figures.ts';
import { endpoint, nearest, readValue, UsageError, type Kind } from './kinds.ts';
import {
  environmentNameOf,
  OPTION_LIST,
  OPTION_NAMES,
  OPTIONS,
  type OptionName,
  type OptionValues,
} from './options.ts';
import type { Option } from './option.ts';
import { isOn } from './refusals.ts';
import type { PartitionChoice } from './worker-options.ts';

import arg from 'arg';

export interface Arguments {
  readonly values: OptionValues;
  readonly words: readonly string[];
}

/** @throws UsageError */
export function parseArguments(argv: readonly string[]): Arguments {
  const spec: arg.Spec = {};
  for (const [name, { kind, shorts = [], separator }] of OPTION_LIST) {
    const read = (text: string, flag: string, previous?: unknown): unknown => {
      if (previous !== undefined && separator === undefined) throw new UsageError(`Cannot use ${flag} twice`);
      return readValue(kind, text, flag);
    };
    // A handler in brackets: `arg` collects what it returns in a list.
    spec[`--${name}`] = separator === undefined ? read : [read];
    for (const short of shorts) spec[`-${short}`] = `--${name}`;
  }
  const parsed = arg(spec, { argv: normalise(argv) }) as Readonly<Record<string, unknown>>;
  const given = OPTION_LIST.map(([name]) => [name, parsed[`--${name}`]] as const).filter(
    ([, value]) => value !== undefined,
  );
  return { values: Object.fromEntries(given), words: parsed['_'] as string[] };
}

/** Flags and their texts, as far as they can be read in a command line that could not be parsed. */
export function scanFlags(argv: readonly string[]): ReadonlyMap<OptionName, string> {
  const given = new Map<OptionName, string>();
  for (const [at, word] of argv.entries()) {
    for (const { name, value } of isFlag(word) ? (findFlags(word) ?? []) : []) {
      given.set(name, value ?? (isSwitch(name) ? 'true' : (argv[at + 1] ?? '')));
    }
  }
  return given;
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
    for (const { name, value } of parseFlags(word)) {
      if (isSwitch(name)) result.push(`--${name}=${value ?? 'true'}`);
      else result.push(...joinValue(name, value ?? takeValue(name, rest)));
    }
  }
  return result;
}

interface Flag {
  readonly name: OptionName;
  /** What stands behind `=`. */
  readonly value: string | undefined;
}

function parseFlags(word: string): Flag[] {
  const flags = findFlags(word);
  if (flags !== undefined) return flags;
  const [, dashes = '', name = ''] = /^(--?)([^=]*)/.exec(word) ?? [];
  throw unknownFlag(dashes, name);
}

/** One flag, or several switches behind one dash: `-sn`. */
function findFlags(word: string): Flag[] | undefined {
  const [, dashes = '', name = '', value] = /^(--?)([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
  const long = OPTION_LIST.find(([long]) => long === name)?.[0];
  const short = dashes === '-' ? optionOf(name) : undefined;
  if (long !== undefined || short !== undefined) return [{ name: (long ?? short)!, value }];
  const switches = dashes === '-' && name !== '' && value === undefined ? switchesOf(name) : undefined;
  return switches?.map((name) => ({ name, value: undefined }));
}

function optionOf(letter: string): OptionName | undefined {
  return OPTION_LIST.find(([, { shorts = [] }]) => shorts.includes(letter))?.[0];
}

/** `undefined` if any letter is no switch. */
function switchesOf(letters: string): OptionName[] | undefined {
  const names = Array.from(letters, optionOf);
  return names.every((name) => name !== undefined && isSwitch(name)) ? (names as OptionName[]) : undefined;
}

function isSwitch(name: OptionName): boolean {
  return (OPTIONS[name] as Option).kind.placeholder === undefined;
}

function takeValue(name: OptionName, rest: string[]): string {
  const [next] = rest;
  const { expected } = OPTIONS[name].kind;
  if (next === undefined) throw new UsageError(`Cannot use --${name} without its value`, expected);
  if (isFlag(next) && !/^-\d/.test(next) && !STANDARD_STREAMS.has(next)) {
    throw new UsageError(`Cannot use --${name} without its value: ${shownFlag(next)} follows`, expected);
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
  const suggestion = nearest(name, OPTION_NAMES);
  const hint = suggestion === undefined ? 'rump help lists the flags' : `did you mean --${suggestion}?`;
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

const WITH_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * The flags that a run was given, in the order of the table, as a report lists them. A flag that was repeated has a line for each
 * value. Passwords have no flags but in addresses, and are left out there.
 */
export function givenOptions(values: OptionValues): (readonly [flag: string, value: string])[] {
  return OPTION_LIST.filter(([name]) => isOn(values[name])).flatMap(([name, { kind, separator }]) => {
    const value: unknown = values[name];
    const each = separator === undefined ? [value] : (value as readonly unknown[]);
    return each.map((one) => [`--${name}`, shownValue(kind, one)] as const);
  });
}

function shownValue(kind: Kind<unknown>, value: unknown): string {
  // An address may stand by mistake where a path belongs.
  if (kind === endpoint || WITH_SCHEME.test(String(value))) return redactAddress(String(value));
  if (value === true) return 'on';
  if (typeof value === 'number') return shownNumber(kind, value);
  if (value instanceof Map) return Array.from(value, ([from, to]) => `${from}:${to}`).join(',');
  if (Array.isArray(value)) return value.join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  return 'part' in value ? shownPart(value as PartitionChoice) : shownPeers(value);
}

function shownNumber({ placeholder }: Kind<unknown>, value: number): string {
  if (placeholder === 'SIZE') return formatBytes(value);
  if (placeholder === 'TIME') return value < 1000 ? `${value} ms` : formatDuration(value);
  return formatCount(value);
}

function shownPart({ part, parts }: PartitionChoice): string {
  return parts === undefined ? String(part) : `${part}/${parts}`;
}

/** A host and a port, or one that stands for another. */
function shownPeers(value: object): string {
  if ('host' in value && 'port' in value) return `${String(value.host)}:${String(value.port)}`;
  return Object.values(value).map(shownPeers).join('=');
}
