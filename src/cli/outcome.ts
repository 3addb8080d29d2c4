// How a run ended: with its figures, or with the error that ended it.

import type { MigrateResult } from '../sync/options.ts';

export type Outcome = { readonly result: MigrateResult } | { readonly error: unknown };

/** Everything is on the target. */
export function isComplete(outcome: Outcome): boolean {
  return 'result' in outcome && outcome.result.failed === 0;
}
