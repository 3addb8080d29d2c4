// What differs between an entry of the source and one of the target, in words: by value and expiry, whatever the encoding.

import type { Entry } from '../entry.ts';
import { differenceOf } from '../rdb/compare.ts';
import { decodePayload } from '../rdb/decode.ts';
import { hasSameBody } from '../rdb/same-body.ts';
import { typeOf } from '../rdb/type-of.ts';
import { ValueDigest } from '../rdb/value-digest.ts';
import { payloadPieces } from '../rdb/value-pieces.ts';
import { isForever, type ExpiryMode } from '../redis/expiry.ts';
import type { Value, ValuePiece } from '../value.ts';
import { distance, NEVER, plus } from '../milliseconds.ts';

/** Where PTTL tells the expiries, two readings of the same one are never quite the same. */
const RELATIVE_TOLERANCE_MS = 1000;

export class Comparison {
  readonly #ignoresExpiry: boolean;
  readonly #isRelative: boolean;
  readonly #tolerance: number;
  /** Milliseconds to add to the `expireAt` of a side for the clock on the wall. */
  readonly #sourceOffset: number;
  readonly #targetOffset: number;
  /** Values that were never held take their time, one after the other. */
  #weighing: Promise<unknown> = Promise.resolve();

  /**
   * @param mode what the servers tell of expiries
   * @param files which sides are files: they have milliseconds since 1970 in any case
   * @param tolerance milliseconds; undefined for what the mode needs
   */
  constructor(mode: ExpiryMode, files: { source: boolean; target: boolean }, tolerance: number | undefined) {
    const isRelative = mode === 'relative';
    const offset = isRelative ? Date.now() - performance.now() : 0;
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
  differenceOf(source: Entry, target: Entry): string | undefined | Promise<string | undefined> {
    const expiry = this.#expiryDifferenceOf(source, target);
    if (source.large !== null || target.large !== null) {
      // Entries are used again by those who lend them.
      const [left, right] = [{ ...source }, { ...target }];
      const weighing = this.#weighing.then(async () => joined(await digestDifference(left, right), expiry));
      this.#weighing = weighing.catch(() => {});
      return weighing;
    }
    const [left, right] = [source.payload!, target.payload!];
    return left.equals(right) ? expiry : joined(valueDifference(left, right), expiry);
  }

  #expiryDifferenceOf({ expireAt: source }: Entry, { expireAt: target }: Entry): string | undefined {
    if (source === target || this.#ignoresExpiry) return undefined;
    if (target === NEVER) return 'never expires at the target';
    if (source === NEVER) return 'never expires at the source';
    const [left, right] = [plus(source, this.#sourceOffset), plus(target, this.#targetOffset)];
    const apart = distance(left, right);
    if (apart <= this.#tolerance || (this.#isRelative && isForever(left) && isForever(right))) return undefined;
    return `expires ${apart} ms ${right > left ? 'later' : 'earlier'} at the target`;
  }
}

function joined(value: string | undefined, expiry: string | undefined): string | undefined {
  return value !== undefined && expiry !== undefined ? `${value}, ${expiry}` : (value ?? expiry);
}

async function digestDifference(source: Entry, target: Entry): Promise<string | undefined> {
  const [left, right] = [await digestOf(source), await digestOf(target)];
  return left.differenceFrom(right);
}

async function digestOf({ large, payload }: Entry): Promise<ValueDigest> {
  const digest = new ValueDigest();
  const pieces: AsyncIterable<ValuePiece> | Iterable<ValuePiece> = large?.pieces() ?? payloadPieces(payload!);
  for await (const piece of pieces) digest.add(piece);
  return digest;
}

function valueDifference(source: Buffer, target: Buffer): string | undefined {
  if (hasSameBody(source, target)) return undefined;
  const [left, right] = [typeOf(source), typeOf(target)];
  if (left !== undefined && right !== undefined && left !== right) return `type: ${left} and ${right}`;
  const now = Date.now();
  return differenceOf(present(decodePayload(source), now), present(decodePayload(target), now));
}

/** Without the fields that have expired: the one server has removed them already, the other one has not. */
function present(value: Value, now: number): Value {
  if (value.type !== 'hash') return value;
  return { ...value, fields: value.fields.filter(({ expireAt }) => expireAt === NEVER || expireAt > now) };
}
