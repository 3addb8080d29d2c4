// Watches one node for keys that it loses during a copy: before anything is read, at the beginning and the end of each walk,
// and once all that was found is read.

import { setTimeout as sleep } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import { replyOf, sizeIn } from '../server/replies.ts';
import { askFlushes, askInfo, hasManyServers, keysIn, type ServerInfo } from '../server/info.ts';
import type { Session } from '../server/session.ts';
import { lossOf, unreadOf, type Outline, type Sight, type Verdict } from './shrinkage.ts';

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
    const { server } = session;
    if (this.#start === undefined && performance.now() - server.learntAt <= MOMENT_MS) this.#met = server.info;
    this.goOn(db, before);
    return before;
  }

  /** A walk of the database goes on that was begun before, maybe by somebody else. */
  goOn(db: number, before: Sight): void {
    this.#start ??= before;
    if (!this.#findings.has(db)) this.#findings.set(db, { before, found: 0, gone: 0 });
  }

  /** What it is later. Its keys are counted first: what expired before that is in INFO by then. */
  async look(session: Session, db: number): Promise<Sight> {
    const [keys, outline] = await Promise.all([sizeOf(session, db), lookAt(session)]);
    return { ...outline, keys };
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
    return settled(session, last, (now) => {
      const sight = { ...now, keys: last.keys };
      const verdict = lossOf(peer, db, start, seen, sight);
      return verdict instanceof RespError ? verdict : (lossOf(peer, db, first, seen, sight) ?? verdict);
    });
  }

  /** By the time of the handshake nobody has counted flushes: it counts where most of the database is missing a moment later. */
  #startOf(db: number): Sight {
    const start = this.#start!;
    const keys = keysIn(start.info, db);
    const met = this.#met && keysIn(this.#met, db);
    if (met === undefined || keys >= met / 2) return { ...start, keys };
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

async function sizeOf(session: Session, db: number): Promise<number> {
  session.selection.use(db);
  return sizeIn(await session.request('DBSIZE').catch(replyOf), session.peer);
}

/** A flush that is counted shows in INFO as well; one that comes between them is counted by the next look. */
async function lookAt(session: Session): Promise<Outline> {
  const [flushes, info] = await Promise.all([askFlushes(session), askInfo(session)]);
  return { info, flushes };
}
