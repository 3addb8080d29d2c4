// What goes where: which databases, under which numbers, and how their expiries cross. Made once both sides are known.

import { isFile } from '../../resp/address.ts';
import { RespError } from '../../resp/errors.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { expiryClock, type ExpiryMode } from '../flow/expiry.ts';
import { FieldExpiries } from '../keys/expiries.ts';
import type { EndpointSettings, Settings } from './settings.ts';
import { carriesExactExpiries, clockOffsetOf, keysIn, type DatabasePairs, type Sides } from './sides.ts';

export interface Plan {
  /** Source databases with those of the target; of a file those that were named. */
  readonly databases: DatabasePairs;
  readonly targetDbOf: (db: number) => number;
  /** Whether two of the source may become one. */
  readonly merges: boolean;
  /** Keys in the source databases; 0 of a file. */
  readonly keys: number;
  readonly mode: ExpiryMode;
  /** What the entries' `expireAt` is told by. */
  readonly clock: () => number;
  /** What becomes of the expiries of fields that the source has, and of those that a check reads of the target. */
  readonly fields: FieldExpiries | undefined;
  readonly targetFields: FieldExpiries | undefined;
  /** What the expiries of fields are told by, once they are carried. */
  readonly fieldClock: () => number;
}

/**
 * @param isMutual whether what only the target has is of interest, too
 * @throws RespError where it cannot be known which database is meant
 */
export function planOf(sides: Sides, settings: Settings, isMutual: boolean): Plan {
  const { source, target } = sides;
  const found = source === undefined ? namedOf(settings) : databasesOf(source, settings);
  const targetDbOf = renumber(settings, found);
  const isAll = isMutual && settings.databases === 'all' && source !== undefined;
  const dbs = isAll ? [...found, ...beyond(target, found, targetDbOf)].toSorted((a, b) => a - b) : found;
  return {
    databases: dbs.map((db) => [db, targetDbOf(db)]),
    targetDbOf,
    merges: dbs.length === 0 ? targetDbOf(0) === targetDbOf(1) : new Set(dbs.map(targetDbOf)).size < dbs.length,
    keys: source === undefined ? 0 : dbs.reduce((total, db) => total + keysIn(source, db), 0),
    ...expiries(sides, settings),
  };
}

type Clock = () => number;
type Expiries = Pick<Plan, 'mode' | 'clock' | 'fields' | 'targetFields' | 'fieldClock'>;

function expiries({ source, target }: Sides, { noTtl }: Settings): Expiries {
  const mode = noTtl ? 'dropped' : carriesExactExpiries({ source, target }) ? 'exact' : 'relative';
  const [sourceClock, fieldClock] = [source, target].map((side) => expiryClock('exact', skewOf(side))) as [
    Clock,
    Clock,
  ];
  return {
    mode,
    clock: source === undefined ? sourceClock : expiryClock(mode, skewOf(source)),
    fields: FieldExpiries.for(mode, mode === 'relative' ? clockOffsetOf({ source, target }) : 0, sourceClock),
    targetFields: FieldExpiries.for(mode, 0, fieldClock),
    fieldClock,
  };
}

/** A file, and a server that will not say, tell the time as everybody does. */
function skewOf(side: Deployment | undefined): number {
  return side?.servers[0]!.skew || 0;
}

function namedOf({ databases }: Settings): readonly number[] {
  return databases === undefined || databases === 'all' ? [] : databases;
}

function databasesOf({ servers }: Deployment, { databases, from }: Settings): readonly number[] {
  if (Array.isArray(databases)) return databases as readonly number[];
  if (databases === undefined) return [dbOf(from) ?? 0];
  // Each node of a cluster knows of its own keys.
  const found = [...new Set(servers.flatMap((server) => [...server.databases.keys()]))].toSorted((a, b) => a - b);
  return found.length > 0 ? found : [0];
}

/** Databases that only the target has keys in, where the source has one of that number for them. */
function beyond(
  target: Deployment | undefined,
  found: readonly number[],
  targetDbOf: (db: number) => number,
): number[] {
  const taken = new Set(found.map(targetDbOf));
  const others = new Set(target?.servers.flatMap(({ databases }) => [...databases.keys()]));
  return [...others].filter((db) => !taken.has(db) && targetDbOf(db) === db);
}

/** The same number, unless it was mapped; where one database is copied, that of the target's address. */
function renumber({ dbMap, to }: Settings, dbs: readonly number[]): (db: number) => number {
  const named = dbOf(to);
  if (named !== undefined && dbs.length > 1 && dbs.some((db) => !dbMap.has(db))) {
    throw new RespError('DATABASES', `Cannot copy several databases into database ${named} of ${to.shown}`, {
      hint: 'say with --db-map where each goes',
    });
  }
  // A file does not say beforehand which databases it has: the one that the target names is for all of them.
  const only = dbs.length > 1 ? undefined : (named ?? (dbs.length === 0 || isFile(to.address) ? undefined : 0));
  return (db) => dbMap.get(db) ?? only ?? db;
}

function dbOf({ address }: EndpointSettings): number | undefined {
  return 'db' in address ? address.db : undefined;
}
