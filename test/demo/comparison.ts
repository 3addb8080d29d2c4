// Holds two databases against each other, key by key: type, value, expiry.
import { isDeepStrictEqual } from 'node:util';
import type { TestClient } from '../support/client.ts';
import { snapshot, type Snapshot } from '../support/snapshot.ts';

export interface Comparison {
  /** By type of the source's keys. */
  readonly byType: ReadonlyMap<string, DryRunTarget>;
  readonly all: DryRunTarget;
  /** Keys of the source that expire. */
  readonly expiring: number;
  readonly targetOnly: number;
  readonly isSame: boolean;
}

export interface DryRunTarget {
  keys: number;
  same: number;
}

/** Servers before 7.0 tell only what is left of an expiry, and the two are asked one after the other. */
const TOLERANCE_MS = 1000;

export async function compare(source: TestClient, target: TestClient): Promise<Comparison> {
  const [isExact, expected, actual] = [await tellsExpireTime(source), await snapshot(source), await snapshot(target)];
  const tolerance = isExact ? 0 : TOLERANCE_MS;
  const byType = new Map<string, DryRunTarget>();
  const all: DryRunTarget = { keys: 0, same: 0 };
  let expiring = 0;
  for (const [key, entry] of expected) {
    const ofType = byType.get(entry.type) ?? { keys: 0, same: 0 };
    byType.set(entry.type, ofType);
    const same = isSameEntry(entry, actual.get(key), tolerance) ? 1 : 0;
    for (const tally of [ofType, all]) {
      tally.keys += 1;
      tally.same += same;
    }
    if (entry.expireAt !== null) expiring += 1;
  }
  const targetOnly = [...actual.keys()].filter((key) => !expected.has(key)).length;
  return { byType, all, expiring, targetOnly, isSame: all.same === all.keys && targetOnly === 0 };
}

async function tellsExpireTime(client: TestClient): Promise<boolean> {
  const [reply] = await client.pipeline([['PEXPIRETIME', '']]);
  return !(reply instanceof Error);
}

function isSameEntry(source: Snapshot, target: Snapshot | undefined, tolerance: number): boolean {
  if (target === undefined || source.type !== target.type) return false;
  const isSameExpiry =
    source.expireAt === null || target.expireAt === null
      ? source.expireAt === target.expireAt
      : Math.abs(source.expireAt - target.expireAt) <= tolerance;
  return isSameExpiry && isDeepStrictEqual(source.value, target.value);
}
