// Files and folders that a flag has for itself: what it reads, nothing else of the same command writes, by whatever name. It opens none.

import { dirname } from 'node:path';
import { formatAddress, isFile, isStandardStream, type Address } from '../../../resp/address.ts';
import { isOpenAs, isRegularFile, isSameFile } from '../../file/regular-file.ts';
import { AT_TARGET } from '../../sync/settings.ts';
import { UsageError } from './kinds.ts';
import type { OptionName, OptionValues } from './options.ts';
import { MADE } from './refusals.ts';

/** Flags that name a file to be read. */
const READ = [
  ...(['from-password-file', 'from-sentinel-password-file', 'from-tls-ca', 'from-tls-cert', 'from-tls-key'] as const),
  ...(['to-password-file', 'to-sentinel-password-file', 'to-tls-ca', 'to-tls-cert', 'to-tls-key', 'plan'] as const),
] as const satisfies readonly OptionName[];

const HINT = 'name another file';

const STDIN = '/dev/stdin';

interface Written {
  readonly flag: OptionName;
  readonly path: string;
}

/**
 * A password, a key or a plan would be written over; and what a recording has beside its own is taken for a part of it.
 * @param target where it is written
 * @throws UsageError
 */
export function refuseReadFiles(values: OptionValues, target?: Address): void {
  const all = writtenBy(values, target);
  for (const read of READ) {
    const path = values[read];
    // A device is not written over; and what is not there is refused by whoever reads it.
    if (path === undefined || !isRegularFile(path)) continue;
    refuseOutputIntoFile(path);
    const written = all.find((one) => isSameFile(path, one.path));
    if (written === undefined) continue;
    if (target !== undefined && written.flag === 'to')
      throw new UsageError(`Cannot use --${read}: ${formatAddress(target)} is the target`, HINT);
    throw new UsageError(`Cannot use --${written.flag}: that is the file of --${read} as well, which is read`, HINT);
  }
  const { record } = values;
  const inside = record === undefined ? undefined : all.find(({ path }) => isSameFile(record, dirname(path)));
  if (inside !== undefined)
    throw new UsageError(`Cannot use --${inside.flag}: that is in the folder of --record`, HINT);
}

/** @throws UsageError where it is a file that gets what is printed */
export function refuseOutputInto(read: Address): void {
  if (isFile(read)) refuseOutputIntoFile(isStandardStream(read) ? STDIN : read.path, formatAddress(read));
}

/**
 * A file that gets what is printed is damaged by it, and may have no end while it is read.
 * @throws UsageError
 */
export function refuseOutputIntoFile(path: string, name = path): void {
  const used = (['stdout', 'stderr'] as const).find((_, at) => isRegularFile(path) && isOpenAs(path, at + 1));
  if (used === undefined) return;
  throw new UsageError(`Cannot read ${name}: ${used} goes there`, 'redirect it to another file');
}

function writtenBy(values: OptionValues, target: Address | undefined): Written[] {
  const written: Written[] = [];
  if (target !== undefined && isFile(target) && !isStandardStream(target))
    written.push({ flag: 'to', path: target.path });
  for (const flag of MADE) {
    const path = values[flag];
    const isPath = path !== undefined && path !== '-' && !(flag === 'resume' && path === AT_TARGET);
    if (isPath) written.push({ flag, path });
  }
  return written;
}
