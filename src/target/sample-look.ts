// Whether a node still has the keys that it has acknowledged, of those that were remembered: asks for them, and judges what is missing.

import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { NAMES_OF_A_COMMAND } from '../keys/name-readers.ts';
import { keysIn, type ServerInfo } from '../server/info.ts';
import { scopeOf } from '../server/refusal.ts';
import { replyOf } from '../server/replies.ts';
import type { Session } from '../server/session.ts';
import type { WrittenKey } from './target-process.ts';

/** Servers tell of a key that expires within so many milliseconds as they like. */
export const ABOUT_TO_EXPIRE_MS = 2000;
/** Of the keys that are looked for: where fewer are missing, and nothing was flushed, somebody has deleted them. */
const MOST_DELETED = 0.1;
/** So are fewer than these, however few there were. */
const FEW = 10;

/** Asks for all of them at once; each reply is of the key in its place. @throws RespError, ReplyError */
export async function askForKeys(session: Session, keys: readonly WrittenKey[]): Promise<readonly Reply[]> {
  // Over a long line a round trip a batch is more than all that is asked.
  const batches = Array.from(batchesOf(keys), (some) => askForBatch(session, some));
  return (await Promise.all(batches)).flat();
}

/**
 * Whether keys are missing that not only somebody has deleted: a flush takes the first ones away, and whatever it may have
 * been takes many.
 * @param isFlushed whether the server counts a flush or a swap since the first key was written; `undefined`: it does not say
 */
export function isLoss(
  looked: readonly WrittenKey[],
  missing: readonly WrittenKey[],
  isFlushed: boolean | undefined,
): boolean {
  if (missing.length === 0) return false;
  if (isFlushed === true || (isFlushed === undefined && missing[0] === looked[0])) return true;
  if (missing.length === looked.length) return true;
  return missing.length >= FEW && missing.length >= looked.length * MOST_DELETED;
}

/** What was said at looks before, and the databases that had been given keys by then. */
export interface LooksBefore {
  readonly infos: readonly ServerInfo[];
  readonly databases: ReadonlySet<number>;
}

/**
 * Whether one of these databases, which were given keys, has lost more than half of them, or all that it was given since the last
 * look: a small one may have none in the sample.
 */
export function hasShrunk(databases: ReadonlySet<number>, before: LooksBefore, now: ServerInfo): boolean {
  // In a cluster keys go with their slots as well.
  if (now.cluster || !now.hasKeyspace) return false;
  return [...databases].some((db) => {
    const most = Math.max(...before.infos.map((info) => keysIn(info, db)));
    return before.databases.has(db) ? keysIn(now, db) < most / 2 : keysIn(now, db) === 0;
  });
}

/** Of one database each. */
function* batchesOf(keys: readonly WrittenKey[]): Generator<readonly WrittenKey[]> {
  for (let [start, end] = [0, 0]; start < keys.length; start = end) {
    for (end = start + 1; end < keys.length && end - start < NAMES_OF_A_COMMAND; end++)
      if (keys[end]!.db !== keys[start]!.db) break;
    yield keys.slice(start, end);
  }
}

/** One by one where not all are there, and in a cluster, where the keys of one command have to be of one slot. */
async function askForBatch(
  { connection, selection, server }: Session,
  keys: readonly WrittenKey[],
): Promise<readonly Reply[]> {
  const ask = (...names: readonly Buffer[]): Promise<Reply> => {
    selection.use(keys[0]!.db);
    return connection.request('EXISTS', ...names).catch(replyOf);
  };
  const names = keys.map(({ name }) => name);
  const count = server.info.cluster ? undefined : await ask(...names);
  if (count === names.length) return names.map(() => 1);
  const replies = await Promise.all(names.map((name) => ask(name)));
  const refusal = replies.find((reply) => reply instanceof ReplyError && scopeOf(reply) === 'server');
  if (refusal !== undefined) throw refusal as ReplyError;
  return replies;
}
