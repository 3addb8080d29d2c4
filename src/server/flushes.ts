// How often a server was emptied, by its own count of commands (INFO commandstats), and whether it began to count anew.

import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';

/** How often commands were called that empty a database or put another in its place. Plain, so that it can be kept as JSON. */
export interface Flushes {
  /** FLUSHDB: of which database is not told. */
  readonly ofOne: number;
  /** All the others: of every database, or of two. */
  readonly ofMore: number;
  /** Of these: SWAPDB, which CLIENT TRACKING does not tell of. */
  readonly swaps: number;
  /** Apart from these: how often it was told whose replica it is, or that it is none. */
  readonly demotions: number;
  /** All commands that were counted. */
  readonly calls: number;
  /** Missing where another version of rump has kept the rest. */
  readonly resetting?: Resetting | undefined;
}

/**
 * CONFIG RESETSTAT, which every count begins anew with, that of its own too: it has been called as often as before, and has
 * taken another time.
 */
interface Resetting {
  /** Before Redis 7 servers count CONFIG as a whole. */
  readonly isApart: boolean;
  readonly calls: number;
  /** Microseconds. */
  readonly time: number;
}

const OF_MORE: ReadonlySet<string> = new Set(['flushall', 'swapdb', 'cluster|flushslot']);
const DEMOTIONS: ReadonlySet<string> = new Set(['replicaof', 'slaveof']);
const COUNTS = ['ofOne', 'ofMore', 'swaps', 'demotions'] as const;
/** One that counts the parts of CONFIG has none of the whole, but of what it has refused. */
const CONFIG = /^cmdstat_config(\|resetstat)?:calls=([1-9]\d*),usec=(\d+)/m;

/**
 * `undefined` where the server will not say.
 * @throws RespError, where the connection is lost
 */
export async function askFlushes(server: Pick<Connection, 'request'>): Promise<Flushes | undefined> {
  try {
    return flushesIn(String(await server.request('INFO', 'commandstats')));
  } catch (error) {
    if (error instanceof ReplyError) return undefined;
    throw error;
  }
}

/** @param commandStats the text of INFO commandstats */
export function flushesIn(commandStats: string): Flushes | undefined {
  if (!commandStats.includes('cmdstat_')) return undefined;
  const counts = { ofOne: 0, ofMore: 0, swaps: 0, demotions: 0, calls: 0 };
  for (const [, name, count] of commandStats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    counts.calls += Number(count);
    if (name === 'flushdb') counts.ofOne += Number(count);
    else if (OF_MORE.has(name!)) counts.ofMore += Number(count);
    if (name === 'swapdb') counts.swaps += Number(count);
    else if (DEMOTIONS.has(name!)) counts.demotions += Number(count);
  }
  return { ...counts, resetting: resettingIn(commandStats) };
}

function resettingIn(commandStats: string): Resetting {
  const [, apart, calls = 0, time = 0] = CONFIG.exec(commandStats) ?? [];
  return { isApart: apart !== undefined, calls: Number(calls), time: Number(time) };
}

/** `undefined` where it was not told both times, or the counts began anew. */
export function flushesBetween(
  before: Flushes | undefined,
  now: Flushes | undefined,
): Pick<Flushes, 'ofOne' | 'ofMore' | 'swaps' | 'demotions'> | undefined {
  if (before === undefined || now === undefined || isReset(before, now)) return undefined;
  return {
    ofOne: now.ofOne - before.ofOne,
    ofMore: now.ofMore - before.ofMore,
    swaps: now.swaps - before.swaps,
    demotions: now.demotions - before.demotions,
  };
}

/** Whether it began to count anew in between, as far as that can be seen, or may have. */
export function isReset(before: Flushes, now: Flushes): boolean {
  // We have called some ourselves.
  if (now.calls <= before.calls) return true;
  if (COUNTS.some((count) => now[count] < before[count])) return true;
  const [was, is] = [before.resetting, now.resetting];
  if (was === undefined || is === undefined) return true;
  if (is.calls === was.calls || is.isApart) return is.calls !== was.calls || is.time !== was.time;
  return is.calls < was.calls || is.time < was.time;
}
