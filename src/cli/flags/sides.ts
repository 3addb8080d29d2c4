// What the flags say of source and target: endpoints, secrets, which keys, limits. The files that they name are validated
// before anything connects, as later errors of TLS name no file.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { parseAddress, redactAddress } from '../../../resp/address.ts';
import type { TlsOptions } from '../../../resp/tls-options.ts';
import { readSmall } from '../../file/regular-file.ts';
import type { SourceOptions } from '../../sync/settings.ts';
import type { CheckOptions } from '../../verify/options.ts';
import { partitionOptions } from './partition.ts';
import { unknownVariables, type Environment } from './arguments.ts';
import { UsageError } from './kinds.ts';
import { environmentNameOf, type OptionValues } from './options.ts';
import { refuseOutputInto, refuseReadFiles } from './read-files.ts';
import { isOn, refuseContradictions, refuseWrongSide, type StdoutFlags, type Task } from './refusals.ts';

export type ProgressStyle = 'auto' | 'bar' | 'dots' | 'none' | 'silent' | 'json';

/** Options that a copy and a check share. `Required`: each of them has a flag. */
export type SidesOptions = Required<
  Omit<CheckOptions, keyof RecheckOptions | 'tellMatches' | 'observe' | 'tap' | 'signal' | 'onEvent'>
>;
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
  const [fromAddress, toAddress] = [parseAddress(from), parseAddress(to)];
  refuseContradictions(
    task,
    values,
    stdoutFlags,
    { name: 'from', address: fromAddress, sentinelPassword: source.sentinelPassword },
    { name: 'to', address: toAddress, sentinelPassword: target.sentinelPassword },
  );
  refuseReadFiles(values, task.writes ? toAddress : undefined);
  for (const read of task.writes ? [fromAddress] : [fromAddress, toAddress]) refuseOutputInto(read);
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
      partition: partitionOptions(values.partition, values.plan, environment),
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

/**
 * What is said of the source alone.
 * @param verb what is to be done with it
 * @throws UsageError
 */
export function sourceOptions(verb: string, values: OptionValues, environment: Environment): SourceOptions {
  const from = demandEndpoint({ verb }, 'from', values, environment);
  const { password, sentinelPassword, tls } = secretsOf('from', values, environment);
  const address = parseAddress(from);
  refuseWrongSide(values, { name: 'from', address, sentinelPassword });
  refuseReadFiles(values);
  refuseOutputInto(address);
  const secrets = readSideFiles(filesOf('from', values), { password, sentinelPassword, tls });
  return {
    from,
    fromPassword: secrets.password,
    fromSentinelPassword: secrets.sentinelPassword,
    fromTls: secrets.tls,
    fromNat: values['from-nat'],
    maxReply: values['max-reply'],
    retries: values.retries,
    retryMax: values['retry-max'],
    timeout: values.timeout,
  };
}

/** A bar would be redrawn over what is traced. */
function progressOf({ silent, json, trace, progress = trace === '-' ? 'none' : 'auto' }: OptionValues): ProgressStyle {
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
  { verb }: { readonly verb: string },
  name: 'from' | 'to',
  { [name]: value }: OptionValues,
  environment: Environment,
): string {
  if (value !== undefined) return value;
  const role = name === 'from' ? 'source' : 'target';
  const ways = [`give --${name} redis://host:port or set ${environmentNameOf(name)}`, ...unknownVariables(environment)];
  throw new UsageError(`Cannot ${verb} without a ${role}`, ways.join('; '));
}

/** Paths. */
export interface SideFiles {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly pem: PemFiles;
}

/** Each is a path, or the text of the file; `cert` and `key` come together. */
interface PemFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface SideSecrets {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly tls: TlsOptions | undefined;
}

/** Those options of a copy or a check that files can give. */
interface Secrets {
  readonly fromPassword?: string | undefined;
  readonly fromSentinelPassword?: string | undefined;
  readonly fromTls?: TlsOptions | undefined;
  readonly toPassword?: string | undefined;
  readonly toSentinelPassword?: string | undefined;
  readonly toTls?: TlsOptions | undefined;
}

/**
 * The options, completed from the files of both sides.
 * @throws UsageError
 */
