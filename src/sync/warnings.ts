// What the operator should know, in words: before the first key what both sides are like, then what happens on the way.

import { nameOf, ReplyError } from '../../resp/errors.ts';
import { countOf, formatBytes, formatCount } from '../../resp/figures.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { Role } from '../server/server.ts';
import type { FeedWarning } from '../live/feed-choice.ts';
import type { LeftOutKind } from '../snapshot/left-out.ts';
import type { SourceNotice } from '../source/source.ts';
import type { Run } from './preflight.ts';
import type { Use } from './settings.ts';
import type { Partition } from './workers-plan.ts';
import { clockSkewOf, keysIn, MOST_SKEW_MS, targetDatabases, type DatabasePairs, type Sides } from './sides.ts';

export interface Warning {
  readonly code:
    | 'TLS_INSECURE'
    | 'CLOCK_SKEW'
    | 'TARGET_NOT_EMPTY'
    | 'TARGET_MEMORY'
    | 'DATABASES_LEFT_OUT'
    | 'LEFT_OUT'
    | 'SLOTS_UNSERVED'
    | 'DATABASES_ALIKE'
    | 'RESUMED'
    | 'LATE_WRITES'
    | 'RESUMED_ANEW'
    | 'SOURCE_FORKS'
    | SourceNotice['code']
    | FeedWarning['code'];
  readonly message: string;
}

const FUNCTION_LIST = 'FUNCTION LIST';
/** Numbers or names in one warning. */
const MOST_NAMES = 10;

/** Of databases that hold keys and were not asked for. */
const TAKE_ALL = 'which are left out; --db all takes every database';

/** What is said of the parts of a file that are not carried. */
const LEFT_OUT: Readonly<Record<LeftOutKind, (names: string, count: number) => string>> = {
  databases: (numbers) => `the file has keys in other databases as well (${numbers}), ${TAKE_ALL}`,
  functions: (names) => `the snapshot has functions (${names}), which a copy leaves out`,
  modules: (names) => `the snapshot has data that modules keep beside keys (${names}), which a copy leaves out`,
  slots: (names) =>
    `slots were moving to the server when the snapshot was taken (${names}): their keys may be incomplete`,
  metadata: (names, count) =>
    `modules have attached metadata to keys of the snapshot (${formatCount(count)}: ${names}), which a copy leaves out`,
  expiries: (names, count) =>
    `members of keys of the snapshot expire, as only KeyDB has it (${formatCount(count)}: ${names}): these expiries are left out`,
  empty: (names, count) =>
    `collections of the snapshot are empty (${formatCount(count)}: ${names}): servers drop them, as a copy does`,
  mark: (names) => `${names} bytes follow the end of the snapshot, which hold no keys`,
};

/**
 * What the look at both sides has found.
 * @param isResumed whether keys at the target are no surprise
 */
export async function warningsOf(
  { sides, plan: { databases }, settings: { use, firstCopy, partition } }: Run,
  isResumed = false,
): Promise<Warning[]> {
  const { source, target } = sides;
  // What is said of all parts, the first one says.
  const isFirst = partition === undefined || partition.part === 1;
  const warnings = [
    ...[source, target].flatMap((side) => (side === undefined ? [] : warningsAbout(side, use))),
    ...aboutClocks(sides, use),
    ...(target === undefined || use === 'check' ? [] : aboutTarget(sides, target, databases, partition)),
    ...(source === undefined ? [] : leftOutDatabases(source, databases)),
    ...(source === undefined || use === 'check' || !isFirst ? [] : await leftOutFunctions(source)),
    ...(source === undefined || use === 'check' || firstCopy === 'scan' ? [] : [forks(source)]),
  ];
  return isResumed ? warnings.filter(({ code }) => code !== 'TARGET_NOT_EMPTY') : warnings;
}

function warningsAbout({ role, unserved, isInsecure }: Deployment, use: Use): Warning[] {
  const warnings = isInsecure ? [insecure(role)] : [];
  if (unserved.size > 0) {
    const what = use === 'check' ? 'are not compared' : role === 'source' ? 'are left out' : 'cannot be copied';
    const message = `no node of the ${role} serves slots ${unserved.describe()}: keys of these slots ${what}`;
    warnings.push({ code: 'SLOTS_UNSERVED', message });
  }
  return warnings;
}

function insecure(role: Role): Warning {
  const message = `the certificate of the ${role} is not looked at: whoever stands in between can read and change everything`;
  return { code: 'TLS_INSECURE', message };
}

function aboutClocks(sides: Sides, use: Use): Warning[] {
  const skew = Math.abs(clockSkewOf(sides));
  if (!(skew > MOST_SKEW_MS)) return [];
  const message = `the clocks are ${(skew / 1000).toFixed(1)} s apart; expiries are ${use === 'check' ? 'compared' : 'carried'} as the time that is left`;
  return [{ code: 'CLOCK_SKEW', message }];
}

