// What DUMP and PEXPIRETIME answer, where it lies: pairs of a short payload and an expiry, made into a run of entries. Whatever
// else a server answers is left to others.
//
//   $n payload │ :expiry │ $n payload │ :expiry │ …

import { BY_REFERENCE, isLineEnd } from '../../resp/bytes.ts';
import type { ReplyRun } from '../../resp/reply.ts';
import { EntryRun, MOST_ENTRIES } from '../flow/entry-run.ts';
import type { ExpiryMode } from '../flow/expiry.ts';
import type { KeyQueue, KeyView } from '../flow/key-queue.ts';
import { isEmptyDump } from '../rdb/pieces.ts';
import { NEVER, plus, type Milliseconds } from '../rdb/milliseconds.ts';

const [DOLLAR, COLON, MINUS, ZERO] = [36, 58, 45, 48] as const;
const CRLF_BYTES = 2;
/** The shortest expiry. */
const LEAST_EXPIRY = ':0\r\n'.length;
/** Of an integer that a number holds exactly. */
const EXACT_DIGITS = 15;

export class DumpReplies {
  readonly #entries = new EntryRun();
  readonly #mode: ExpiryMode;
  readonly #hasExpiries: boolean;
  /** Bytes of the longest payload that is read. */
  readonly #longest: number;

  constructor(mode: ExpiryMode, longest: number) {
    this.#mode = mode;
    this.#hasExpiries = mode !== 'dropped';
    this.#longest = Math.min(longest, BY_REFERENCE - 1);
  }

  /**
   * Reads what comes next, as long as it is of this kind.
   * @param keys that were asked about; those of the entries are still to be taken out
   */
  read(run: ReplyRun, keys: KeyQueue, mostEntries: number): EntryRun {
    const entries = this.#entries;
    const replies = this.#hasExpiries ? 2 : 1;
    const most = Math.min(keys.length, Math.floor(run.due / replies), mostEntries, MOST_ENTRIES);
    if (most === 0) entries.length = 0;
    else entries.begin(keys.head!.db, keys.head!.page, keys.head!.bytes, run.bytes);
    while (entries.length < most && this.#readEntry(run, keys.at(entries.length)));
    run.due -= entries.length * replies;
    return entries;
  }

  /** Whether there was a whole entry. */
  #readEntry(run: ReplyRun, key: KeyView): boolean {
    const entries = this.#entries;
    const { at, end } = run;
    const { buffer } = run.bytes;
    const isOfRun = key.db === entries.db && key.page === entries.page && key.bytes === entries.keysIn;
    if (!isOfRun || key.own !== undefined || at >= end || buffer[at] !== DOLLAR) return false;
    let next = at + 1;
    let length = 0;
    for (; next < end && length <= this.#longest; next++) {
      const digit = buffer[next]! - ZERO;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    if (length > this.#longest) return false;
    const start = next + CRLF_BYTES;
    const stop = start + length;
    run.isUnfinished = stop + CRLF_BYTES + (this.#hasExpiries ? LEAST_EXPIRY : 0) > end;
    if (run.isUnfinished || next === at + 1 || !isLineEnd(buffer, next) || !isLineEnd(buffer, stop)) return false;
    if (isEmptyDump(buffer, start, stop)) return false;
    if (this.#hasExpiries) return this.#readExpiry(run, key, start, stop);
    entries.add(key.start, key.end, start, stop, NEVER);
    run.at = stop + CRLF_BYTES;
    return true;
  }

  #readExpiry(run: ReplyRun, key: KeyView, start: number, stop: number): boolean {
    const { end } = run;
    const { buffer } = run.bytes;
    const at = stop + CRLF_BYTES;
    const isNegative = buffer[at + 1] === MINUS;
    const first = isNegative ? at + 2 : at + 1;
    let next = first;
    let expiry = 0;
    for (; next < end; next++) {
      const digit = buffer[next]! - ZERO;
      if (digit < 0 || digit > 9) break;
      expiry = expiry * 10 + digit;
    }
    const digits = next - first;
    run.isUnfinished = next + 1 >= end && digits <= EXACT_DIGITS;
    const isInteger = buffer[at] === COLON && digits > 0 && digits <= EXACT_DIGITS;
    if (run.isUnfinished || !isInteger || !isLineEnd(buffer, next)) return false;
    if (isNegative && -expiry !== NEVER) return false;
    const expireAt = isNegative ? NEVER : Number(expireAtOf(expiry, this.#mode));
    this.#entries.add(key.start, key.end, start, stop, expireAt);
    run.at = next + CRLF_BYTES;
    return true;
  }
}

/** @param expiry what the server answers @returns as `Entry.expireAt` */
export function expireAtOf(expiry: Milliseconds, mode: ExpiryMode): Milliseconds {
  return mode === 'relative' && expiry >= 0 ? plus(expiry, performance.now()) : expiry;
}
