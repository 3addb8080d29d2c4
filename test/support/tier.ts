// The two tiers of tests: the quick one is `npm test`, the rest is what `npm run test:all` adds; by hand one process has both.
// What a tier does not run is not registered in it. `test/run.ts` knows by an import of this file, or of the versions of
// servers, who has more to do in the long one.
import { test, type TestContext } from 'node:test';

export type Tier = 'quick' | 'rest' | 'whole';

export const tier = tierOf(process.env['TEST_LONG']);
export const isLong = tier !== 'quick';

/** Whoever registers tests of the long tier alone has no part in the quick one. */
let isLongOnly = false;

/** @throws if the variable says something else, which would be taken for a tier that is not meant */
export function tierOf(variable: string | undefined): Tier {
  if (variable === undefined || variable === '') return 'quick';
  if (variable === 'rest') return 'rest';
  if (variable === '1') return 'whole';
  throw new Error(`TEST_LONG is 1 for both tiers or rest for the long one alone, not ${variable}`);
}

/** Registers tests that only the long tier runs: what they guard has a cheaper test in the quick one. */
export function longOnly(register: () => void): void {
  if (!isLong) return;
  isLongOnly = true;
  try {
    register();
  } finally {
    isLongOnly = false;
  }
}

/** `test` for one of them. Not in a loop over variants, whose first case no tier would run then. */
export const longTest: (name: string, run: (t: TestContext) => void | Promise<void>) => unknown = isLong
  ? test
  : () => undefined;

/**
 * The first case stands for its behaviour in the quick tier; the others are variants of it, which the long tier runs. Loops over
 * variants do not stand in one another: no tier would run the second case of the one with the first one of the other.
 */
export function variants<T>(...cases: readonly T[]): readonly T[] {
  return share(isLongOnly ? 'whole' : tier, cases);
}

/** Which of the cases a tier runs: the quick one and the rest have none in common, and together all. */
export function share<T>(tier: Tier, cases: readonly T[]): readonly T[] {
  if (tier === 'whole') return cases;
  return tier === 'quick' ? cases.slice(0, 1) : cases.slice(1);
}

/** For fast-check: so many cases, and three times as many in the long tier. */
export function runs(quick: number): { readonly numRuns: number } {
  return { numRuns: count(quick, 3 * quick) };
}

/** How many random cases are tried, or how many keys there are: so many more in the long tier. */
export function count(quick: number, long: number): number {
  return isLong ? long : quick;
}
