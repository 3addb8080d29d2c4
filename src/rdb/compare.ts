// Compares two values, or two payloads. Encodings and versions do not matter, nor does an order that Redis does not keep.

import type { Bytes } from '../../resp/bytes.ts';
import { decodePayload } from './decode.ts';
import { distance, NEVER, type Milliseconds } from './milliseconds.ts';
import { vectorSetIn } from './modules.ts';
import { FOOTER_BYTES, isOfValkey, lastCommonTypeByte, typeOf, versionOf } from './payload.ts';
import { unpackedSize } from './skip.ts';
import {
  compareIds,
  type HashValue,
  type ListValue,
  type ModuleValue,
  type PendingEntry,
  type SetValue,
  type StreamEntry,
  type StreamGroup,
  type StreamHead,
  type StreamValue,
  type Value,
  type ZsetValue,
} from './value.ts';

/**
 * Delivery times that are this close count as equal: a stream that is read in pieces is told how long ago each delivery was,
 * and the clock goes on between two reads. A copy has the times as they were read.
 */
const SAME_MOMENT_MS = 1000;

/** Two values of a module whose bytes differ: only the module could say whether they are equal. */
export class NotComparable {
  /** What cannot be compared, in a word or two. */
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

/** What differs, in a few words; `undefined` if nothing does. */
export type Difference = string | NotComparable | undefined;

/**
 * What differs, in a few words; `undefined` if nothing does.
 * @param tolerance milliseconds that expiries of fields may be apart and still be equal
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

/**
 * @returns undefined if one of them is not a vector set in the known form
 */
function vectorSetDifference(left: ModuleValue, right: ModuleValue): { difference?: string } | undefined {
  const sets = [vectorSetIn(left), vectorSetIn(right)];
  const [one, other] = sets;
  if (one === undefined || other === undefined) return undefined;
  if (one.dimensions !== other.dimensions) return { difference: 'dimensions' };
  if (one.elements.length !== other.elements.length) return { difference: 'size' };
  if (one.quantization !== other.quantization || !isSame(one.matrix, other.matrix))
    return { difference: 'quantization' };
  const pairs = pairedOff(one.elements, other.elements, ({ name }) => name);
  if (pairs === undefined) return { difference: 'members' };
  if (!pairs.every(([left, right]) => left.vector.equals(right.vector) && left.scale === right.scale)) {
    return { difference: 'vectors' };
  }
  return pairs.every(([left, right]) => left.attributes.equals(right.attributes)) ? {} : { difference: 'attributes' };
}

function isSame(left: Buffer | undefined, right: Buffer | undefined): boolean {
  return left === undefined || right === undefined ? left === right : left.equals(right);
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

/** -0 equals 0: since Redis 7.0 servers drop the sign when they pack the set, and it does not affect the order. */
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

/** Figures that an older payload lacks are not compared, nor is when a consumer was last seen: reading changes that. */
function streamDifference(left: StreamValue, right: StreamValue): string | undefined {
  if (left.entries.length !== right.entries.length) return 'length';
  if (!left.entries.every((entry, index) => isSameEntry(entry, right.entries[index]!))) return 'entries';
  return headDifference(left, right);
}

/** The same for all but the entries. */
export function headDifference(left: Omit<StreamHead, 'gone'>, right: Omit<StreamHead, 'gone'>): string | undefined {
  if (left.length !== right.length) return 'length';
  if (compareIds(left.lastId, right.lastId) !== 0) return 'last id';
  if (left.maxDeletedId && right.maxDeletedId && compareIds(left.maxDeletedId, right.maxDeletedId) !== 0) {
    return 'highest deleted id';
  }
  if (isOther(left.entriesAdded, right.entriesAdded)) return 'entries added';
  return groupsDifference(left.groups, right.groups);
}

function groupsDifference(left: readonly StreamGroup[], right: readonly StreamGroup[]): string | undefined {
  const pairs = pairedOff(left, right, ({ name }) => name);
  if (pairs === undefined) return 'groups';
  for (const [group, opposite] of pairs) {
    const difference = groupDifference(group, opposite);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function groupDifference(left: StreamGroup, right: StreamGroup): string | undefined {
  if (compareIds(left.lastId, right.lastId) !== 0) return 'last id of a group';
  if (isOther(left.entriesRead, right.entriesRead)) return 'entries read by a group';
  if (pairedOff(left.consumers, right.consumers, ({ name }) => name) === undefined) return 'consumers';
  if (left.pending.length !== right.pending.length) return 'pending entries';
  const isSame = left.pending.every((entry, index) => isSamePending(entry, right.pending[index]!));
  return isSame ? undefined : 'pending entries';
}

function isSameEntry(left: StreamEntry, right: StreamEntry): boolean {
  if (compareIds(left.id, right.id) !== 0 || left.fields.length !== right.fields.length) return false;
  return left.fields.every((field, index) => field.equals(right.fields[index]!));
}

function isSamePending(left: PendingEntry, right: PendingEntry): boolean {
  return (
    compareIds(left.id, right.id) === 0 &&
    left.consumer.equals(right.consumer) &&
    distance(left.deliveryTime, right.deliveryTime) <= SAME_MOMENT_MS &&
    left.deliveryCount === right.deliveryCount
  );
}

function isOther(left: bigint | undefined, right: bigint | undefined): boolean {
  return left !== undefined && right !== undefined && left !== right;
}

/** Pairs of elements with the same name, one of each side; `undefined` if an element has no counterpart. */
function pairedOff<T>(left: readonly T[], right: readonly T[], nameOf: (element: T) => Buffer): [T, T][] | undefined {
  if (left.length !== right.length) return undefined;
  const pairs: [T, T][] = [];
  let others: Named<T> | undefined;
  for (const [index, element] of left.entries()) {
    // Packed collections keep their order of insertion on both sides, so a map is seldom needed.
    const opposite = others === undefined ? right[index]! : undefined;
    if (opposite !== undefined && nameOf(element).equals(nameOf(opposite))) {
      pairs.push([element, opposite]);
      continue;
    }
    others ??= new Named(right.slice(index), nameOf);
    const found = others.take(nameOf(element));
    if (found === undefined) return undefined;
    pairs.push([element, found]);
  }
  return pairs;
}

/** Files that were not written by a server may have a name twice. */
class Named<T> {
  readonly #byName = new Map<string, T>();
  readonly #repeated = new Map<string, T[]>();

  constructor(elements: readonly T[], nameOf: (element: T) => Buffer) {
    for (const element of elements) {
      const name = nameOf(element).toString('latin1');
      const repeated = this.#repeated.get(name);
      if (!this.#byName.has(name)) this.#byName.set(name, element);
      else if (repeated === undefined) this.#repeated.set(name, [element]);
      else repeated.push(element);
    }
  }

  take(bytes: Buffer): T | undefined {
    const name = bytes.toString('latin1');
    const repeated = this.#repeated.get(name)?.pop();
    if (repeated !== undefined) return repeated;
    const element = this.#byName.get(name);
    this.#byName.delete(name);
    return element;
  }
}

/** Whether they are the same but for their footers: two servers stamp the same bytes with versions of their own. */
export function hasSameBody(left: Buffer, right: Buffer): boolean {
  const end = left.length - FOOTER_BYTES;
  if (left.length !== right.length || end <= 0 || left.compare(right, 0, end, 0, end) !== 0) return false;
  return meansTheSame(left[0]!, versionOf(left), versionOf(right));
}

/** The same for payloads where they lie, so long each, of which it cannot be told where they are too short to be any. */
export function hasSameBodyAt(left: Bytes, leftAt: number, right: Bytes, rightAt: number, length: number): boolean {
  const body = length - FOOTER_BYTES;
  if (body <= 0 || !left.equals(right, rightAt, leftAt, leftAt + body)) return false;
  const versionOfLeft = left.view.getUint16(leftAt + body, true);
  const versionOfRight = right.view.getUint16(rightAt + body, true);
  return versionOfLeft === versionOfRight || meansTheSame(left.buffer[leftAt]!, versionOfLeft, versionOfRight);
}

/** Whether the type byte that both begin with is of one and the same encoding. */
function meansTheSame(type: number, leftVersion: number, rightVersion: number): boolean {
  return type <= lastCommonTypeByte || isOfValkey(leftVersion) === isOfValkey(rightVersion);
}

/**
 * Whether `payloadDifference` takes no more than so many bytes for both: compression hides how much it is. Otherwise they are
 * compared by the digests of their pieces.
 * @throws PayloadError
 */
export function fitsDecoded(left: Buffer, right: Buffer, mostBytes: number): boolean {
  const type = typeOf(left);
  // Values of modules have no pieces, and those of different types are not decoded.
  if (type === undefined || type === 'module' || typeOf(right) !== type) return true;
  return unpackedSize(left) + unpackedSize(right) <= mostBytes;
}

/**
 * As `differenceOf`, of two payloads whose bodies are not the same.
 * @param visible what of a value counts
 * @throws PayloadError
 */
export function payloadDifference(
  left: Buffer,
  right: Buffer,
  tolerance = 0,
  visible = (value: Value): Value => value,
): Difference {
  const [one, other] = [typeOf(left), typeOf(right)];
  if (one !== undefined && other !== undefined && one !== other) return `type: ${one} and ${other}`;
  return differenceOf(visible(decodePayload(left)), visible(decodePayload(right)), tolerance);
}