function aboutTarget(
  { source }: Sides,
  target: Deployment,
  databases: DatabasePairs,
  partition: Partition | undefined,
): Warning[] {
  const warnings: Warning[] = [];
  for (const db of targetDatabases(target, databases)) {
    const keys = keysIn(target, db);
    if (keys === 0) continue;
    const others = partition === undefined ? '' : ', of other parts as well if these have begun';
    const message = `the target database ${db} is not empty: it has ${countOf(keys, 'key')}${others}`;
    warnings.push({ code: 'TARGET_NOT_EMPTY', message });
  }
  const [limit, used] = [sum(target, 'maxMemory'), source === undefined ? 0 : sum(source, 'usedMemory')];
  if (limit > 0 && limit < used) {
    const message = `the target may use ${formatBytes(limit)} (maxmemory), the source uses ${formatBytes(used)}`;
    warnings.push({ code: 'TARGET_MEMORY', message });
  }
  return warnings;
}

/** Bytes of all nodes together; 0 is no limit, where any has none. */
function sum({ servers }: Deployment, field: 'maxMemory' | 'usedMemory'): number {
  if (field === 'maxMemory' && servers.some(({ info }) => info.maxMemory === 0)) return 0;
  return servers.reduce((total, { info }) => total + info[field], 0);
}

/** Databases that hold keys and are not among these. */
function leftOutDatabases({ servers }: Deployment, databases: DatabasePairs): Warning[] {
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
  const message = `the source has keys in ${which} as well (${formatCount(keys)}), ${TAKE_ALL}`;
  return [{ code: 'DATABASES_LEFT_OUT', message }];
}

function takenForOne(dbs: readonly number[]): Warning[] {
  if (dbs.length === 0) return [];
  const names = listOf(dbs.map(String));
  const message = `SELECT may do nothing at the source: databases ${names} have the same keys as another one, and are taken for it; --db ${dbs[0]} copies one all the same`;
  return [{ code: 'DATABASES_ALIKE', message }];
}

/** Libraries of functions; a server that does not know them, or does not say, has none as far as one can know. */
async function leftOutFunctions({ servers }: Deployment): Promise<Warning[]> {
  const lists = await Promise.all(servers.map(({ connection }) => connection.request(FUNCTION_LIST).catch(noList)));
  const names = new Set(lists.flatMap(libraryNames));
  if (names.size === 0) return [];
  const message = `the source has functions (${listOf([...names])}), which a copy leaves out; FUNCTION DUMP and FUNCTION RESTORE carry them`;
  return [{ code: 'LEFT_OUT', message }];
}

/** What a snapshot costs those who make it. */
function forks({ kind, servers }: Deployment): Warning {
  const nodes = servers.map(({ connection: { peer } }) => nameOf(peer)).join(', ');
  const sentinel = kind === 'sentinel' ? ', which Sentinel lists until SENTINEL RESET' : '';
  const message = `the source forks at ${nodes} to make its snapshot: what is written until that has come takes memory twice, and rump counts as a replica${sentinel}`;
  return { code: 'SOURCE_FORKS', message };
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

/** What is said of something that happened to the source on the way. */
export function noticeText(notice: SourceNotice): string {
  switch (notice.code) {
    case 'SLOTS_MOVED':
      return `slots have moved (${formatCount(notice.slots.size)}); they are read once more where they are now`;
    case 'SLOTS_UNWATCHED':
      return `${nameOf(notice.peer)} does not say which slots it holds: each key is read where it is found, once; a slot that moves meanwhile may be missed`;
    case 'SCANNED_ANEW':
      return `${nameOf(notice.peer)} was replaced, or holds other data than when its scan began: it is scanned once more`;
    case 'MANY_SERVERS':
      return `${nameOf(notice.peer)} names another server each time it is asked: it was scanned once, and whether it gave every key cannot be told`;
    case 'LEFT_OUT':
      return LEFT_OUT[notice.kind](notice.names.join(', '), notice.count);
    case 'UNCHECKED':
      return 'the snapshot has no checksum (rdbchecksum no): whether it is damaged cannot be told';
    case 'UNMARKED':
      return `${notice.name} does not say where it begins and ends, as streams of rump do: whether it is whole cannot be told`;
    case 'SLOTS_HELD_UP':
      return `keys in slots ${notice.slots.describe()} of the ${notice.side} wait for a node that takes them: ${notice.why}`;
    case 'SNAPSHOT_LOST':
      return `the snapshot of ${nameOf(notice.peer)} is of no more use, and what it holds is scanned instead: ${notice.reason}`;
    default:
      return `nothing has come through stdin for ${notice.ms / 1000} s; it is waited for until it ends`;
  }
}

/** @param keys of the source at the start, as far as they are known */
export function nothingOf(keys: number): string {
  if (keys === 0) return 'the source has no keys where they were looked for: look at its databases, and at --db';
  return `nothing is in scope: none of the ${formatCount(keys)} keys of the source goes with --match, --exclude and --type`;
}
