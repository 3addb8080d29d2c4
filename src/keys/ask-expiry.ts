// Asks when a key expires, and tells whether two answers say the same.

import { RespError } from '../../resp/errors.ts';
import { NEVER, plus, type Milliseconds } from '../rdb/milliseconds.ts';
import { isSameExpiry } from '../rdb/compare.ts';
import { askOne, type AskAbout } from '../server/ask-about.ts';
import type { ExpiryMode } from '../flow/expiry.ts';
import { GONE } from './piece-reader.ts';
import { integerIn } from '../server/reply-shapes.ts';

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
