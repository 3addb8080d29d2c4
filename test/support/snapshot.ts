// What a database holds, read by value through native commands, and whether two hold the same: neither DUMP nor anything of
// rump has a say in it.
import { AssertionError } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import type { Reply, TestClient } from './client.ts';
import type { Argument } from './frames.ts';

export interface Snapshot {
  readonly type: string;
  /** In one order whatever the encoding; byte strings are latin1. */
  readonly value: Value;
  /** Milliseconds since 1970; `null` means never. */
  readonly expireAt: number | null;
}

/** By key in latin1. */
export type Snapshots = ReadonlyMap<string, Snapshot>;

export type Value = string | number | null | Value[] | { readonly [name: string]: Value };

export interface SameDataOptions {
  /**
   * `exact`: the same millisecond, as far as both servers tell it (PEXPIRETIME, 7.0); `relative`: within the tolerance;
   * `none`: nothing expires on the target. Default `exact`.
   */
  readonly ttl?: 'exact' | 'relative' | 'none';
  /** Milliseconds. Default 1,000. */
  readonly tolerance?: number;
  /**
   * The values were read and written by commands: when a consumer was last seen is lost then, and when an entry was
   * delivered is known within a second.
   */
  readonly byCommands?: boolean;
  /** Of streams, groups and consumers, what is not compared. */
  readonly without?: ReadonlySet<string>;
}

const BATCH = 1000;
const TOLERANCE_MS = 1000;
const SHOWN = 5;
const NONE: ReadonlySet<string> = new Set();
/** What no command sets. */
export const UNSETTABLE: ReadonlySet<string> = new Set(['seen-time', 'active-time']);

/** The database must hold still. @param keys all that it has where they are missing */
export async function snapshot(client: TestClient, keys?: readonly Buffer[]): Promise<Map<string, Snapshot>> {
  const wanted = keys ?? (await allKeys(client));
  const exact = await tellsExpireTime(client);
  const found = new Map<string, Snapshot>();
  for (let start = 0; start < wanted.length; start += BATCH) {
    const batch = wanted.slice(start, start + BATCH);
    for (const [index, entry] of (await readBatch(client, batch, exact)).entries()) {
      if (entry !== undefined) found.set(batch[index]!.toString('latin1'), entry);
    }
  }
  return found;
}

/** Fails with the first keys that differ, by name and by what differs. */
export async function assertSameData(
  source: TestClient,
  target: TestClient,
  { ttl = 'exact', ...options }: SameDataOptions = {},
): Promise<void> {
  const areExact = (await tellsExpireTime(source)) && (await tellsExpireTime(target));
  const [expected, actual] = await Promise.all([snapshot(source), snapshot(target)]);
  assertSame(actual, expected, { ...options, ttl: ttl === 'exact' && !areExact ? 'relative' : ttl });
}

/** The same of what was read. */
export function assertSame(actual: Snapshots, expected: Snapshots, options: SameDataOptions = {}): void {
  const differences = differencesOf(actual, expected, options);
  if (differences.size === 0) return;
  const shown = [...differences].slice(0, SHOWN).map(([key, difference]) => `\n  ${nameOf(key)} ${difference}`);
  throw new AssertionError({
    message: `${differences.size} keys differ, of ${expected.size} on the source:${shown.join('')}`,
    stackStartFn: assertSame,
  });
}

/** By key, what differs. */
export function differencesOf(
  actual: Snapshots,
  expected: Snapshots,
  options: SameDataOptions = {},
): ReadonlyMap<string, string> {
  const differences = new Map<string, string>();
  for (const [key, entry] of expected) {
    const difference = differenceOf(entry, actual.get(key), options);
    if (difference !== undefined) differences.set(key, difference);
  }
  for (const key of actual.keys()) if (!expected.has(key)) differences.set(key, 'is on the target only');
  return differences;
}

