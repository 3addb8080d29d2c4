// How expiries cross: by the exact millisecond, by what is left of them, or not at all.

import { ceiling, LAST, minus, sooner, type Milliseconds } from '../rdb/milliseconds.ts';

/**
 * `exact`: both servers know absolute expiries and their clocks agree. `relative`: what PTTL says, less the time that the
 * entry spends here. `dropped`: nothing expires on the target.
 */
export type ExpiryMode = 'exact' | 'relative' | 'dropped';

/**
 * The clock that `expireAt` is told by, in milliseconds: the source's own, or where expiries are relative that of this machine.
 * It never jumps: a key that has not expired must not be taken for one that has, when somebody sets this machine's clock.
 * @param skew what the source's clock shows above `Date.now()`
 */
export function expiryClock(mode: ExpiryMode, skew: number): () => number {
  const ahead = mode === 'relative' ? 0 : Date.now() + skew - performance.now();
  return () => performance.now() + ahead;
}

/**
 * A server adds its clock to what is left, and does not look whether the sum is still a number of 64 bits: the key would be
 * gone, or the server itself. So much less is enough for every clock of the next two centuries.
 */
const LONGEST = minus(LAST, 2 ** 43);
/** Less what passes between two looks. What has more left is there for ever, on either side. */
const FOREVER = minus(LONGEST, 2 ** 43);

/** What is left at `now`, as RESTORE and PEXPIRE take it: rounded up, and at least 1, as 0 would be none. */
export function ttlOf(expireAt: Milliseconds, now: number): Milliseconds {
  const left = ceiling(minus(expireAt, now));
  return left < 1 ? 1 : sooner(left, LONGEST);
}

/** Whether it is so far away that what is left cannot be told to the millisecond. */
export function isForever(expireAt: Milliseconds): boolean {
  return expireAt > FOREVER;
}
