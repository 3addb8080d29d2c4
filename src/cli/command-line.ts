// What the operator asks for, from the command line and the environment together. It reads no files.

import { parseAddress, redactAddress } from '../../resp/address.ts';
import type { MigrateOptions } from '../sync/options.ts';
import type { CheckOptions } from '../verify/options.ts';
import { parseArguments } from './arguments.ts';
import { COMMAND_NAMES, COMMANDS, isCommand, isTask, type CommandName, type Task } from './commands.ts';
import { refuseContradictions } from './contradictions.ts';
import { isOf, refuseForeignFlags } from './foreign-flags.ts';
import { refuseDatabaseChoice } from './database-choice.ts';
import { readEnvironment, unknownVariables, type Environment } from './environment.ts';
import { isOn, isOpen, refuseExclusion } from './exclusion.ts';
import { nearest } from './nearest.ts';
import { environmentNameOf, OPTION_NAMES, type OptionName, type OptionValues } from './options.ts';
import type { SideFiles, SideSecrets } from './side-files.ts';
import { UsageError } from './usage-error.ts';

export type CommandLine =
  /** `asked` is false where nothing at all was given. */
  | { readonly command: 'help'; readonly asked: boolean; /** One command only. */ readonly about?: Task }
  | { readonly command: 'version' }
  | CopyCommand
  | CheckCommand;

export type ProgressStyle = 'auto' | 'bar' | 'dots' | 'none' | 'silent' | 'json';

/** What every task is told beside its options. */
interface TaskCommand {
  /** What is in them wins over what is in `options`. */
  readonly fromFiles: SideFiles;
  readonly toFiles: SideFiles;
  readonly progress: ProgressStyle;
  readonly debug: boolean;
  /** What the operator should know before anything is done. */
  readonly warnings: readonly string[];
}

export interface CopyCommand extends TaskCommand {
  readonly command: 'copy';
  readonly options: Omit<MigrateOptions, 'signal' | 'onEvent'>;
  /** What the check behind the copy is asked for; without `--verify` there is none. */
  readonly verify: Recheck | undefined;
}

export interface CheckCommand extends TaskCommand {
  readonly command: 'check';
  readonly options: Omit<CheckOptions, 'signal' | 'onEvent'>;
  /** Where a line for every key goes. */
  readonly combined: string | undefined;
}

export type Recheck = Pick<CheckOptions, 'ttlTolerance' | 'recheck' | 'recheckInterval'>;

/** @throws UsageError */
export function parseCommandLine(argv: readonly string[], environment: Environment): CommandLine {
  const { values, words } = parseArguments(argv);
  if (values.help) return helpAbout(words.find(isCommand));
  if (values.version) return { command: 'version' };
  const [command, about] = readWords(words);
  if (command === 'version') return { command };
  if (command === 'help') return helpAbout(about);
  const task = command;
  refuseForeignFlags(task, values);
  const isMeant = (name: OptionName): boolean => isOpen(name, values) && isOf(task, name);
  const all = { ...readEnvironment(environment, isMeant), ...values };
  if (argv.length === 0 && all.from === undefined && all.to === undefined) {
    return { command: 'help', asked: false };
  }
  refuseExclusion(all);
  return task === 'check' ? checkCommand(all, environment) : copyCommand(all, environment);
}

function copyCommand(values: OptionValues, environment: Environment): CopyCommand {
  const { options, ...rest } = taskOf('copy', values, environment);
  return {
    ...rest,
    command: 'copy',
    options: {
      ...options,
      onConflict: values['on-conflict'],
      preserveIdle: values['preserve-idle'],
      bwlimit: values.bwlimit,
      tpslimit: values.tpslimit,
      failFast: values['fail-fast'],
      dryRun: values['dry-run'],
    },
    verify: values.verify === true ? recheckOf(values) : undefined,
  };
}

function checkCommand(values: OptionValues, environment: Environment): CheckCommand {
  const { options, ...rest } = taskOf('check', values, environment);
  const { combined } = values;
  const tellMatches = combined !== undefined;
  return { ...rest, command: 'check', options: { ...options, ...recheckOf(values), tellMatches }, combined };
}

function recheckOf(values: OptionValues): Recheck {
  return {
    ttlTolerance: values['ttl-tolerance'],
    recheck: values.recheck,
    recheckInterval: values['recheck-interval'],
  };
}

