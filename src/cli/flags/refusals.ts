// Flags that are refused before anything connects: foreign to the command, in conflict, or wrong for an endpoint.

import { formatAddress, isFile, isStandardStream, STANDARD_STREAMS, type Address } from '../../../resp/address.ts';
import { isOpenAs, isSameFile } from '../../file/regular-file.ts';
import { OPTION_LIST, OPTION_NAMES, OPTIONS, type OptionName, type OptionValues } from './options.ts';
import type { Option } from './option.ts';
import { UsageError } from './kinds.ts';

/** Flags that use stdout when their value is `-`, and what they write there. */
export type StdoutFlags = Readonly<Partial<Record<OptionName, string>>>;

/** What a command does with a source and a target, in words. */
export interface Task {
  readonly verb: 'copy' | 'compare';
  readonly done: 'copied' | 'compared';
  /** The preposition: copy a database `to` another, compare it `with` another. */
  readonly to: 'to' | 'with';
  readonly into: 'into' | 'with';
  readonly writes: boolean;
}

/** One side, from flags and environment. */
export interface Side {
  readonly name: 'from' | 'to';
  readonly address: Address;
  /** From the environment. */
  readonly sentinelPassword: string | undefined;
}

const TLS_FLAGS = ['tls-ca', 'tls-cert', 'tls-key', 'tls-servername', 'tls-insecure'] as const;
/** Files that are written beside the target. `-` is a stream that is there already. */
const WRITTEN = ['combined', 'trace', 'log', 'metrics-file', 'report'] as const;
/** Files that rump makes as well, or waits for. */
export const MADE = [...WRITTEN, 'resume', 'cutover-file', 'control'] as const;
/** Descriptors. */
const [STDIN, STDOUT] = [0, 1];
const NO_MAP: ReadonlyMap<number, number> = new Map();

/** A switch that is off counts as not given. */
export function isOn(value: OptionValues[OptionName]): boolean {
  return value !== undefined && value !== false;
}

/** Flags that exclude each other are one decision: once it is made on the command line, the environment is not asked. */
export function isOpen(name: OptionName, values: OptionValues): boolean {
  return values[name] === undefined && excludedBy(name).every((other) => !isOn(values[other]));
}

/**
 * Refuses flags that mean nothing to a command.
 * @param flags those of the command
 * @param noun what it is called: `a copy`
 * @throws UsageError
 */
export function refuseForeignFlags(flags: ReadonlySet<OptionName>, noun: string, values: OptionValues): void {
  const foreign = OPTION_NAMES.find((name) => isOn(values[name]) && !flags.has(name));
  if (foreign !== undefined) throw refused(foreign, `it means nothing to ${noun}`, 'leave it out');
}

/**
 * Refuses flags of the command line that are of no use without another one, wherever that is given.
 * @param flags those of the command
 * @param all what is given on the command line and in the environment
 * @throws UsageError
 */
export function refuseNeedy(flags: ReadonlySet<OptionName>, values: OptionValues, all: OptionValues): void {
  for (const [name, { needs }] of OPTION_LIST) {
    const needed = needs?.flag as OptionName | undefined;
    if (!isOn(values[name]) || needed === undefined || !flags.has(needed) || isOn(all[needed])) continue;
    throw refused(name, needs!.why, needs!.hint);
  }
}