function differenceOf(
  source: Snapshot,
  target: Snapshot | undefined,
  { ttl = 'exact', tolerance = TOLERANCE_MS, byCommands = false, without = NONE }: SameDataOptions,
): string | undefined {
  if (target === undefined) return 'is missing on the target';
  if (source.type !== target.type) return `is a ${source.type} here and a ${target.type} there`;
  const [left, right] = byCommands
    ? bothOf(source.value, target.value, UNSETTABLE, TOLERANCE_MS)
    : bothOf(source.value, target.value, without, 0);
  if (!isDeepStrictEqual(left, right)) return `has another value (${source.type})${placeOf(left, right)}`;
  const expected = ttl === 'none' ? null : source.expireAt;
  if (expected === null || target.expireAt === null) {
    return expected === target.expireAt ? undefined : `expires at ${expected} here and at ${target.expireAt} there`;
  }
  const shift = target.expireAt - expected;
  if (Math.abs(shift) <= (ttl === 'exact' ? 0 : tolerance)) return undefined;
  return `expires ${shift} ms off, at ${target.expireAt}`;
}

function bothOf(left: Value, right: Value, without: ReadonlySet<string>, tolerance: number): readonly [Value, Value] {
  return [common(left, right, without, tolerance), common(right, left, without, tolerance)];
}

/** Where two values that differ begin to, and what is there. */
function placeOf(left: Value | undefined, right: Value | undefined): string {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return `: ${shortened(left)} here and ${shortened(right)} there`;
  const [ours, theirs] = [left, right] as [Readonly<Record<string, Value>>, Readonly<Record<string, Value>>];
  const names = [...Object.keys(ours), ...Object.keys(theirs)];
  const name = names.find((each) => !isDeepStrictEqual(ours[each], theirs[each]))!;
  return `, ${name}${placeOf(ours[name], theirs[name])}`;
}

function shortened(value: Value | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60);
}

/**
 * What two values of one key can be held to: of a record the fields that the other has too, as servers tell more of a
 * stream the newer they are.
 * @param without fields that are not compared
 * @param tolerance milliseconds that points in time may be apart
 */
export function common(value: Value, other: Value | undefined, without = NONE, tolerance = 0): Value {
  if (Array.isArray(value)) {
    const others = Array.isArray(other) ? other : [];
    return value.map((item, index) => common(item, others[index], without, tolerance));
  }
  // -0 is 0: a server forgets the sign as soon as it packs a sorted set.
  if (value === 0) return 0;
  if (other !== undefined && isMoment(value) && isMoment(other)) {
    return Math.abs(value - other) <= tolerance ? Math.min(value, other) : value;
  }
  if (typeof value !== 'object' || value === null || typeof other !== 'object' || other === null) return value;
  const opposite = other as { readonly [name: string]: Value };
  const names = Object.keys(value).filter((name) => name in opposite && !without.has(name));
  return Object.fromEntries(names.map((name) => [name, common(value[name]!, opposite[name], without, tolerance)]));
}

/** Milliseconds since 1970, of this century. */
function isMoment(value: Value): value is number {
  return typeof value === 'number' && value > 1e12 && value < 1e13;
}

async function allKeys(client: TestClient): Promise<Buffer[]> {
  const keys = new Map<string, Buffer>();
  let cursor = '0';
  do {
    const [next, page] = (await client.send('SCAN', cursor, 'COUNT', BATCH)) as [Buffer, Buffer[]];
    for (const key of page) keys.set(key.toString('latin1'), key);
    cursor = next.toString();
  } while (cursor !== '0');
  return [...keys.values()];
}

/** Servers before 7.0 tell only what is left of an expiry. */
export async function tellsExpireTime(client: TestClient): Promise<boolean> {
  const [reply] = await client.pipeline([['PEXPIRETIME', '']]);
  // MOVED is an answer of a server that knows it.
  return !(reply instanceof Error && reply.message.startsWith('ERR '));
}

