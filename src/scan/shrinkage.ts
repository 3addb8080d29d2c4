// Whether a database lost its keys while it was read: it was flushed or swapped, or its server came back without them. It
// asks nothing.

import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import { formatCount } from '../../resp/figures.ts';
import { flushesBetween, isSameKeyspace, keysIn, type Flushes, type ServerInfo } from '../server/info.ts';

/** One look at a server. */
export interface Outline {
  readonly info: ServerInfo;
  /** `undefined` where that is not told. */
  readonly flushes: Flushes | undefined;
}

/** One look at a database. */
export interface Sight extends Outline {
  /** DBSIZE. */
  readonly keys: number;
}

/** What may have become of a database between two looks at it. */
type Fate = 'kept' | 'flushed' | 'replaced' | 'unknown';

/** Of a server that does not say whether it was flushed, most of the keys have to be missing. */
const MOST_MISSING = { kept: 0.1, flushed: 0.1, replaced: 0.1, unknown: 0.5 };
/** `deleted`: they are missing, and the server counts no flush by now. */
export type Verdict = RespError | 'deleted' | undefined;

const WHY = {
  flushed: 'it was flushed or swapped meanwhile',
  replaced: 'it is another server, or holds other data, by now, and they cannot all have expired',
  unknown: 'they cannot all have expired',
};

/**
 * What is wrong, if anything: many keys of the first look were neither seen nor can have expired. Deletes are no fault: where
 * the server says that nothing was flushed or swapped, and its data are its own still, whatever is missing was deleted.
 * @param seen names that the last scan gave
 */
export function lossOf(peer: Peer, db: number, first: Sight, seen: number, last: Sight): Verdict {
  const fate = fateOf(db, first, last);
  const due = first.keys - removedBetween(db, first, last);
  if (Math.min(seen, last.keys) >= due * (1 - MOST_MISSING[fate])) return undefined;
  if (fate === 'kept') return 'deleted';
  const [held, saw, now] = [first.keys, seen, last.keys].map(formatCount);
  const figures = `database ${db} of ${nameOf(peer)} held ${held} when it began, ${saw} were seen, and ${now} are left`;
  return shrunk(peer, `Keys were lost while they were read: ${figures}; ${WHY[fate]}`);
}

/**
 * What is wrong, if anything: of many keys only the names were read, and they can neither have expired nor were they deleted.
 * @param before the database when its names were asked for
 * @param last the server once all values were asked for
 */
export function unreadOf(
  peer: Peer,
  db: number,
  before: Outline,
  { found, gone }: { readonly found: number; readonly gone: number },
  last: Outline,
): Verdict {
  const fate = fateOf(db, before, last);
  const due = found - removedBetween(db, before, last);
  if (found - gone >= due * (1 - MOST_MISSING[fate])) return undefined;
  if (fate === 'kept') return 'deleted';
  const figures = `of ${formatCount(found)} keys found in database ${db} of ${nameOf(peer)}, ${formatCount(gone)} were gone when they were to be read`;
  return shrunk(peer, `Keys were lost while they were read: ${figures}; ${WHY[fate]}`);
}

function shrunk(peer: Peer, message: string): RespError {
  return new RespError('SOURCE_SHRUNK', message, { peer, hint: 'see what became of them, and run it again' });
}

function fateOf(db: number, first: Outline, last: Outline): Fate {
  const isTold = first.info.runId !== '' && last.info.runId !== '';
  // Whoever takes on the data of another primary is emptied without a command.
  if (isTold && !isSameKeyspace(first.info, last.info)) return 'replaced';
  const flushes = flushesBetween(first.flushes, last.flushes);
  if (!isTold || flushes === undefined) return 'unknown';
  const { ofOne, ofMore } = flushes;
  if (ofMore > 0 || ofOne > moreShrunkThan(db, first, last)) return 'flushed';
  // Which one it was nobody tells: a small one may as well have lost its last key otherwise.
  return ofOne > 0 ? 'unknown' : 'kept';
}

/**
 * How many other databases lost a larger share of their keys, beside those that may have expired: rather than this one they were
 * what was flushed. None where this one is empty, however it came to be.
 */
function moreShrunkThan(db: number, { info: before }: Outline, { info: now }: Outline): number {
  const own = keysIn(now, db) / (keysIn(before, db) || Infinity);
  return before.keyspace.filter((other) => {
    const held = other.keys - other.expiring;
    return other.db !== db && held > 0 && keysIn(now, other.db) / held < own;
  }).length;
}

/** How many keys may be gone that nobody took. A replica leaves expiry to its primary, and does not count it. */
function removedBetween(db: number, { info: before }: Outline, { info: now }: Outline): number {
  const expiring = before.keyspace.find((one) => one.db === db)?.expiring ?? 0;
  if (!isSameKeyspace(before, now)) return expiring;
  const expired = before.role === 'primary' && now.role === 'primary' ? now.expiredKeys - before.expiredKeys : expiring;
  return Math.max(0, expired) + Math.max(0, now.evictedKeys - before.evictedKeys);
}
