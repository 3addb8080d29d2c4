// Whether a database lost its keys while it was scanned: it was flushed or swapped, or its server came back without them. It
// asks nothing.

import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import { formatCount } from '../../resp/figures.ts';
import type { ServerInfo } from '../redis/info.ts';

/** One look at a database. */
export interface Sight {
  readonly info: ServerInfo;
  /** DBSIZE. */
  readonly keys: number;
  /** How often a command was called that empties a database or puts another in its place; `undefined` where that is not told. */
  readonly flushes: number | undefined;
}

/** With a flush it takes no more than this share of the keys to be missing; without knowing of one it has to be most of them. */
const MOST_MISSING = { flushed: 0.1, unknown: 0.5 };

/** @param commandStats the text of INFO commandstats */
export function flushesIn(commandStats: string): number | undefined {
  if (!commandStats.includes('cmdstat_')) return undefined;
  const calls = commandStats.matchAll(/^cmdstat_(?:flushall|flushdb|swapdb|cluster\|flushslot):calls=(\d+)/gm);
  return Array.from(calls, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0);
}

/**
 * What is wrong, if anything: many keys of the first look were neither seen nor can have expired. Deletes are no fault: where
 * the server says that nothing was flushed or swapped, whatever is missing was deleted.
 * @param seen names that the last scan gave
 */
export function lossOf(peer: Peer, db: number, first: Sight, seen: number, last: Sight): RespError | undefined {
  const isSame = first.info.runId !== '' && first.info.runId === last.info.runId;
  const flushed = isSame ? wasFlushed(first, last) : undefined;
  if (flushed === false) return undefined;
  const due = first.keys - (isSame ? removedBetween(db, first, last) : (first.info.expiring.get(db) ?? 0));
  const left = Math.min(seen, last.keys);
  if (left >= due * (1 - MOST_MISSING[flushed === true ? 'flushed' : 'unknown'])) return undefined;
  const [held, saw, now] = [first.keys, seen, last.keys].map(formatCount);
  const why = flushed === true ? 'it was flushed or swapped meanwhile' : 'they cannot all have expired';
  const message = `The source lost keys during the scan: database ${db} of ${nameOf(peer)} held ${held} when it began, ${saw} were seen, and ${now} are left; ${why}`;
  return new RespError('SOURCE_SHRUNK', message, { peer, hint: 'see what became of them, and run it again' });
}

/** `undefined` where the counts were reset, or are not told. */
function wasFlushed({ flushes: before }: Sight, { flushes: now }: Sight): boolean | undefined {
  return before === undefined || now === undefined || now < before ? undefined : now > before;
}

/** A replica leaves expiry to its primary, and does not count it. */
function removedBetween(db: number, { info: before }: Sight, { info: now }: Sight): number {
  const expiring = before.expiring.get(db) ?? 0;
  const expired = before.role === 'primary' && now.role === 'primary' ? now.expiredKeys - before.expiredKeys : expiring;
  return Math.max(0, expired) + Math.max(0, now.evictedKeys - before.evictedKeys);
}
