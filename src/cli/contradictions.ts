// What cannot be meant, seen from the command line alone: flags that do not go with their endpoint, or with each other.

import { formatAddress, isFile, type Address } from '../../resp/address.ts';
import type { Task } from './commands.ts';
import { isSameFile } from '../file/regular-file.ts';
import { isOn } from './exclusion.ts';
import type { OptionValues } from './options.ts';
import { UsageError } from './usage-error.ts';

/** One side of the copy, as the flags and the environment have it. */
export interface Side {
  readonly name: 'from' | 'to';
  readonly address: Address;
  /** From the environment. */
  readonly sentinelPassword: string | undefined;
}

const TLS_FLAGS = ['tls-ca', 'tls-cert', 'tls-key', 'tls-servername', 'tls-insecure'] as const;

/** @throws UsageError */
export function refuseContradictions(task: Task, values: OptionValues, from: Side, to: Side): void {
  for (const side of [from, to]) {
    refuseTls(values, side);
    refuseNat(values, side);
    refuseSentinel(values, side);
  }
  refuseSameFile(task, from.address, to.address);
  for (const side of [from, to]) refuseRead('combined', values.combined, side.address);
  if (task === 'copy' && isStdStream(to.address)) refuseStdoutTaken(values, 'with --to - stdout belongs to the stream');
  if (values.combined === '-') refuseStdoutTaken(values, 'with --combined - stdout belongs to its lines');
  if (task === 'copy' && values.verify === true) refuseUnverifiable(from.address, to.address);
}

/** Whether the endpoint is `-`: stdin as the source, stdout as the target. */
function isStdStream(address: Address): boolean {
  return address.kind === 'stream' && address.path === '-';
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

/** Stdin and stdout are two streams, to a copy. */
function refuseSameFile(task: Task, from: Address, to: Address): void {
  if (!isFile(from) || !isFile(to) || !isSameFile(from.path, to.path)) return;
  if (task === 'check') throw new UsageError(`Cannot compare ${formatAddress(from)} with itself`, 'name another file');
  if (!isStdStream(from)) throw new UsageError(`Cannot copy ${formatAddress(from)} to itself`, 'name another file');
}

/** What is written takes the place of what was to be read. */
function refuseRead(flag: 'combined', path: string | undefined, address: Address): void {
  if (path === undefined || path === '-' || !isFile(address) || !isSameFile(path, address.path)) return;
  throw refused(flag, `${formatAddress(address)} is a file that is read`, 'name another file');
}

/** What came or went through a pipe is not there any more. */
function refuseUnverifiable(from: Address, to: Address): void {
  if (isStdStream(from)) throw refused('verify', 'stdin cannot be read a second time', 'copy from a file');
  if (isStdStream(to)) throw refused('verify', 'stdout cannot be read again', 'copy into a file');
}

function refuseStdoutTaken({ json = false, progress }: OptionValues, why: string): void {
  const flag = json ? 'json' : progress === 'dots' ? 'progress dots' : undefined;
  if (flag !== undefined) throw refused(flag, why, 'leave it out');
}

function refused(flag: string, why: string, hint: string): UsageError {
  return new UsageError(`Cannot use --${flag}: ${why}`, hint);
}
