// What the source has beside the keys that are copied: databases that nobody asked for, and functions.

import { formatCount } from '../../resp/figures.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { DatabasePairs, Warning } from './preflight.ts';

const FUNCTION_LIST = 'FUNCTION LIST';
/** Numbers or names in one warning. */
const MOST_NAMES = 10;

/** Databases that hold keys and are not among these. */
export function leftOutDatabases({ servers }: Deployment, databases: DatabasePairs): Warning[] {
  const chosen = new Set(databases.map(([db]) => db));
  const keysByDb = new Map<number, number>();
  for (const { databases: sizes } of servers) {
    for (const [db, keys] of sizes) if (!chosen.has(db)) keysByDb.set(db, (keysByDb.get(db) ?? 0) + keys);
  }
  const alike = servers.flatMap(({ doubles }) => doubles).filter((db) => !chosen.has(db));
  return [...leftOut(keysByDb), ...takenForOne(alike)];
}

function leftOut(keysByDb: ReadonlyMap<number, number>): Warning[] {
  if (keysByDb.size === 0) return [];
  const names = listOf([...keysByDb.keys()].toSorted((a, b) => a - b).map(String));
  const keys = [...keysByDb.values()].reduce((sum, keys) => sum + keys, 0);
  const which = keysByDb.size === 1 ? `database ${names}` : `databases ${names}`;
  const message = `the source has keys in ${which} as well (${formatCount(keys)}), which are left out; --db all takes every database`;
  return [{ code: 'DATABASES_LEFT_OUT', message }];
}

function takenForOne(dbs: readonly number[]): Warning[] {
  if (dbs.length === 0) return [];
  const names = listOf(dbs.map(String));
  const message = `SELECT may do nothing at the source: databases ${names} have the same keys as another one, and are taken for it; --db ${dbs[0]} copies one all the same`;
  return [{ code: 'DATABASES_ALIKE', message }];
}

/** Libraries of functions; a server that does not know them, or does not say, has none as far as one can know. */
export async function leftOutFunctions({ servers }: Deployment): Promise<Warning[]> {
  const lists = await Promise.all(servers.map(({ connection }) => connection.request(FUNCTION_LIST).catch(noList)));
  const names = new Set(lists.flatMap(libraryNames));
  if (names.size === 0) return [];
  const message = `the source has functions (${listOf([...names])}), which a copy leaves out; FUNCTION DUMP and FUNCTION RESTORE carry them`;
  return [{ code: 'LEFT_OUT', message }];
}

function noList(error: unknown): Reply {
  if (error instanceof ReplyError) return [];
  throw error;
}

/** Of each library names and values by turns: `library_name`, its name, `engine`, … */
function libraryNames(libraries: Reply): string[] {
  if (!Array.isArray(libraries)) return [];
  return (libraries as readonly Reply[]).flatMap((library) => {
    const fields = Array.isArray(library) ? library.map(String) : [];
    const at = fields.indexOf('library_name');
    return at === -1 ? [] : [fields[at + 1]!];
  });
}

function listOf(names: readonly string[]): string {
  const untold = names.length - MOST_NAMES;
  return untold > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${untold} more` : names.join(', ');
}
