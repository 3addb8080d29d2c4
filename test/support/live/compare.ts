// Whether two sides hold the same once nobody writes any more, although keys and fields go on expiring between both looks.
import { AssertionError } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../client.ts';
import {
  differencesOf,
  snapshot,
  tellsExpireTime,
  UNSETTABLE,
  type SameDataOptions,
  type Snapshot,
} from '../snapshot.ts';
import type { Side } from './sides.ts';

export interface SameSidesOptions extends SameDataOptions {
  /** Where a database of the source goes. Default: to the same number. */
  readonly databaseOf?: (db: number) => number;
  /** What a name of the source becomes, in latin1; `undefined`: it is out of scope. */
  readonly nameOf?: (name: string) => string | undefined;
  /** Names of the target, in latin1, that are judged by somebody else. */
  readonly isForeign?: (name: string) => boolean;
}

type Contents = Map<string, Snapshot>;

const SHOWN = 8;
/** Of keys that were about to expire when they were first looked at. */
const AGAIN_MS = 30;
/** A hash may lose one field after the other. */
const MOST_LOOKS = 5;
const FIELDS_AT_ONCE = 200;
const TOLERANCE_MS = 1000;

/**
 * Fails with the first keys that differ. Of streams, when a consumer was last seen is no data: reads that find nothing move it.
 * @returns how many keys are the same
 */
export async function assertSameSides(source: Side, target: Side, options: SameSidesOptions = {}): Promise<number> {
  const differences: string[] = [];
  let keys = 0;
  for (const db of source.databases) {
    const [from, to] = [await source.primaries(db), await target.primaries(options.databaseOf?.(db) ?? db)];
    const [expected, found] = await Promise.all([contents(from), contents(to)]);
    const judged = await differ(from, to, expected, found, options);
    keys += expected.size;
    for (const [name, difference] of judged) differences.push(`db${db} ${JSON.stringify(name)} ${difference}`);
  }
  if (differences.length === 0) return keys;
  throw new AssertionError({
    message: `${differences.length} keys differ, of ${keys} on the source:\n  ${differences.slice(0, SHOWN).join('\n  ')}`,
    stackStartFn: assertSameSides,
  });
}

async function differ(
  from: readonly TestClient[],
  to: readonly TestClient[],
  expected: Contents,
  found: Contents,
  options: SameSidesOptions,
): Promise<ReadonlyMap<string, string>> {
  const exact = (await tellsExpireTime(from[0]!)) && (await tellsExpireTime(to[0]!));
  const rules: SameDataOptions = { without: UNSETTABLE, ...(exact ? {} : { ttl: 'relative' }), ...options };
  const judge = (left: Contents, right: Contents): ReadonlyMap<string, string> =>
    differencesOf(own(right, options), renamed(left, options), rules);
  // Where only what is left of a time was told, the other side ends later by as much as the reply was under way.
  const late = rules.ttl === 'relative' ? (rules.tolerance ?? TOLERANCE_MS) : 0;
  let differences = judge(expected, found);
  let ends = endsOf(renamed(expected, options), found);
  for (let looks = 0; looks < MOST_LOOKS && differences.size > 0; looks += 1) {
    const looked = Date.now();
    // What was to end by then may have ended between both looks; everything else holds still.
    const [lasting, last] = [
      [...differences].filter(([name]) => ends(name) > looked + late),
      lastOf(differences, ends),
    ];
    if (lasting.length > 0) return new Map(lasting);
    await sleep(Math.max(AGAIN_MS, last - looked));
    const [left, right] = await Promise.all([contents(from), contents(to)]);
    const now = judge(left, right);
    const endsNow = endsOf(renamed(left, options), right);
    differences = new Map([...differences.keys()].flatMap((name) => (now.has(name) ? [[name, now.get(name)!]] : [])));
    ends = endsNow;
  }
  return differences;
}

/** When the last of them has ended. */
function lastOf(differences: ReadonlyMap<string, string>, ends: (name: string) => number): number {
  return Math.max(...[...differences.keys()].map(ends));
}

async function contents(clients: readonly TestClient[]): Promise<Contents> {
  const parts = await Promise.all(clients.map((client) => contentsOf(client)));
  return new Map(parts.flatMap((part) => [...part]));
}

/** With the expiries of fields, as a part of the value. */
async function contentsOf(client: TestClient): Promise<Contents> {
  const found = await snapshot(client);
  const [known] = (await client.send('COMMAND', 'INFO', 'HPEXPIRETIME')) as unknown[];
  if (!Array.isArray(known)) return found;
  for (const [name, entry] of found) {
    if (entry.type !== 'hash') continue;
    const fields = (entry.value as [string, string][]).map(([field]) => field);
    const expiries: number[] = [];
    for (let start = 0; start < fields.length; start += FIELDS_AT_ONCE) {
      const batch = fields.slice(start, start + FIELDS_AT_ONCE).map((field) => Buffer.from(field, 'latin1'));
      const key = Buffer.from(name, 'latin1');
      expiries.push(...((await client.send('HPEXPIRETIME', key, 'FIELDS', batch.length, ...batch)) as number[]));
    }
    // -2: it has expired since.
    const value = (entry.value as [string, string][])
      .map(([field, text], index) => [field, text, expiries[index]!] as [string, string, number])
      .filter(([, , expiry]) => expiry !== -2)
      .map(([field, text, expiry]) => (expiry < 0 ? [field, text] : [field, text, String(expiry)]));
    // The server has not come round yet to remove a hash of which nothing is left.
    if (value.length === 0) found.delete(name);
    else found.set(name, { ...entry, value });
  }
  return found;
}

/** When a key ends, or one of its fields, on either side. */
function endsOf(left: Contents, right: Contents): (name: string) => number {
  return (name) => Math.min(endOf(left.get(name)), endOf(right.get(name)));
}

function endOf(entry: Snapshot | undefined): number {
  if (entry === undefined) return Infinity;
  const fields =
    entry.type === 'hash' ? (entry.value as string[][]).map(([, , expiry]) => Number(expiry ?? Infinity)) : [];
  return Math.min(entry.expireAt ?? Infinity, ...fields);
}

function renamed(entries: Contents, { nameOf }: SameSidesOptions): Contents {
  if (nameOf === undefined) return entries;
  return new Map(
    [...entries].flatMap(([name, entry]): [string, Snapshot][] => {
      const other = nameOf(name);
      return other === undefined ? [] : [[other, entry]];
    }),
  );
}

function own(entries: Contents, { isForeign }: SameSidesOptions): Contents {
  return isForeign === undefined ? entries : new Map([...entries].filter(([name]) => !isForeign(name)));
}
