// A check is made of passes: one side is read, and each key is looked for at the other.

import type { Source } from '../source/source.ts';
import type { Target } from '../target/target.ts';
import type { Findings } from './findings.ts';

export interface Pass {
  readonly source: Source;
  /** What compares the entries. */
  readonly target: Target;
  /** How much of the whole check is done before it, and behind it, 0 to 1. */
  readonly share: readonly [number, number];
}

/** How two sides are compared. Each pass is to be run before the next one is asked for. */
export interface Passes {
  readonly findings: Findings;
  passes(): Iterable<Pass>;
  /** As many as are asked for, each of which reads the keys that differ once more; none where that cannot be. */
  rechecks(): Iterable<Pass>;
}
