// How often a server was emptied, as it counts its commands: of two looks at it one knows what happened between them.

import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';

/** How often commands were called that empty a database or put another in its place. */
export interface Flushes {
  /** FLUSHDB: of which database is not told. */
  readonly ofOne: number;
  /** All the others: of every database, or of two. */
  readonly ofMore: number;
  /** All commands that were counted, and how often the counts began anew since their last beginning. */
  readonly calls: number;
  readonly resets: number;
}

const OF_MORE: ReadonlySet<string> = new Set(['flushall', 'swapdb', 'cluster|flushslot']);

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
  const counts = { ofOne: 0, ofMore: 0, calls: 0, resets: 0 };
  for (const [, name, count] of commandStats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    counts.calls += Number(count);
    if (name === 'flushdb') counts.ofOne += Number(count);
    else if (OF_MORE.has(name!)) counts.ofMore += Number(count);
    else if (name === 'config|resetstat') counts.resets += Number(count);
  }
  return counts;
}

/** `undefined` where it was not told both times, or the counts were reset. */
export function flushesBetween(
  before: Flushes | undefined,
  now: Flushes | undefined,
): Pick<Flushes, 'ofOne' | 'ofMore'> | undefined {
  if (before === undefined || now === undefined) return undefined;
  // We have called some ourselves.
  if (now.calls <= before.calls || now.resets > before.resets) return undefined;
  return { ofOne: now.ofOne - before.ofOne, ofMore: now.ofMore - before.ofMore };
}
