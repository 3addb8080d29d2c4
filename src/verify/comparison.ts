// What differs between an entry of the source and one of the target, in words: by value and expiry, whatever the encoding.

import { setImmediate as pause } from 'node:timers/promises';
import { RespError } from '../../resp/errors.ts';
import { formatCount } from '../../resp/figures.ts';
import type { Entry } from '../entry.ts';
import { distance, NEVER, plus, type Milliseconds } from '../milliseconds.ts';
import { DEFAULT_LIMITS } from '../rdb/chunks.ts';
import { differenceOf, isSameExpiry, NotComparable, type Difference } from '../rdb/compare.ts';
import { decodePayload } from '../rdb/decode.ts';
import { hasSameBody } from '../rdb/same-body.ts';
import { typeOf } from '../rdb/type-of.ts';
import { unpackedSize } from '../rdb/unpacked-size.ts';
import { FieldTimes, ValueDigest } from '../rdb/value-digest.ts';
import { payloadPieces } from '../rdb/value-pieces.ts';
import { isForever, type ExpiryMode } from '../redis/expiry.ts';
import type { HashField, Value, ValuePiece } from '../value.ts';

/** What the servers tell of expiries, and by which clock those of fields are told on both sides. */
export interface ToldExpiries {
  readonly mode: ExpiryMode;
  readonly fieldClock: () => number;
}

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
  /** Values that were never held take their time, one after the other. */
  #weighing: Promise<unknown> = Promise.resolve();

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

  /**
   * Of two entries that both have a value; `undefined`: nothing. A promise where one of them is large.
   * @throws PayloadError where a payload cannot be read
   */
  differenceOf(source: Entry, target: Entry): Difference | Promise<Difference> {
    const expiry = this.#expiryDifferenceOf(source, target);
    if (source.large !== null || target.large !== null || this.#isTooLarge(source.payload!, target.payload!)) {
      // Entries are used again by those who lend them.
      const [left, right] = [{ ...source }, { ...target }];
      const weighing = this.#weighing.then(async () =>
        joined(await untilRead(() => this.#digestDifference(left, right)), expiry),
      );
      this.#weighing = weighing.catch(() => {});
      return weighing;
    }
    const [left, right] = [source.payload!, target.payload!];
    return left.equals(right) ? expiry : joined(this.#valueDifference(left, right), expiry);
  }

  #expiryDifferenceOf({ expireAt: source }: Entry, { expireAt: target }: Entry): string | undefined {
    if (source === target || this.#ignoresExpiry) return undefined;
    if (target === NEVER) return 'never expires at the target';
    if (source === NEVER) return 'never expires at the source';
    const [left, right] = [plus(source, this.#sourceOffset), plus(target, this.#targetOffset)];
    const isSame =
      isSameExpiry(left, right, this.#tolerance) || (this.#isRelative && isForever(left) && isForever(right));
    if (isSame) return undefined;
    return `expires ${formatCount(distance(left, right))} ms ${right > left ? 'later' : 'earlier'} at the target`;
  }

  /** Whether decoding both would take too much: compression hides how much that is. */
  #isTooLarge(source: Buffer, target: Buffer): boolean {
    if (source.equals(target) || hasSameBody(source, target)) return false;
    const type = typeOf(source);
    if (type === undefined || type === 'module' || typeOf(target) !== type) return false;
    return unpackedSize(source) + unpackedSize(target) > this.#bigKey;
  }

  #valueDifference(source: Buffer, target: Buffer): Difference {
    if (hasSameBody(source, target)) return undefined;
    const [left, right] = [typeOf(source), typeOf(target)];
    if (left !== undefined && right !== undefined && left !== right) return `type: ${left} and ${right}`;
    const now = this.#fieldClock();
    return differenceOf(present(decodePayload(source), now), present(decodePayload(target), now), this.#tolerance);
  }

  /** Where there are too many expiries of fields to be held against each other at once, that takes several passes. */
  async #digestDifference(source: Entry, target: Entry): Promise<string | undefined> {
    const now = this.#fieldClock();
    for (let [part, parts] = [0, 1]; part < parts; part++) {
      const times = this.#tolerance === 0 ? [] : [new FieldTimes(part, parts), new FieldTimes(part, parts)];
      const left = await digestOf(source, now, this.#bigKey, times[0]);
      const right = await digestOf(target, now, this.#bigKey, times[1]);
      const difference = left.differenceFrom(right, this.#tolerance);
      if (difference !== undefined) return difference;
      const needed = Math.max(parts, ...times.map(({ partsNeeded }) => partsNeeded));
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

/** A connection may be lost meanwhile. How often it is read again, whoever reads it decides: in the end it may not be. */
async function untilRead<T>(read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof RespError) || !error.retryable) throw error;
    }
  }
}

async function digestOf(
  { large, payload }: Entry,
  now: number,
  unpacked: number,
  times: FieldTimes | undefined,
): Promise<ValueDigest> {
  const digest = new ValueDigest(times);
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