/** What a copy and a check are asked for alike. */
function taskOf(
  task: Task,
  values: OptionValues,
  environment: Environment,
): TaskCommand & { readonly options: CopyCommand['options'] & CheckCommand['options'] } {
  const [from, to] = (['from', 'to'] as const).map((name) => demandEndpoint(task, name, values[name], environment)) as [
    string,
    string,
  ];
  const [source, target] = [secretsOf('from', values, environment), secretsOf('to', values, environment)];
  const [fromAddress, toAddress] = [parseAddress(from), parseAddress(to)];
  refuseContradictions(
    task,
    values,
    { name: 'from', address: fromAddress, sentinelPassword: source.sentinelPassword },
    { name: 'to', address: toAddress, sentinelPassword: target.sentinelPassword },
  );
  refuseDatabaseChoice(task, values, fromAddress, toAddress);
  return {
    options: {
      from,
      to,
      fromPassword: source.password,
      toPassword: target.password,
      fromSentinelPassword: source.sentinelPassword,
      toSentinelPassword: target.sentinelPassword,
      fromTls: source.tls,
      toTls: target.tls,
      fromNat: values['from-nat'],
      toNat: values['to-nat'],
      db: values.db,
      dbMap: values['db-map'],
      match: values.match,
      exclude: values.exclude,
      type: values.type,
      stripPrefix: values['strip-prefix'],
      addPrefix: values['add-prefix'],
      noTtl: values['no-ttl'],
      count: values.count,
      buffer: values.buffer,
      bigKey: values['big-key'],
      maxLatency: values['max-latency'],
      maxReply: values['max-reply'],
      retries: values.retries,
      retryMax: values['retry-max'],
      timeout: values.timeout,
    },
    fromFiles: filesOf('from', values),
    toFiles: filesOf('to', values),
    progress: values.silent ? 'silent' : values.json ? 'json' : (values.progress ?? 'auto'),
    debug: values.debug ?? false,
    warnings: unknownVariables(environment),
  };
}

/** What needs no file. TLS without any flag is as the URL says, with nothing to add. */
function secretsOf(side: 'from' | 'to', values: OptionValues, environment: Environment): SideSecrets {
  const variable = `RUMP_${side.toUpperCase()}`;
  const { ca, cert, key } = filesOf(side, values).pem;
  const servername = values[`${side}-tls-servername`];
  const insecure = values[`${side}-tls-insecure`];
  const hasTls = [ca, cert, key, servername, insecure].some(isOn);
  return {
    password: environment[`${variable}_PASSWORD`] || undefined,
    sentinelPassword: environment[`${variable}_SENTINEL_PASSWORD`] || undefined,
    tls: hasTls ? { servername, insecure } : undefined,
  };
}

function filesOf(side: 'from' | 'to', values: OptionValues): SideFiles {
  return {
    password: values[`${side}-password-file`],
    sentinelPassword: values[`${side}-sentinel-password-file`],
    pem: { ca: values[`${side}-tls-ca`], cert: values[`${side}-tls-cert`], key: values[`${side}-tls-key`] },
  };
}

function helpAbout(command: CommandName | undefined): CommandLine {
  return { command: 'help', asked: true, ...(isTask(command) ? { about: command } : {}) };
}

/** The command, and for the help the one that it is about. */
function readWords([first = 'copy', second, third]: readonly string[]): [command: CommandName, about?: CommandName] {
  if (!isCommand(first)) throw unknownWord(first);
  if (first !== 'help' && second !== 'help') {
    if (second !== undefined) throw unknownWord(second);
    return [first];
  }
  // `rump check help` is as good as `rump help check`.
  const about = first === 'help' ? second : first;
  if (about !== undefined && !isCommand(about)) throw unknownWord(about);
  if (third !== undefined) throw unknownWord(third);
  return about === undefined ? ['help'] : ['help', about];
}

function unknownWord(word: string): UsageError {
  const shown = redactAddress(word);
  if (/[:/@]|\.(?:resp|rdb)(?:\.gz)?$/.test(word)) {
    return new UsageError(`Unexpected word ${shown}`, 'name the endpoints with --from and --to');
  }
  return new UsageError(`Unknown command ${shown}`, meantBy(word) ?? 'rump help lists what there is');
}

/** A command that is written otherwise, or a flag without its dashes. */
function meantBy(word: string): string | undefined {
  if (isCommand(word)) return undefined;
  const command = nearest(word, COMMAND_NAMES, 1);
  const flag = command === undefined ? nearest(word, OPTION_NAMES, 1) : undefined;
  if (flag !== undefined) return `did you mean --${flag}?`;
  const meant = command ?? nearest(word, COMMAND_NAMES);
  return meant === undefined ? undefined : `did you mean rump ${meant}?`;
}

function demandEndpoint(task: Task, name: 'from' | 'to', value: string | undefined, environment: Environment): string {
  if (value !== undefined) return value;
  const role = name === 'from' ? 'source' : 'target';
  const ways = [`give --${name} redis://host:port or set ${environmentNameOf(name)}`, ...unknownVariables(environment)];
  throw new UsageError(`Cannot ${COMMANDS[task].task.verb} without a ${role}`, ways.join('; '));
}
