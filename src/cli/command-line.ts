// What the operator asks for, from the command line and the environment together. It reads no files.

import { redactAddress } from '../../resp/address.ts';
import type { MigrateOptions } from '../sync/options.ts';
import { parseArguments } from './arguments.ts';
import { readEnvironment, type Environment } from './environment.ts';
import { environmentNameOf, OPTION_LIST, OPTIONS, type Option, type OptionName, type OptionValues } from './options.ts';
import { UsageError } from './usage-error.ts';

export type CommandLine =
  /** `asked` is false where nothing at all was given. */
  { readonly command: 'help'; readonly asked: boolean } | { readonly command: 'version' } | CopyCommand;

export type ProgressStyle = 'auto' | 'bar' | 'dots' | 'none' | 'silent' | 'json';

export interface CopyCommand {
  readonly command: 'copy';
  readonly options: Omit<MigrateOptions, 'signal' | 'onEvent'>;
  /** They win over the passwords in `options`. */
  readonly fromPasswordFile: string | undefined;
  readonly toPasswordFile: string | undefined;
  readonly progress: ProgressStyle;
  readonly debug: boolean;
}

/** @throws UsageError */
export function parseCommandLine(argv: readonly string[], environment: Environment): CommandLine {
  const { values, words } = parseArguments(argv);
  if (values.help) return { command: 'help', asked: true };
  if (values.version) return { command: 'version' };
  demandCopy(words);
  const all = { ...readEnvironment(environment, (name) => isOpen(name, values)), ...values };
  if (argv.length === 0 && all.from === undefined && all.to === undefined) return { command: 'help', asked: false };
  refuseContradictions(all);
  return copyCommand(all, environment);
}

function copyCommand(values: OptionValues, environment: Environment): CopyCommand {
  const from = demandEndpoint('from', values.from);
  const to = demandEndpoint('to', values.to);
  return {
    command: 'copy',
    options: {
      from,
      to,
      fromPassword: environment['RUMP_FROM_PASSWORD'] || undefined,
      toPassword: environment['RUMP_TO_PASSWORD'] || undefined,
      db: values.db,
      onConflict: values['on-conflict'],
      noTtl: values['no-ttl'],
      count: values.count,
      buffer: values.buffer,
      timeout: values.timeout,
      failFast: values['fail-fast'],
    },
    fromPasswordFile: values['from-password-file'],
    toPasswordFile: values['to-password-file'],
    progress: values.silent ? 'silent' : values.json ? 'json' : (values.progress ?? 'auto'),
    debug: values.debug ?? false,
  };
}

function demandCopy([command, ...more]: readonly string[]): void {
  if (command === undefined || (command === 'copy' && more.length === 0)) return;
  const word = command === 'copy' ? more[0]! : command;
  const shown = redactAddress(word);
  if (/[:/@]/.test(word)) throw new UsageError(`Unexpected word ${shown}`, 'name the endpoints with --from and --to');
  throw new UsageError(`Unknown command ${shown}`, 'rump --help lists what there is');
}

function demandEndpoint(name: 'from' | 'to', value: string | undefined): string {
  if (value !== undefined) return value;
  const role = name === 'from' ? 'source' : 'target';
  throw new UsageError(
    `Cannot copy without a ${role}`,
    `give --${name} redis://host:port or set ${environmentNameOf(name)}`,
  );
}

/** A flag and the ones that exclude it are one decision: what the command line says of it, the environment cannot change. */
function isOpen(name: OptionName, values: OptionValues): boolean {
  return values[name] === undefined && excludedBy(name).every((other) => !isOn(values[other]));
}

function refuseContradictions(values: OptionValues): void {
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

function isOn(value: OptionValues[OptionName]): boolean {
  return value !== undefined && value !== false;
}
