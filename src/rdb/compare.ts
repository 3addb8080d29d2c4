// Whether two keys hold the same, by value: neither encodings nor versions matter, nor an order that Redis does not keep.
import { distance, NEVER, type Milliseconds } from './milliseconds.ts';
import { streamDifference } from './compare-stream.ts';
import { pairedOff } from './paired-off.ts';
import { vectorSetDifference } from './vector-set.ts';
import type { HashValue, ListValue, ModuleValue, SetValue, Value, ZsetValue } from './value.ts';

/** Two values of a module whose bytes differ: the module alone could say whether they hold the same. */
export class NotComparable {
  /** In a word or two, what cannot be compared. */
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

/** In a word or a few, what differs; `undefined`: nothing does. */
export type Difference = string | NotComparable | undefined;

/**
 * In a word or a few, what differs; `undefined`: nothing does.
 * @param tolerance milliseconds between two expiries of a field that are the same
 */
export function differenceOf(left: Value, right: Value, tolerance = 0): Difference {
  if (left.type === 'string' && right.type === 'string') return left.value.equals(right.value) ? undefined : 'value';
  if (left.type === 'list' && right.type === 'list') return listDifference(left, right);
  if (left.type === 'set' && right.type === 'set') return setDifference(left, right);
  if (left.type === 'zset' && right.type === 'zset') return zsetDifference(left, right);
  if (left.type === 'hash' && right.type === 'hash') return hashDifference(left, right, tolerance);
  if (left.type === 'stream' && right.type === 'stream') return streamDifference(left, right);
  if (left.type !== 'module' || right.type !== 'module') return 'type';
  return moduleDifference(left, right);
}

function moduleDifference(left: ModuleValue, right: ModuleValue): Difference {
  if (left.name !== right.name) return 'module';
  if (left.encodingVersion === right.encodingVersion && left.bytes.equals(right.bytes)) return undefined;
  const known = vectorSetDifference(left, right);
  return known === undefined ? new NotComparable(`module ${left.name}`) : known.difference;
}

function listDifference({ items: left }: ListValue, { items: right }: ListValue): string | undefined {
  if (left.length !== right.length) return 'length';
  return left.every((item, index) => item.equals(right[index]!)) ? undefined : 'items';
}

function setDifference({ members: left }: SetValue, { members: right }: SetValue): string | undefined {
  if (left.length !== right.length) return 'size';
  return pairedOff(left, right, (member) => member) === undefined ? 'members' : undefined;
}

function zsetDifference({ entries: left }: ZsetValue, { entries: right }: ZsetValue): string | undefined {
  if (left.length !== right.length) return 'size';
  const pairs = pairedOff(left, right, ({ member }) => member);
  if (pairs === undefined) return 'members';
  return pairs.every(([left, right]) => isSameScore(left.score, right.score)) ? undefined : 'scores';
}

/** -0 is 0: since Redis 7.0 a server forgets the sign as soon as it packs the set, and orders by neither. */
function isSameScore(left: number, right: number): boolean {
  return left === right || (Number.isNaN(left) && Number.isNaN(right));
}

/** Whether an expiry of a key or of a field is the same on both sides. */
export function isSameExpiry(left: Milliseconds, right: Milliseconds, tolerance: number): boolean {
  if (left === NEVER || right === NEVER) return left === right;
  return distance(left, right) <= tolerance;
}

function hashDifference(
  { fields: left }: HashValue,
  { fields: right }: HashValue,
  tolerance: number,
): string | undefined {
  if (left.length !== right.length) return 'size';
  const pairs = pairedOff(left, right, ({ field }) => field);
  if (pairs === undefined) return 'fields';
  if (!pairs.every(([left, right]) => left.value.equals(right.value))) return 'values';
  return pairs.every(([left, right]) => isSameExpiry(left.expireAt, right.expireAt, tolerance))
    ? undefined
    : 'field expiries';
}
