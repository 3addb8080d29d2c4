// SCAN cursors as Redis counts them: 64 bits, incremented from the high end, so that reversed they only grow.

const BITS = 64;
/** One above the greatest position: the end of the keyspace. */
export const END = 1n << 64n;

/**
 * How far a cursor has come, of `END`: its bits reversed. The cursor is a decimal string, too large for a number;
 * `undefined` for one that is no 64-bit number at all.
 */
export function positionOf(cursor: string): bigint | undefined {
  if (!/^\d{1,20}$/.test(cursor)) return undefined;
  const bits = BigInt(cursor);
  return bits < END ? reverse(bits) : undefined;
}

/** The cursor at a position. */
export function cursorAt(position: bigint): string {
  return reverse(position).toString();
}

/** What share of the keyspace lies between two positions, 0 to 1. */
export function shareBetween(from: bigint, to: bigint): number {
  return Number(to - from) / Number(END);
}

function reverse(bits: bigint): bigint {
  const digits = bits.toString(2).padStart(BITS, '0');
  return BigInt(`0b${digits.split('').toReversed().join('')}`);
}
