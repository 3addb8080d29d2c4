// Whether it is clear, from the command line alone, which database goes where.

import { formatAddress, isFile, type Address } from '../../resp/address.ts';
import { COMMANDS, type Task } from './commands.ts';
import type { OptionValues } from './options.ts';
import { UsageError } from './usage-error.ts';

const NO_MAP: ReadonlyMap<number, number> = new Map();

/** @throws UsageError */
export function refuseDatabaseChoice(task: Task, values: OptionValues, from: Address, to: Address): void {
  const { db, 'db-map': map = NO_MAP } = values;
  const sources = db ?? databasesOf(from);
  const targetDb = databaseOf(to);
  if (sources !== 'all') {
    const stranger = [...map.keys()].find((source) => !sources.includes(source));
    if (stranger !== undefined) {
      throw new UsageError(
        `Cannot use --db-map: database ${stranger} is not ${COMMANDS[task].task.done}`,
        `add ${stranger} to --db`,
      );
    }
  }
  const isSeveral = db === 'all' || (sources !== 'all' && sources.length > 1);
  const isMapped = sources !== 'all' && sources.every((source) => map.has(source));
  if (isSeveral && targetDb !== undefined && !isMapped) {
    const where = formatAddress(to);
    throw new UsageError(
      `Cannot ${task === 'copy' ? 'copy several databases into' : 'compare several databases with'} ${where}: it names a single one`,
      'leave the database out of the URL, or say with --db-map where each one goes',
    );
  }
}

/** What is copied without --db. Which databases a file has, only the file says. */
function databasesOf(address: Address): readonly number[] | 'all' {
  return isFile(address) ? 'all' : [databaseOf(address) ?? 0];
}

function databaseOf(address: Address): number | undefined {
  return 'db' in address ? address.db : undefined;
}
