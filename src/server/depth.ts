// How many keys may be under way on one connection, by the length of its line.

/** What a short line needs; more would only leave the processor's cache and cost memory. */
const LEAST = 1024;
const MOST = 16_384;
/** Keys a millisecond that no line should be what bounds: with these under way the servers are. */
const KEYS_PER_MS = 500;

/** @param roundTrip milliseconds from a command to its reply */
export function depthFor(roundTrip: number): number {
  return Math.min(MOST, Math.max(LEAST, Math.round(roundTrip * KEYS_PER_MS)));
}
