// Holds two databases against each other and counts, by type, how many keys are the same.
import type { TestClient } from '../support/client.ts';
import { differencesOf, snapshot, tellsExpireTime } from '../support/snapshot.ts';

export interface Comparison {
  /** By type of the source's keys. */
  readonly byType: ReadonlyMap<string, Tally>;
  readonly all: Tally;
  /** Keys of the source that expire. */
  readonly expiring: number;
  readonly targetOnly: number;
  readonly isSame: boolean;
}

export interface Tally {
  keys: number;
  same: number;
}

export async function compare(source: TestClient, target: TestClient): Promise<Comparison> {
  const [isExact, expected, actual] = [await tellsExpireTime(source), await snapshot(source), await snapshot(target)];
  const differences = differencesOf(actual, expected, { ttl: isExact ? 'exact' : 'relative' });
  const byType = new Map<string, Tally>();
  const all: Tally = { keys: 0, same: 0 };
  for (const [key, { type }] of expected) {
    const ofType = byType.get(type) ?? { keys: 0, same: 0 };
    byType.set(type, ofType);
    for (const tally of [ofType, all]) {
      tally.keys += 1;
      if (!differences.has(key)) tally.same += 1;
    }
  }
  const expiring = [...expected.values()].filter(({ expireAt }) => expireAt !== null).length;
  const targetOnly = [...actual.keys()].filter((key) => !expected.has(key)).length;
  return { byType, all, expiring, targetOnly, isSame: differences.size === 0 };
}
