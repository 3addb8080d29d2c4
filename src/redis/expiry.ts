// How expiries cross: by the exact millisecond, by what is left of them, or not at all.

/**
 * `exact`: both servers know absolute expiries and their clocks agree. `relative`: what PTTL says, less the time that the
 * entry spends here. `dropped`: nothing expires on the target.
 */
export type ExpiryMode = 'exact' | 'relative' | 'dropped';

/** `expireAt` of an entry that does not expire. */
export const NEVER = -1;

/**
 * The clock that `expireAt` is told by, in milliseconds: the source's own, or one of this machine that never jumps.
 * @param skew what the source's clock shows above `Date.now()`
 */
export function expiryClock(mode: ExpiryMode, skew: number): () => number {
  return mode === 'relative' ? () => performance.now() : () => Date.now() + skew;
}