async function readBatch(
  client: TestClient,
  keys: readonly Buffer[],
  exact: boolean,
): Promise<(Snapshot | undefined)[]> {
  const about = await client.pipeline([
    ['TIME'],
    ...keys.flatMap((key) => [
      ['TYPE', key],
      [exact ? 'PEXPIRETIME' : 'PTTL', key],
    ]),
  ]);
  const [seconds, microseconds] = about[0] as [Buffer, Buffer];
  const offset = exact ? 0 : Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  // A key of a slot that has moved on is no key of a node of a cluster.
  const types = keys.map((_, index) => (about[1 + index * 2] instanceof Error ? 'none' : String(about[1 + index * 2])));
  const values = await client.pipeline(keys.map((key, index) => readerOf(types[index]!).command(key)));
  return keys.map((key, index) => {
    const [type, reply, expiry] = [types[index]!, values[index]!, about[2 + index * 2] as number];
    // It may have expired since it was asked for its type.
    if (type === 'none' || (reply instanceof Error && /no such key/.test(reply.message))) return undefined;
    if (reply instanceof Error) throw new Error(`Cannot read ${nameOf(key.toString('latin1'))}: ${reply.message}`);
    return { type, value: readerOf(type).value(reply), expireAt: expiry < 0 ? null : expiry + offset };
  });
}

interface ValueReader {
  readonly command: (key: Buffer) => Argument[];
  readonly value: (reply: Reply) => Value;
}

const readers: Readonly<Record<string, ValueReader>> = {
  // Expired between SCAN and TYPE.
  none: { command: () => ['PING'], value: () => null },
  string: { command: (key) => ['GET', key], value: plain },
  list: { command: (key) => ['LRANGE', key, 0, -1], value: plain },
  set: { command: (key) => ['SMEMBERS', key], value: (reply) => (plain(reply) as string[]).toSorted() },
  // Servers write the same score in different ways: 0.1 and 0.10000000000000001.
  zset: {
    command: (key) => ['ZRANGE', key, 0, -1, 'WITHSCORES'],
    value: (reply) =>
      pairs(reply).map(([member, score]) => [member, Number((score as string).replace('inf', 'Infinity'))]),
  },
  hash: {
    command: (key) => ['HGETALL', key],
    value: (reply) => pairs(reply).toSorted(([left], [right]) => (left < right ? -1 : 1)),
  },
  stream: { command: (key) => ['XINFO', 'STREAM', key, 'FULL', 'COUNT', 0], value: streamOf },
};

function readerOf(type: string): ValueReader {
  const reader = readers[type];
  if (reader === undefined) throw new Error(`The tests cannot read a ${type}`);
  return reader;
}

function streamOf(reply: Reply): Value {
  const stream = recordOf(plain(reply));
  const groups = (stream['groups'] as Value[]).map((group) => {
    const { consumers, lag: _, ...rest } = recordOf(group);
    return { ...rest, consumers: (consumers as Value[]).map(recordOf) };
  });
  // How the server lays out its tree is not data.
  const { 'radix-tree-keys': _keys, 'radix-tree-nodes': _nodes, ...rest } = stream;
  return { ...rest, groups };
}

function recordOf(flat: Value): Record<string, Value> {
  return Object.fromEntries(pairsOf(flat as Value[]));
}

function pairs(reply: Reply): [string, Value][] {
  return pairsOf(plain(reply) as Value[]);
}

function pairsOf(flat: Value[]): [string, Value][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[index * 2] as string, flat[index * 2 + 1]!]);
}

function plain(reply: Reply): Value {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (Array.isArray(reply)) return reply.map(plain);
  if (reply instanceof Error) throw reply;
  return typeof reply === 'bigint' ? String(reply) : reply;
}

function nameOf(key: string): string {
  return key.length > 80 ? `${JSON.stringify(key.slice(0, 80))}… (${key.length} bytes)` : JSON.stringify(key);
}
