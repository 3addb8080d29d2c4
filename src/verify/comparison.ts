// What differs between an entry of the source and one of the target, in words: by value and expiry, whatever the encoding.

import { setImmediate as pause } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import { formatCount } from '../../resp/figures.ts';
import type { Entry } from '../flow/entry.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { distance, NEVER, plus, type Milliseconds } from '../rdb/milliseconds.ts';
import { DEFAULT_LIMITS, payloadPieces } from '../rdb/pieces.ts';
import {
  fitsDecoded,
  hasSameBody,
  hasSameBodyAt,
  isSameExpiry,
  NotComparable,
  payloadDifference,
  type Difference,
} from '../rdb/compare.ts';
import { FieldTimes, ValueDigest } from '../rdb/value-digest.ts';
import { isForever, type ExpiryMode } from '../flow/expiry.ts';
import { GONE, untilRead } from '../keys/value-end.ts';
import type { Role } from '../server/server.ts';
import { Room } from '../flow/room.ts';
import type { HashField, Value, ValuePiece } from '../rdb/value.ts';

/** What the servers tell of expiries, and by which clock those of fields are told on both sides. */
export interface ToldExpiries {
  readonly mode: ExpiryMode;
  readonly fieldClock: () => number;
}

/** A large value was not there any more when it was to be read. */
export class Missing {
  readonly at: Role | 'both';

  constructor(at: Missing['at']) {
    this.at = at;
  }
}

export type Comparing = Difference | Missing;

/** Values that are read from both servers at once: while one waits for its replies, the others are under way. */
const AT_ONCE = 4;
/** Where PTTL tells the expiries, two readings of the same one are never quite the same. */
const RELATIVE_TOLERANCE_MS = 1000;

export class Comparison {
  readonly #ignoresExpiry: boolean;
  readonly #isRelative: boolean;
  readonly #tolerance: number;
  /** Milliseconds to add to the `expireAt` of a side for the clock on the wall. */
  readonly #sourceOffset: number;
  readonly #targetOffset: number;
  readonly #fieldClock: () => number;
  readonly #bigKey: number;
  /** For values that were never held as a whole. */
  readonly #room = new Room(AT_ONCE);

  /**
   * @param files which sides are files: they have milliseconds since 1970 in any case
   * @param tolerance milliseconds, of keys and of fields; undefined for what the mode needs
   * @param bigKey bytes that two values may take in memory as a whole
   */
  constructor(
    { mode, fieldClock }: ToldExpiries,
    files: { source: boolean; target: boolean },
    tolerance: number | undefined,
    bigKey: number,
  ) {
    this.#bigKey = bigKey;
    const isRelative = mode === 'relative';
    const offset = isRelative ? Date.now() - performance.now() : 0;
    this.#fieldClock = fieldClock;
    this.#isRelative = isRelative;
    this.#ignoresExpiry = mode === 'dropped';
    this.#tolerance = tolerance ?? (isRelative ? RELATIVE_TOLERANCE_MS : 0);
    this.#sourceOffset = files.source ? 0 : offset;
    this.#targetOffset = files.target ? 0 : offset;
  }

  /** Whether two values are seen to be the same without a copy; others are for `differenceOf`. */
  isSame(source: EntryView, target: EntryView): boolean {
    const length = source.payloadEnd - source.payloadAt;
    if (source.kind !== 'value' || target.kind !== 'value' || target.payloadEnd - target.payloadAt !== length)
      return false;
    const { payloadIn, payloadAt } = source;
    if (!hasSameBodyAt(payloadIn, payloadAt, target.payloadIn, target.payloadAt, length)) return false;
    return this.#expiryDifferenceOf(source.expireAt, target.expireAt) === undefined;
  }