export function withFiles<T extends Secrets>(options: T, fromFiles: SideFiles, toFiles: SideFiles): T {
  const from = readSideFiles(fromFiles, {
    password: options.fromPassword,
    sentinelPassword: options.fromSentinelPassword,
    tls: options.fromTls,
  });
  const to = readSideFiles(toFiles, {
    password: options.toPassword,
    sentinelPassword: options.toSentinelPassword,
    tls: options.toTls,
  });
  return {
    ...options,
    fromPassword: from.password,
    fromSentinelPassword: from.sentinelPassword,
    fromTls: from.tls,
    toPassword: to.password,
    toSentinelPassword: to.sentinelPassword,
    toTls: to.tls,
  };
}

/**
 * What the files hold, and what is known already of the rest.
 * @throws UsageError
 */
export function readSideFiles(files: SideFiles, known: SideSecrets): SideSecrets {
  return {
    password: files.password === undefined ? known.password : readPasswordFile(files.password),
    sentinelPassword:
      files.sentinelPassword === undefined ? known.sentinelPassword : readPasswordFile(files.sentinelPassword),
    tls: known.tls === undefined ? undefined : { ...known.tls, ...readPemFiles(files.pem) },
  };
}

/**
 * The text of the file without the newline at its end.
 * @throws UsageError
 */
export function readPasswordFile(path: string): string {
  const file = new TextFile('password', path);
  const password = file.text.replace(/\r?\n$/, '');
  if (password === '') throw file.refusal('it is empty');
  return password;
}

/** The texts in place of the paths. */
function readPemFiles(paths: PemFiles): PemFiles {
  const ca = paths.ca === undefined ? undefined : new TextFile('CA', paths.ca);
  if (ca !== undefined) certificateIn(ca);
  if (paths.cert === undefined || paths.key === undefined) return { ca: ca?.text, cert: undefined, key: undefined };
  const cert = new TextFile('certificate', paths.cert);
  const certificate = certificateIn(cert);
  const key = new TextFile('key', paths.key);
  if (!certificate.checkPrivateKey(keyIn(key))) throw key.refusal('it is not the key to the certificate');
  return { ca: ca?.text, cert: cert.text, key: key.text };
}

/** The first one; the others are its chain, or further authorities. */
function certificateIn(file: TextFile): X509Certificate {
  try {
    return new X509Certificate(file.text);
  } catch {
    throw file.refusal('it holds no certificate in PEM form');
  }
}

function keyIn(file: TextFile): KeyObject {
  if (/-----BEGIN ENCRYPTED|Proc-Type: *4, *ENCRYPTED/.test(file.text)) {
    throw file.refusal('it is encrypted', 'openssl pkey -in FILE -out OTHER writes it in plain form');
  }
  try {
    return createPrivateKey(file.text);
  } catch {
    throw file.refusal('it holds no private key in PEM form');
  }
}

/** A bundle of all authorities that there are takes a tenth of it. */
const MOST_TEXT_BYTES = 4 * 1024 * 1024;
const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

/**
 * A small file, read whole. Its path may be an address with a password, given by mistake: paths are shown redacted,
 * and system errors, which repeat them, are not passed on.
 */
class TextFile {
  readonly text: string;
  /** `the password file /path`, to speak of it. */
  readonly #name: string;

  /**
   * @param what comes before the word file: `password`
   * @throws UsageError
   */
  constructor(what: string, path: string) {
    this.#name = `the ${what} file ${redactAddress(path)}`;
    this.text = this.#decode(this.#read(path));
  }

  /** The error for a file whose text is not what it should be. */
  refusal(why: string, hint?: string): UsageError {
    return new UsageError(`Cannot use ${this.#name}: ${why}`, hint);
  }

  #read(path: string): Buffer {
    let bytes: Buffer | undefined;
    try {
      bytes = readSmall(path, MOST_TEXT_BYTES);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      throw new UsageError(`Cannot read ${this.#name}: ${FAILURES[code] ?? code}`);
    }
    if (bytes === undefined) throw this.refusal('it is far too long');
    return bytes;
  }

  #decode(bytes: Buffer): string {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw this.refusal('it is not UTF-8 text');
    }
  }
}
