// Watches one node for keys that it loses during a copy: before anything is read, at the beginning and the end of each walk,
// and once all that was found is read. It lost them where it was flushed or swapped, or came back without them.

import { setTimeout as sleep } from 'node:timers/promises';
import { RespError, nameOf, type Peer } from '../../resp/errors.ts';
import { replyOf, sizeIn } from '../server/replies.ts';
import { askFlushes, flushesBetween, isReset, type Flushes } from '../server/flushes.ts';
import { askInfo, hasManyServers, keysIn, type ServerInfo, isSameKeyspace } from '../server/info.ts';
import type { Session } from '../server/session.ts';
import { SlotWatch } from './coverage.ts';
import { formatCount } from '../../resp/figures.ts';

/** From the handshake to the first walk; keys that are gone later may have been deleted. */
const MOMENT_MS = 5000;
const LOOK_MS = 50;
/** Looks that show nothing to be freed any more, and no flush. */
const LOOKS_BEHIND = 4;
/** So often it is looked whether a server that is busy freeing is done, ten seconds or more. */
const MOST_LOOKS = 200;

/** The keys of one database that were found since all was read for the last time. */
interface Findings {
  /** The node before the first of them was found. */
  readonly before: Outline;
  found: number;
  /** Those that were not there any more when they were to be read. */
  gone: number;
}

export class LossWatch {
  readonly #findings = new Map<number, Findings>();
  /** The node before its first walk. */
  #start: Outline | undefined;
  /** The node as the handshake found it, a moment before that. */
  #met: ServerInfo | undefined;
  /** Where the slots of a cluster's node were meanwhile: the keys of those that left are wherever these are. */
  #slots: SlotWatch | undefined;
  /** Several servers answer as one: nothing can be said of what they held. */
  #isOver = false;

  /** Whether keys were found of which nobody has asked yet whether all could be read. */
  get isDue(): boolean {
    return !this.#isOver && this.#findings.size > 0;
  }