/** @throws UsageError */
export function refuseExclusion(values: OptionValues): void {
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

/** @throws UsageError */
export function refuseContradictions(
  task: Task,
  values: OptionValues,
  stdoutFlags: StdoutFlags,
  from: Side,
  to: Side,
): void {
  for (const side of [from, to]) refuseWrongSide(values, side);
  refuseSameFile(task, from.address, to.address);
  for (const side of [from, to]) {
    const isWritten = task.writes && side.name === 'to';
    for (const flag of WRITTEN) refuseSide(flag, values[flag], side.address, isWritten);
  }
  for (const flag of WRITTEN) refuseTaken(flag, values);
  for (const [flag, what] of Object.entries(stdoutFlags)) {
    const value = values[flag as OptionName];
    if (typeof value === 'string' && STANDARD_STREAMS.has(value))
      refuseStdoutTaken(values, `with --${flag} ${value} stdout belongs to ${what}`, flag);
  }
  if (values.verify === true) refuseUnverifiable(from.address, to.address);
  if (task.writes && to.address.kind === 'ndjson') refuseUsage(values, to.address);
  refuseResume(values, from.address, to.address);
  if (values['first-copy'] === 'snapshot') refuseSnapshot(values, from.address);
  if (values.partition !== undefined) refusePartition(values, from.address);
  if (values.live === true) for (const { address } of [from, to]) refuseFile(address);
  refuseDatabaseChoice(task, values, from.address, to.address);
}

/** What is said of a side that its address has no use for. @throws UsageError */
export function refuseWrongSide(values: OptionValues, side: Side): void {
  refuseTls(values, side);
  refuseNat(values, side);
  refuseSentinel(values, side);
}

function refuseTls(values: OptionValues, { name, address }: Side): void {
  const flag = TLS_FLAGS.find((flag) => isOn(values[`${name}-${flag}` as const]));
  if (flag !== undefined && !('tls' in address && address.tls)) {
    throw refused(`${name}-${flag}`, `${formatAddress(address)} is not reached through TLS`, hintForTls(address));
  }
  const [cert, key] = [isOn(values[`${name}-tls-cert`]), isOn(values[`${name}-tls-key`])];
  if (cert && !key) throw refused(`${name}-tls-cert`, 'a certificate needs its key', `give --${name}-tls-key as well`);
  if (key && !cert) {
    throw refused(`${name}-tls-key`, 'a key needs its certificate', `give --${name}-tls-cert as well`);
  }
}

function hintForTls({ kind }: Address): string {
  if (kind === 'tcp') return 'write rediss:// instead of redis://';
  return kind === 'sentinel' ? 'write rediss+sentinel:// instead of redis+sentinel://' : 'leave it out';
}

function refuseNat(values: OptionValues, { name, address }: Side): void {
  if (!isOn(values[`${name}-nat`]) || address.kind === 'tcp' || address.kind === 'sentinel') return;
  const what = address.kind === 'unix' ? 'a Unix socket' : 'a file';
  throw refused(`${name}-nat`, `${formatAddress(address)} is ${what} and has no nodes`, 'leave it out');
}

function refuseSentinel(values: OptionValues, { name, address, sentinelPassword }: Side): void {
  if (address.kind === 'sentinel') return;
  const flag = `${name}-sentinel-password-file` as const;
  const variable = `RUMP_${name.toUpperCase()}_SENTINEL_PASSWORD`;
  const why = `${formatAddress(address)} names no sentinel`;
  const hint = 'write redis+sentinel://host:26379/service';
  if (isOn(values[flag])) throw refused(flag, why, hint);
  if (sentinelPassword !== undefined) throw new UsageError(`Cannot use ${variable}: ${why}`, hint);
}

/** From `-` to `-` is stdin to stdout, unless both are only read. */
function refuseSameFile({ verb, to: preposition, writes }: Task, from: Address, to: Address): void {
  if (!isFile(from) || !isFile(to) || !isSameFile(from.path, to.path) || (writes && isStandardStream(from))) return;
  throw new UsageError(`Cannot ${verb} ${formatAddress(from)} ${preposition} itself`, 'name another file');
}

/** Writing it would destroy what is to be read, or mix with what is written. */
function refuseSide(
  flag: (typeof WRITTEN)[number],
  path: string | undefined,
  address: Address,
  isWritten: boolean,
): void {
  if (path === undefined || path === '-' || !isFile(address)) return;
  const isRead = isStandardStream(address) && !isWritten && isOpenAs(path, STDIN);
  if (!isRead && !isSameFile(path, address.path)) return;
  const what = isWritten ? 'is the target' : 'is a file that is read';
  throw refused(flag, `${formatAddress(address)} ${what}`, 'name another file');
}

/** A file that rump makes itself for something else. */
function refuseTaken(flag: (typeof WRITTEN)[number], values: OptionValues): void {
  const { [flag]: path } = values;
  if (path === undefined || path === '-') return;
  const other = MADE.find((name) => {
    const taken = values[name];
    return name !== flag && taken !== undefined && isSameFile(path, taken);
  });
  if (other !== undefined) throw refused(flag, `that is the file of --${other} as well`, 'name another file');
}

/** What went through a pipe cannot be read again. */
function refuseUnverifiable(from: Address, to: Address): void {
  if (isStandardStream(from)) throw refused('verify', 'stdin cannot be read a second time', 'copy from a file');
  if (to.kind === 'ndjson')
    throw refused('verify', `${formatAddress(to)} is for other tools, and not read back`, 'copy into a .resp file');
  if (isStandardStream(to)) throw refused('verify', 'stdout cannot be read again', 'copy into a file');
}

/** Lines of JSON have no place for it. */
function refuseUsage(values: OptionValues, to: Address): void {
  if (values['preserve-idle'] !== true) return;
  throw refused('preserve-idle', `${formatAddress(to)} says nothing of when a key was used`, 'leave it out');
}

/** A file is read and written in one go; and which keys are ours, a run that goes on does not know. */
function refuseResume(values: OptionValues, from: Address, to: Address): void {
  if (values.resume === undefined) return;
  const file = [from, to].find(isFile);
  if (file !== undefined)
    throw refused('resume', `${formatAddress(file)} is a file, which goes in one piece`, 'leave it out');
  const policy = values['on-conflict'] ?? 'replace';
  if (values.verify !== true || policy === 'replace') return;
  const why = `a run that goes on does not know which keys --on-conflict ${policy} has left alone`;
  throw refused('verify', why, 'leave it out, and compare with rump check');
}

/** The snapshot of a server comes once, and nobody can go on in the middle of it. */
function refuseSnapshot(values: OptionValues, from: Address): void {
  const flag = 'first-copy snapshot';
  if (isFile(from)) throw refused(flag, `${formatAddress(from)} is a file`, 'leave it out');
  const other = (['dry-run', 'resume'] as const).find((name) => isOn(values[name]));
  if (other === undefined) return;
  const why = other === 'resume' ? 'a snapshot comes as a whole, or not at all' : 'the source would fork for nothing';
  throw refused(flag, `with --${other} ${why}`, 'leave one of them out');
}

function refuseFile(address: Address): void {
  if (isFile(address)) throw refused('live', `${formatAddress(address)} is a file`, 'only a server can be followed');
}

/** Only the slots of a cluster can be shared out; and of two keys that get one name, one process alone knows. */
function refusePartition(values: OptionValues, from: Address): void {
  if (isFile(from)) throw refused('partition', `${formatAddress(from)} is a file`, 'only a cluster has parts');
  if (!isOn(values['strip-prefix'])) return;
  const why = 'two keys of different parts may get the same name';
  throw refused('strip-prefix', why, 'leave it out, or copy without --partition');
}

/** @param by the flag that has it */
function refuseStdoutTaken(values: OptionValues, why: string, by: string): void {
  const { json = false, progress } = values;
  const flag = json ? 'json' : progress === 'dots' ? 'progress dots' : undefined;
  if (flag !== undefined) throw refused(flag, why, 'leave it out');
  // Also as /dev/stdout, or as the file that it was redirected to.
  const other = WRITTEN.find((name) => name !== by && isOpenAs(values[name] ?? '-', STDOUT));
  if (other !== undefined) throw refused(other, why, 'name another file');
}

/** It has to be clear which database goes where. */
function refuseDatabaseChoice({ verb, done, into }: Task, values: OptionValues, from: Address, to: Address): void {
  const { db, 'db-map': map = NO_MAP } = values;
  const sources = db ?? databasesOf(from);
  if (sources !== 'all') {
    const stranger = [...map.keys()].find((source) => !sources.includes(source));
    if (stranger !== undefined) {
      throw refused('db-map', `database ${stranger} is not ${done}`, `add ${stranger} to --db`);
    }
  }
  const isSeveral = db === 'all' || (sources !== 'all' && sources.length > 1);
  const isMapped = sources !== 'all' && sources.every((source) => map.has(source));
  if (isSeveral && databaseOf(to) !== undefined && !isMapped) {
    throw new UsageError(
      `Cannot ${verb} several databases ${into} ${formatAddress(to)}: it names a single one`,
      'leave the database out of the URL, or say with --db-map where each one goes',
    );
  }
}

/** Databases that are read without --db. Only a file itself knows which it has. */
function databasesOf(address: Address): readonly number[] | 'all' {
  return isFile(address) ? 'all' : [databaseOf(address) ?? 0];
}

function databaseOf(address: Address): number | undefined {
  return 'db' in address ? address.db : undefined;
}

function refused(flag: string, why: string, hint: string): UsageError {
  return new UsageError(`Cannot use --${flag}: ${why}`, hint);
}
