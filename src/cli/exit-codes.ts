// What the exit code says, in one place.

import { AddressError } from '../../resp/errors.ts';
import { Interrupted } from './interrupted.ts';
import { isComplete, isDifferent, type Outcome } from './outcome.ts';
import { UsageError } from './usage-error.ts';

export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  different: 3,
  SIGINT: 130,
  SIGTERM: 143,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

export function exitCodeOf(outcome: Outcome): ExitCode {
  if ('error' in outcome) return exitCodeOfError(outcome.error);
  if ('result' in outcome && outcome.result.failed > 0) return EXIT_CODES.failed;
  if (isDifferent(outcome)) return EXIT_CODES.different;
  return isComplete(outcome) ? EXIT_CODES.done : EXIT_CODES.failed;
}

export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof Interrupted) return EXIT_CODES[error.signal];
  return error instanceof AddressError || error instanceof UsageError ? EXIT_CODES.usage : EXIT_CODES.failed;
}
