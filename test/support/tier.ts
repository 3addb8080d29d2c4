// The two tiers of tests: the quick one is `npm test`, the long one what `npm run test:all` adds. What a tier does not
// run is not registered in it. `test/run.ts` knows by an import of this file, or of the versions of servers, who has more to do in the long one.

const VARIABLE = 'TEST_LONG';
export const isLong = process.env[VARIABLE] === '1';

/** Registers tests that only the long tier runs: what they guard has a cheaper test in the quick one. */
export function longOnly(register: () => void): void {
  if (isLong) register();
}

/** The first case stands for its behaviour in the quick tier; the others are variants of it. */
export function variants<T>(...cases: readonly T[]): readonly T[] {
  return isLong ? cases : cases.slice(0, 1);
}

/** For fast-check: so many cases, and ten times as many in the long tier. */
export function runs(quick: number): { readonly numRuns: number } {
  return { numRuns: count(quick, 10 * quick) };
}

/** How many random cases are tried, or how many keys there are: so many more in the long tier. */
export function count(quick: number, long: number): number {
  return isLong ? long : quick;
}
