// The options of commands with a source and a target: endpoints, secrets, which keys, limits. It reads no files.

import { parseAddress } from '../../../resp/address.ts';
import type { CheckOptions } from '../../verify/options.ts';
import { environmentNameOf, type OptionValues } from './options.ts';
import { unknownVariables, type Environment } from './environment.ts';
import { isOn, refuseContradictions, type Task, type StdoutFlags } from './refusals.ts';
import type { SideFiles, SideSecrets } from './side-files.ts';
import { UsageError } from './usage-error.ts';

export type ProgressStyle = 'auto' | 'bar' | 'dots' | 'none' | 'silent' | 'json';

/** Options that a copy and a check share. `Required`: each of them has a flag. */
export type SidesOptions = Required<Omit<CheckOptions, keyof RecheckOptions | 'tellMatches' | 'signal' | 'onEvent'>>;
export type RecheckOptions = Required<Pick<CheckOptions, 'ttlTolerance' | 'recheck' | 'recheckInterval'>>;

export interface SidesRequest<Options = SidesOptions> {
  readonly options: Options;
  /** Their contents win over `options`. */
  readonly fromFiles: SideFiles;
  readonly toFiles: SideFiles;
  readonly progress: ProgressStyle;
  readonly debug: boolean;
  /** To be shown before anything is done. */
  readonly warnings: readonly string[];
}

/**
 * @param stdoutFlags of the command
 * @throws UsageError
 */
export function sidesRequest(
  task: Task,
  stdoutFlags: StdoutFlags,
  values: OptionValues,
  environment: Environment,
): SidesRequest {
  const from = demandEndpoint(task, 'from', values, environment);
  const to = demandEndpoint(task, 'to', values, environment);
  const [source, target] = [secretsOf('from', values, environment), secretsOf('to', values, environment)];
  refuseContradictions(
    task,
    values,
    stdoutFlags,
    { name: 'from', address: parseAddress(from), sentinelPassword: source.sentinelPassword },
    { name: 'to', address: parseAddress(to), sentinelPassword: target.sentinelPassword },
  );
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
    progress: progressOf(values),
    debug: values.debug ?? false,
    warnings: unknownVariables(environment),
  };
}

function progressOf({ silent, json, progress = 'auto' }: OptionValues): ProgressStyle {
  if (silent) return 'silent';
  return json ? 'json' : progress;
}

/** How a check is made, alone or behind a copy. */
export function recheckOf(values: OptionValues): RecheckOptions {
  return {
    ttlTolerance: values['ttl-tolerance'],
    recheck: values.recheck,
    recheckInterval: values['recheck-interval'],
  };
}

/** Secrets that need no file. `tls` is undefined where no flag says more than the URL. */
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

function demandEndpoint(
  { verb }: Task,
  name: 'from' | 'to',
  { [name]: value }: OptionValues,
  environment: Environment,
): string {
  if (value !== undefined) return value;
  const role = name === 'from' ? 'source' : 'target';
  const ways = [`give --${name} redis://host:port or set ${environmentNameOf(name)}`, ...unknownVariables(environment)];
  throw new UsageError(`Cannot ${verb} without a ${role}`, ways.join('; '));
}
