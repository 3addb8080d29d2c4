// Watches one node for keys that it loses during a copy: before anything is read, at the beginning and the end of each walk,
// and once all that was found is read.

import { setTimeout as sleep } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import { replyOf, sizeIn } from '../server/replies.ts';
import { askFlushes, askInfo, hasManyServers, keysIn } from '../server/info.ts';
import type { Session } from '../server/session.ts';
import { lossOf, unreadOf, type Outline, type Sight, type Verdict } from './shrinkage.ts';

/** From the handshake to the first walk; keys that are gone later may have been deleted. */
const MOMENT_MS = 5000;
const LOOK_MS = 50;
/** Looks that show nothing to be freed any more, and no flush. */
const LOOKS_BEHIND = 4;
/** How long a server may be busy freeing. */
const MOST_FREEING_MS = 10_000;

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
  /** The node before its first walk; as the handshake found it, where it has lost much since. */
  #start: Outline | undefined;
  /** Several servers answer as one: nothing can be said of what they held. */
  #isOver = false;

  /** Whether keys were found of which nobody has asked yet whether all could be read. */
  get isDue(): boolean {
    return !this.#isOver && this.#findings.size > 0;
  }

  /** What the database is now that a walk of it begins. */
  async begin(session: Session, db: number): Promise<Sight> {
    const before = await this.look(session, db);
    this.goOn(db, before, startOf(session, before));
    return before;
  }

  /** A walk of the database goes on that was begun before, maybe by somebody else. */
  goOn(db: number, before: Sight, start: Outline = before): void {
    this.#start ??= start;
    if (!this.#findings.has(db)) this.#findings.set(db, { before, found: 0, gone: 0 });
  }

  async look(session: Session, db: number): Promise<Sight> {
    const outline = await lookAt(session);
    session.selection.use(db);
    const keys = sizeIn(await session.request('DBSIZE').catch(replyOf), session.peer);
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
    const start = { ...this.#start!, keys: keysIn(this.#start!.info, db) };
    return settled(session, last, (now) => {
      const sight = { ...now, keys: last.keys };
      const verdict = lossOf(peer, db, start, seen, sight);
      return verdict instanceof RespError ? verdict : (lossOf(peer, db, first, seen, sight) ?? verdict);
    });
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
  const end = performance.now() + MOST_FREEING_MS;
  let now = last;
  for (let looks = 0; ; now = await lookAt(session)) {
    const isLate = performance.now() > end;
    const verdict = judge(isLate && now.info.unfreed > 0 ? { ...now, flushes: undefined } : now);
    if (verdict !== 'deleted') return verdict;
    if (now.info.unfreed === 0) looks++;
    if (isLate || looks > LOOKS_BEHIND) return undefined;
    await sleep(LOOK_MS);
  }
}

/** By the time of the handshake nobody has counted flushes: it counts where much is missing a moment later. */
function startOf({ server }: Session, before: Outline): Outline {
  if (performance.now() - server.learntAt > MOMENT_MS) return before;
  const isEmptied = server.info.keyspace.some(({ db, keys }) => keysIn(before.info, db) < keys / 2);
  return isEmptied ? { info: server.info, flushes: undefined } : before;
}

async function lookAt(session: Session): Promise<Outline> {
  const info = await askInfo(session);
  return { info, flushes: await askFlushes(session) };
}
