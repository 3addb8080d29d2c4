// What the operator asks for, from the command line and the environment together. It reads no files.

import { parseAddress, redactAddress } from '../../resp/address.ts';
import type { MigrateOptions } from '../sync/options.ts';
import { parseArguments } from './arguments.ts';
import { refuseContradictions } from './contradictions.ts';
import { refuseDatabaseChoice } from './database-choice.ts';
import { readEnvironment, type Environment } from './environment.ts';
import { isOn, isOpen, refuseExclusion } from './exclusion.ts';
import { environmentNameOf, type OptionValues } from './options.ts';
import type { SideFiles, SideSecrets } from './side-files.ts';
import { UsageError } from './usage-error.ts';

export type CommandLine =
  /** `asked` is false where nothing at all was given. */
  { readonly command: 'help'; readonly asked: boolean } | { readonly command: 'version' } | CopyCommand;

export type ProgressStyle = 'auto' | 'bar' | 'dots' | 'none' | 'silent' | 'json';

export interface CopyCommand {
  readonly command: 'copy';
  readonly options: Omit<MigrateOptions, 'signal' | 'onEvent'>;
  /** What is in them wins over what is in `options`. */
  readonly fromFiles: SideFiles;
  readonly toFiles: SideFiles;
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
  refuseExclusion(all);
  return copyCommand(all, environment);
}

function copyCommand(values: OptionValues, environment: Environment): CopyCommand {
  const [from, to] = [demandEndpoint('from', values.from), demandEndpoint('to', values.to)];
  const [source, target] = [secretsOf('from', values, environment), secretsOf('to', values, environment)];
  const [fromAddress, toAddress] = [parseAddress(from), parseAddress(to)];
  refuseContradictions(
    values,
    { name: 'from', address: fromAddress, sentinelPassword: source.sentinelPassword },
    { name: 'to', address: toAddress, sentinelPassword: target.sentinelPassword },
  );
  refuseDatabaseChoice(values, fromAddress, toAddress);
  return {
    command: 'copy',
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
      onConflict: values['on-conflict'],
      noTtl: values['no-ttl'],
      preserveIdle: values['preserve-idle'],
      count: values.count,
      buffer: values.buffer,
      bigKey: values['big-key'],
      bwlimit: values.bwlimit,
      tpslimit: values.tpslimit,
      retries: values.retries,
      retryMax: values['retry-max'],
      timeout: values.timeout,
      failFast: values['fail-fast'],
      dryRun: values['dry-run'],
    },
    fromFiles: filesOf('from', values),
    toFiles: filesOf('to', values),
    progress: values.silent ? 'silent' : values.json ? 'json' : (values.progress ?? 'auto'),
    debug: values.debug ?? false,
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
