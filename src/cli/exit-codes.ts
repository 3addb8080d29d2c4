// Exit codes, and which end of a run gets which.

import { AddressError, RespError } from '../../resp/errors.ts';
import { isAbsent, isUnserved, isWaitedFor, mayPass } from '../server/refusal.ts';
import { STOPPED } from '../sync/controls.ts';
import { PARTITION } from '../sync/workers-plan.ts';
import { UsageError } from './flags/kinds.ts';
import { Interrupted, isComplete, isDifferent, isWhole, type Outcome } from './show/output.ts';

export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  different: 3,
  /** EX_TEMPFAIL of sysexits: trying again later may help. */
  passing: 75,
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
} as const;

/** The code of the error where all runs of a folder live, but not all have got in sync in time. */
export const NOT_IN_SYNC = 'NOT_IN_SYNC';

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** @param hasBegun whether both sides were reached and passed the preflight */
export function exitCodeOf(outcome: Outcome, hasBegun = true): ExitCode {
  if ('error' in outcome) return exitCodeOfError(outcome.error, hasBegun);
  if ('result' in outcome && !isWhole(outcome.result)) return EXIT_CODES.failed;
  if (isDifferent(outcome)) return EXIT_CODES.different;
  return isComplete(outcome) ? EXIT_CODES.done : EXIT_CODES.failed;
}

export function exitCodeOfError(error: unknown, hasBegun = false): ExitCode {
  if (error instanceof Interrupted) return EXIT_CODES[error.signal];
  if (error instanceof AddressError || error instanceof UsageError) return EXIT_CODES.usage;
  if (error instanceof RespError && error.code === PARTITION) return EXIT_CODES.usage;
  if (error instanceof RespError && (error.code === STOPPED || error.code === NOT_IN_SYNC)) return EXIT_CODES.passing;
  // At the first look a name may be wrong, or a memory full for good; who is not there may come back, and so may a slot's node.
  const passes = hasBegun ? mayPass(error) : isWaitedFor(error) || isAbsent(error) || isUnserved(error);
  return passes ? EXIT_CODES.passing : EXIT_CODES.failed;
}
