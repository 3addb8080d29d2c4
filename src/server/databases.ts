// Which databases of a server hold keys, found out by looking into each: for servers whose INFO does not say.

import type { Connection } from '../../resp/connection.ts';
import { ReplyError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { replyOf } from './replies.ts';

export interface Databases {
  /** Databases that hold keys, and how many; 0 where the server counts none, and SCAN finds some all the same. */
  readonly sizes: ReadonlyMap<number, number>;
  /** Databases that answer as another one does, so that SELECT may do nothing there. */
  readonly doubles: readonly number[];
}

/** Databases that are looked into in one round trip. */
const AT_ONCE = 16;
/** A server may take any number for a database. */
const MOST_DATABASES = 1024;

/** The connection is left in any of them. */
export async function findDatabases(connection: Connection): Promise<Databases> {
  const sizes = new Map<number, number>();
  const doubles: number[] = [];
  const seen = new Set<string>();
  for (let first = 0; first < MOST_DATABASES; first += AT_ONCE) {
    const looks = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => lookInto(connection, first + i)));
    for (const [i, look] of looks.entries()) {
      if (look === undefined || look.isEmpty) continue;
      if (!look.isSelected && seen.has(look.content)) doubles.push(first + i);
      else sizes.set(first + i, look.size);
      seen.add(look.content);
    }
    // Where all are the same as the first one, so are those behind them.
    if (looks.includes(undefined) || doubles.length >= AT_ONCE - 1) break;
  }
  return { sizes, doubles };
}

interface Look {
  readonly size: number;
  readonly isEmpty: boolean;
  /** Whether the server itself says that it is in this database. */
  readonly isSelected: boolean;
  /** Two databases that have the same may be one. */
  readonly content: string;
}

/** `undefined` where there is no such database. */
async function lookInto(connection: Connection, db: number): Promise<Look | undefined> {
  const [selected, size, page, client] = await Promise.all(
    [['SELECT', String(db)], ['DBSIZE'], ['SCAN', '0'], ['CLIENT INFO']].map(([name, ...args]) =>
      connection.request(name!, ...args).catch(replyOf),
    ),
  );
  if (selected instanceof ReplyError) return undefined;
  const [cursor, keys] = Array.isArray(page) ? (page as readonly Reply[]) : [];
  const count = typeof size === 'number' ? size : 0;
  const names = Array.isArray(keys) ? (keys as readonly Buffer[]).map((key) => key.toString('base64')) : [];
  return {
    size: count,
    // Some count only now and then, so that none may be many.
    isEmpty: count === 0 && names.length === 0 && (cursor === undefined || String(cursor) === '0'),
    isSelected: Buffer.isBuffer(client) && ` ${client.toString()} `.includes(` db=${db} `),
    content: [count, String(cursor), ...names].join(' '),
  };
}
