// What the operator asks of the commands: from the command line and the environment. It reads no files.

import { redactAddress, STANDARD_STREAMS } from '../../resp/address.ts';
import { parseArguments, readEnvironment, scanFlags, type Environment } from './flags/arguments.ts';
import { nearest, toggle, UsageError } from './flags/kinds.ts';
import { environmentNameOf, OPTION_NAMES, type OptionName } from './flags/options.ts';
import { isOpen, refuseExclusion, refuseForeignFlags, refuseNeedy } from './flags/refusals.ts';
import type { Command, Commands, Request } from './command.ts';
import { help, version } from './help.ts';

/** @throws UsageError */
export function parseCommandLine(commands: Commands, argv: readonly string[], environment: Environment): Request {
  const { values, words } = parseArguments(argv);
  const requestFor = (command: Command, operands: readonly string[] = []): Request => {
    return { command, operands, values, environment, isAsked: true };
  };
  if (values.help) return requestFor(help, words.filter((word) => isCommand(commands, word)).slice(0, 1));
  if (values.version) return requestFor(version);
  const [command, operands] = readWords(commands, words);
  const { flags, noun } = command;
  if (flags === undefined) return requestFor(command, operands);
  refuseForeignFlags(flags, noun, values);
  const isMeant = (name: OptionName): boolean => isOpen(name, values) && flags.has(name);
  const all = { ...readEnvironment(environment, isMeant), ...values };
  refuseNeedy(flags, values, all);
  if (argv.length === 0 && all.from === undefined && all.to === undefined) {
    return { ...requestFor(help), isAsked: false };
  }
  refuseExclusion(all);
  return { ...requestFor(command, operands), values: all };
}

/** Whether errors go to stdout as JSON: a guess, for a command line that could not be parsed. */
export function wantsJson(commands: Commands, argv: readonly string[], environment: Environment): boolean {
  const given = scanFlags(argv);
  const valueOf = (name: OptionName): string => given.get(name) ?? environment[environmentNameOf(name)] ?? '';
  const { stdoutFlags = {} } = commands.find(({ name }) => argv.includes(name)) ?? commands[0];
  if (Object.keys(stdoutFlags).some((flag) => STANDARD_STREAMS.has(valueOf(flag as OptionName)))) return false;
  const isOtherwise = !given.has('json') && (given.has('silent') || given.has('progress'));
  return !isOtherwise && toggle.parse(valueOf('json')) === true;
}

function readWords(
  commands: Commands,
  [first, ...rest]: readonly string[],
): [command: Command, operands: readonly string[]] {
  const command = first === undefined ? commands[0] : find(commands, first);
  if (command === undefined) throw unknownWord(commands, first!);
  const { operands } = command;
  const [second, ...more] = rest;
  // `rump check help` means `rump help check`.
  const isAlone = operands === undefined || (operands === 'anything' && more.length === 0);
  if (second === help.name && isAlone) return readWords(commands, [help.name, command.name, ...more]);
  if (operands === 'anything') return [command, rest];
  const extra = operands === 'a command' && (second === undefined || isCommand(commands, second)) ? more[0] : second;
  if (extra !== undefined) throw unknownWord(commands, extra);
  return [command, rest];
}

function find(commands: Commands, word: string): Command | undefined {
  return commands.find(({ name }) => name === word);
}

function isCommand(commands: Commands, word: string): boolean {
  return find(commands, word) !== undefined;
}

function unknownWord(commands: Commands, word: string): UsageError {
  const shown = redactAddress(word);
  if (/[:/@]|\.(?:resp|rdb|ndjson)(?:\.gz)?$/.test(word)) {
    return new UsageError(`Unexpected word ${shown}`, 'name the endpoints with --from and --to');
  }
  return new UsageError(`Unknown command ${shown}`, meantBy(commands, word) ?? 'rump help lists what there is');
}

/** A misspelt command, or a flag without its dashes. */
function meantBy(commands: Commands, word: string): string | undefined {
  if (isCommand(commands, word)) return undefined;
  const names = commands.map(({ name }) => name);
  const command = nearest(word, names, 1);
  const flag = command === undefined ? nearest(word, OPTION_NAMES, 1) : undefined;
  if (flag !== undefined) return `did you mean --${flag}?`;
  const meant = command ?? nearest(word, names);
  return meant === undefined ? undefined : `did you mean rump ${meant}?`;
}