  /** What the database is now that a walk of it begins. Its keys are counted last: what expired before that is not missed later. */
  async begin(session: Session, db: number): Promise<Sight> {
    const [info, flushes, keys] = await Promise.all([askInfo(session), askFlushes(session), sizeOf(session, db)]);
    const before = { info, flushes, keys };
    if (this.#start === undefined && isJustMet(session)) this.#met = session.server.info;
    this.goOn(db, before);
    return before;
  }

  /** A walk of the database goes on that was begun before, maybe by somebody else. */
  goOn(db: number, before: Sight): void {
    this.#start ??= before;
    if (!this.#findings.has(db)) this.#findings.set(db, { before, found: 0, gone: 0 });
  }

  /** It holds other data now: what became of names of the old ones says nothing of these. Whether they are fewer, the walk tells. */
  beginAnew(db: number, before: Sight): void {
    const findings = this.#findings.get(db)!;
    this.#findings.set(db, { ...findings, before, gone: 0 });
  }

  /** What it is later. Its keys are counted first: what expired before that is in INFO by then. */
  async look(session: Session, db: number): Promise<Sight> {
    const [keys, outline] = await Promise.all([sizeOf(session, db), lookAt(session)]);
    return { ...outline, keys };
  }

  /** @param nodes what a cluster's node says of itself in CLUSTER NODES */
  onNodes(session: Session, nodes: string): void {
    const [, met] = session.server.topology;
    if (this.#slots === undefined) {
      this.#slots = new SlotWatch();
      if (Buffer.isBuffer(met) && isJustMet(session)) this.#slots.observe(met.toString());
    }
    this.#slots.observe(nodes);
  }

  onFound(db: number, keys: number): void {
    this.#findings.get(db)!.found += keys;
  }

  onGone(db: number): void {
    const findings = this.#findings.get(db);
    if (findings !== undefined) findings.gone++;
  }

  /** A proxy has several servers behind it. */
  end(): void {
    this.#isOver = true;
  }

  /**
   * What is wrong with a walk that has come to its end.
   * @param first the database when the walk began for the first time; what it was when the node's first walk began counts as well
   */
  lossOf(session: Session, db: number, first: Sight, seen: number, last: Sight): Promise<RespError | undefined> {
    const { peer } = session;
    const start = this.#startOf(db);
    const share = this.#slots?.shareStayed;
    return settled(session, last, (now) => {
      const sight = { ...now, keys: last.keys };
      const verdict = lossOf(peer, db, start, seen, sight, share);
      return verdict instanceof RespError ? verdict : (lossOf(peer, db, first, seen, sight, share) ?? verdict);
    });
  }

  /** By the time of the handshake nobody has counted flushes: it counts where most of the database is missing a moment later. */
  #startOf(db: number): Sight {
    const start = this.#start!;
    const keys = keysIn(start.info, db);
    const met = this.#met && keysIn(this.#met, db);
    const hasMoved = this.#slots !== undefined && this.#slots.shareStayed < 1;
    if (met === undefined || keys >= met / 2 || hasMoved) return { ...start, keys };
    return { info: this.#met!, flushes: undefined, keys: met };
  }

  /** Once all that was found is read: what is wrong with it. */
  async lookBack(session: Session): Promise<RespError | undefined> {
    const last = await lookAt(session);
    const errors: RespError[] = [];
    for (const [db, { before, found, gone }] of this.#findings) {
      if (gone === 0) continue;
      const error = await settled(session, last, (now) => unreadOf(session.peer, db, before, { found, gone }, now));
      if (error !== undefined) errors.push(error);
    }
    // Where they are many behind one name, it may be a matter of which of them answers.
    if (errors.length > 0 && (await hasManyServers(session, last.info))) this.end();
    this.#findings.clear();
    return this.#isOver ? undefined : errors[0];
  }
}

/**
 * The verdict once it is certain that no flush is still to be counted: newer servers count one when they have freed in the
 * background what it took. Where that takes too long, it is as if they did not tell.
 */
async function settled(
  session: Session,
  last: Outline,
  judge: (now: Outline) => Verdict,
): Promise<RespError | undefined> {
  let now = last;
  let idle = 0;
  for (let looks = 1; ; looks++) {
    const isLate = looks > MOST_LOOKS;
    const verdict = judge(isLate && now.info.unfreed > 0 ? { ...now, flushes: undefined } : now);
    if (verdict !== 'deleted') return verdict;
    if (now.info.unfreed === 0) idle++;
    if (isLate || idle > LOOKS_BEHIND) return undefined;
    await sleep(LOOK_MS);
    now = await lookAt(session);
  }
}

function isJustMet({ server }: Session): boolean {
  return performance.now() - server.learntAt <= MOMENT_MS;
}

async function sizeOf(session: Session, db: number): Promise<number> {
  session.selection.use(db);
  return sizeIn(await session.request('DBSIZE').catch(replyOf), session.peer);
}

/** A flush that is counted shows in INFO as well; one that comes between them is counted by the next look. */
async function lookAt(session: Session): Promise<Outline> {
  const [flushes, info] = await Promise.all([askFlushes(session), askInfo(session)]);
  return { info, flushes };
}

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
 * @param share of the keys that did not leave with their slots, about
 */
export function lossOf(peer: Peer, db: number, first: Sight, seen: number, last: Sight, share = 1): Verdict {
  const fate = fateOf(db, first, last);
  const due = first.keys * share - removedBetween(db, first, last);
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

/**
 * How many keys may be gone that nobody took. A replica leaves expiry to its primary, and does not count it; and what was
 * counted before the counts began anew is not known.
 */
function removedBetween(db: number, first: Outline, last: Outline): number {
  const [before, now] = [first.info, last.info];
  const { expiring = 0, volatile = 0 } = before.keyspace.find((one) => one.db === db) ?? {};
  if (!isSameKeyspace(before, now)) return expiring + volatile;
  const evicted = Math.max(0, now.evictedKeys - before.evictedKeys);
  const isAnew =
    now.expiredKeys < before.expiredKeys ||
    (first.flushes !== undefined && last.flushes !== undefined && isReset(first.flushes, last.flushes));
  const isTold = !isAnew && before.role === 'primary' && now.role === 'primary';
  if (!isTold) return expiring + volatile + evicted;
  const fields = Math.max(0, now.expiredFields - before.expiredFields);
  return now.expiredKeys - before.expiredKeys + Math.min(fields, volatile) + evicted;
}