  /**
   * Of two entries that both have a value; `undefined`: nothing. A promise where one of them is large.
   * @throws PayloadError where a payload cannot be read
   */
  differenceOf(source: Entry, target: Entry): Difference | Promise<Comparing> {
    const expiry = this.#expiryDifferenceOf(source.expireAt, target.expireAt);
    const [left, right] = [source.payload, target.payload];
    if (left !== null && right !== null) {
      if (left.equals(right) || hasSameBody(left, right)) return expiry;
      if (fitsDecoded(left, right, this.#bigKey)) return joined(this.#payloadDifference(left, right), expiry);
    }
    // Entries are used again by those who lend them.
    return this.#largeDifference({ ...source }, { ...target }, expiry);
  }

  async #largeDifference(source: Entry, target: Entry, expiry: string | undefined): Promise<Comparing> {
    const isRead = source.large !== null && target.large !== null;
    // A payload that is unpacked, or expiries of fields that are kept, take far more memory than a page of each side.
    const release = await this.#room.acquire(isRead && this.#tolerance === 0 ? 1 : AT_ONCE);
    try {
      const difference = await this.#digestDifference(source, target);
      return difference instanceof Missing ? difference : joined(difference, expiry);
    } finally {
      release();
    }
  }

  #expiryDifferenceOf(source: Milliseconds, target: Milliseconds): string | undefined {
    if (source === target || this.#ignoresExpiry) return undefined;
    if (target === NEVER) return 'never expires at the target';
    if (source === NEVER) return 'never expires at the source';
    const [left, right] = [plus(source, this.#sourceOffset), plus(target, this.#targetOffset)];
    const isSame =
      isSameExpiry(left, right, this.#tolerance) || (this.#isRelative && isForever(left) && isForever(right));
    if (isSame) return undefined;
    return `expires ${formatCount(distance(left, right))} ms ${right > left ? 'later' : 'earlier'} at the target`;
  }

  #payloadDifference(source: Buffer, target: Buffer): Difference {
    const now = this.#fieldClock();
    return payloadDifference(source, target, this.#tolerance, (value) => present(value, now));
  }

  /** Where there are too many expiries of fields to be compared at once, that takes several passes. */
  async #digestDifference(source: Entry, target: Entry): Promise<string | Missing | undefined> {
    const now = this.#fieldClock();
    for (let [part, parts] = [0, 1]; part < parts; part++) {
      const newDigest = (): ValueDigest =>
        new ValueDigest(this.#tolerance === 0 ? undefined : new FieldTimes(part, parts));
      const read = (entry: Entry): Promise<ValueDigest | undefined> =>
        digestIfAny(() => digestOf(entry, now, this.#bigKey, newDigest()));
      const [left, right] = await (source.large !== null && target.large !== null
        ? both(read(source), read(target))
        : [await read(source), await read(target)]);
      if (left === undefined) return new Missing(right === undefined ? 'both' : 'source');
      if (right === undefined) return new Missing('target');
      const difference = left.differenceFrom(right, this.#tolerance);
      if (difference !== undefined) return difference;
      const needed = Math.max(parts, left.partsNeeded, right.partsNeeded);
      if (needed > parts) [part, parts] = [-1, needed];
    }
    return undefined;
  }
}

function joined(value: Difference, expiry: string | undefined): Difference {
  // Another expiry is a difference in any case.
  if (value instanceof NotComparable) return expiry ?? value;
  return value !== undefined && expiry !== undefined ? `${value}, ${expiry}` : (value ?? expiry);
}

/** Neither goes on behind the other one's back when it fails. */
async function both<T>(left: Promise<T>, right: Promise<T>): Promise<[T, T]> {
  await Promise.allSettled([left, right]);
  return Promise.all([left, right]);
}

/** `undefined` where the key is gone by now. */
async function digestIfAny(read: () => Promise<ValueDigest>): Promise<ValueDigest | undefined> {
  try {
    const digest = await untilRead(read);
    return digest.isEmpty ? undefined : digest;
  } catch (error) {
    if (error instanceof RespError && error.code === GONE) return undefined;
    throw error;
  }
}

async function digestOf(
  { large, payload }: Entry,
  now: number,
  unpacked: number,
  digest: ValueDigest,
): Promise<ValueDigest> {
  const pieces: AsyncIterable<ValuePiece> | Iterable<ValuePiece> =
    large?.pieces() ?? payloadPieces(payload!, { ...DEFAULT_LIMITS, unpacked });
  for await (const piece of pieces) {
    digest.add(present(piece, now));
    // Pieces out of a payload come without a pause, and the memory of those before is given back in one.
    if (large === null) await pause();
  }
  return digest;
}

/** Without the fields that have expired: the one server has removed them already, the other one has not. */
function present<V extends Value | ValuePiece>(value: V, now: number): V {
  if (value.type !== 'hash' || !value.fields.some((field) => isExpired(field, now))) return value;
  return { ...value, fields: value.fields.filter((field) => !isExpired(field, now)) };
}

function isExpired({ expireAt }: HashField, now: Milliseconds): boolean {
  return expireAt !== NEVER && expireAt <= now;
}
