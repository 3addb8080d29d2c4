// Expiries on the way: when a key expires, as its server tells, and what becomes of those of hash fields.

import { RespError } from '../../resp/errors.ts';
import { NEVER, plus, type Milliseconds } from '../rdb/milliseconds.ts';
import { isSameExpiry } from '../rdb/compare.ts';
import { askOne, integerIn, type AskAbout } from '../server/replies.ts';
import type { ExpiryMode } from '../flow/expiry.ts';
import { GONE } from './value-end.ts';
import type { LargeValue } from '../flow/entry.ts';
import { decodePayload } from '../rdb/decode.ts';
import { encodePayload } from '../rdb/encode.ts';
import { mayHoldExpiries, versionOf } from '../rdb/payload.ts';
import type { HashField, ValuePiece } from '../rdb/value.ts';

export interface ToldExpiry {
  /** As `Entry.expireAt`. */
  readonly at: Milliseconds;
  /** Milliseconds by which it may be sooner: how long what is left of it was on the way. */
  readonly slack: number;
}

const COMMANDS = { exact: 'PEXPIRETIME', relative: 'PTTL' } as const;
const NOT_THERE = -2;
/** Of a clock that shows whole milliseconds, on either side. */
const ROUNDING_MS = 2;

/** @throws RespError `GONE`, or `PAYLOAD` for a reply that is none; ReplyError where the server will not say */
export async function askExpiry(ask: AskAbout, key: Buffer, mode: ExpiryMode): Promise<ToldExpiry> {
  if (mode === 'dropped') return { at: NEVER, slack: 0 };
  const start = performance.now();
  const reply = integerIn(await askOne(ask, COMMANDS[mode], key), COMMANDS[mode], NOT_THERE);
  if (reply === NOT_THERE) throw new RespError(GONE, 'The key is gone');
  if (mode === 'exact' || reply < 0) return { at: reply, slack: 0 };
  const now = performance.now();
  return { at: plus(reply, now), slack: now - start + ROUNDING_MS };
}

/** Whether both answers say the same. */
export function agree(left: ToldExpiry, right: ToldExpiry): boolean {
  return isSameExpiry(left.at, right.at, Math.max(left.slack, right.slack));
}

/** What becomes of the expiries of hash fields, where they do not stay as they are: the same as of those of keys. */
export class FieldExpiries {
  readonly #isDropped: boolean;
  readonly #offset: number;
  readonly #clock: () => number;

  /**
   * They are absolute wherever they stand, so that they have to be moved where the clocks are apart.
   * @param offset milliseconds that the clock of who gets them is ahead
   * @param clock by which they are told: a field that has expired must not come back for good
   * @returns undefined where they stay as they are
   */
  static for(mode: ExpiryMode, offset: number, clock: () => number): FieldExpiries | undefined {
    return mode === 'dropped' || offset !== 0 ? new FieldExpiries(mode === 'dropped', offset, clock) : undefined;
  }

  private constructor(isDropped: boolean, offset: number, clock: () => number) {
    this.#isDropped = isDropped;
    this.#offset = offset;
    this.#clock = clock;
  }

  /**
   * The payload as it is to go; `null` where nothing is left of it.
   * @throws PayloadError
   */
  payload(payload: Buffer): Buffer | null {
    const value = mayHoldExpiries(payload) ? decodePayload(payload) : undefined;
    if (value?.type !== 'hash') return payload;
    const fields = this.#carried(value.fields);
    return fields.length === 0 ? null : encodePayload({ type: 'hash', fields }, versionOf(payload));
  }

  /** The value as it is to go. Its pieces end with an error, `GONE`, where nothing is left of it. */
  large(value: LargeValue): LargeValue {
    const { type } = value;
    if (type !== undefined && type !== 'hash') return value;
    const pieces = (pieceBytes?: number): AsyncIterable<ValuePiece> => this.#pieces(value, pieceBytes);
    return {
      type,
      bytes: value.bytes,
      pieces,
      whole: value.whole && (() => this.#whole(value)),
      get reading() {
        return value.reading;
      },
      get fieldsExpire() {
        return value.fieldsExpire;
      },
      get expireAt() {
        return value.expireAt;
      },
      get length() {
        return value.length;
      },
    };
  }

  async #whole(value: LargeValue): Promise<Buffer> {
    const payload = this.payload(await value.whole!());
    if (payload === null) throw new RespError(GONE, 'The key is gone');
    return payload;
  }

  async *#pieces(value: LargeValue, pieceBytes: number | undefined): AsyncGenerator<ValuePiece> {
    let isEmpty = true;
    for await (const piece of value.pieces(pieceBytes)) {
      const carried: ValuePiece = piece.type === 'hash' ? { type: 'hash', fields: this.#carried(piece.fields) } : piece;
      if (carried.type === 'hash' && carried.fields.length === 0) continue;
      isEmpty = false;
      yield carried;
    }
    if (isEmpty && value.reading !== 'changed') throw new RespError(GONE, 'The key is gone');
  }

  #carried(fields: readonly HashField[]): HashField[] {
    const now = this.#clock();
    return fields
      .filter(({ expireAt }) => expireAt === NEVER || expireAt > now)
      .map((field) => ({ ...field, expireAt: this.#expiryOf(field) }));
  }

  #expiryOf({ expireAt }: HashField): HashField['expireAt'] {
    if (expireAt === NEVER || this.#isDropped) return NEVER;
    return plus(expireAt, this.#offset);
  }
}
