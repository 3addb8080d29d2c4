// The one thing that flows from source to target: a key with its value as the source dumped it.

import { Buffer } from 'node:buffer';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import { NO_PAGE } from './key-id.ts';
import type { ValuePiece, ValueType } from '../rdb/value.ts';

/** `value`: it has a payload; `large`: its value is read by and by; `gone`: there is no such key; `name`: nobody has asked for more. */
export type EntryKind = 'value' | 'large' | 'gone' | 'name';

export interface Entry {
  kind: EntryKind;
  /** The database of the source. */
  db: number;
  /** The name at the source. */
  key: Buffer;
  /** The page of a walk that the key was found on, or `NO_PAGE`. */
  page: number;
  /** The reply of DUMP, of a `value`. */
  payload: Buffer | null;
  /** What reads the value by and by, of a `large` one. */
  large: LargeValue | null;
  /** Since 1970 by the source's clock, or by a clock of this machine where expiries are relative; or `NEVER`. */
  expireAt: Milliseconds;
  /** Seconds since the last use; -1 where it is not carried. */
  idle: number;
  /** Logarithmic access frequency, 0 to 255; -1 where it is not carried. */
  frequency: number;
}

/** `watched`: it is under way, and its end will tell; `same`, `changed`: what the value did meanwhile. */
export type Reading = 'watched' | 'same' | 'changed';

export interface LargeValue {
  /** `undefined` where only the reading will tell. */
  readonly type: Exclude<ValueType, 'module'> | undefined;
  /**
   * The value as it is by then, read anew with each call. No element is cut.
   * @param pieceBytes how large the pieces are at most, about; 1 MiB where it is not said, or what makes a value large if that is
   *   less, or what the server has shown to bear
   */
  pieces(pieceBytes?: number): AsyncIterable<ValuePiece>;
  /** Whether its pieces are had without waiting for anybody. */
  readonly isAtHand?: boolean | undefined;
  /** Of memory, by what its server says, where it was asked; or of a file. */
  readonly bytes?: number | undefined;
  /** What is known of the last reading, from its first piece on; `undefined` where only a second one can tell. */
  readonly reading?: Reading | undefined;
  /** As `Entry.expireAt`, and in its place: what the last reading found, from its first piece on, where it has asked. */
  readonly expireAt?: Milliseconds | undefined;
  /** Whether fields of it may expire, and take the key with them. */
  readonly fieldsExpire?: boolean | undefined;
  /**
   * Elements that the value had at the end of a reading that was the `same`, or more; of a string its bytes. A scan may give an
   * element twice, and then gives more than that. `undefined` where nobody would say.
   */
  readonly length?: number | undefined;
  /** The payload after all, for which its server has to stand still: `expireAt` and `reading` are of then. Missing where nobody has one. */
  readonly whole?: (() => Promise<Buffer>) | undefined;
}

const NO_KEY = Buffer.alloc(0);

export function newEntry(): Entry {
  const none = { payload: null, large: null, expireAt: NEVER, idle: -1, frequency: -1 };
  return { kind: 'name', db: 0, key: NO_KEY, page: NO_PAGE, ...none };
}

/** Bytes of key and payload: what budgets and figures count. */
export function sizeOf({ key, payload }: Entry): number {
  return key.length + (payload?.length ?? 0);
}
