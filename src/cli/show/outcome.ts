// How a run ended: with the figures of what it did, or with the error or the signal that ended it.

import { RespError } from '../../../resp/errors.ts';
import type { MigrateResult } from '../../sync/options.ts';
import type { CheckResult } from '../../verify/options.ts';
import { differencesOf, isInVain } from './figures.ts';

/** A copy, with the check behind it if one was asked for; a check alone; or neither. */
export type Outcome =
  | { readonly result: MigrateResult; readonly check?: CheckResult | undefined }
  | { readonly check: CheckResult }
  | { readonly error: unknown };

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The reason that the abort signal carries from the command line to the socket. `code` is `INTERRUPTED`. */
export class Interrupted extends RespError {
  override readonly name = 'Interrupted';
  readonly signal: StopSignal;

  /** @param done what the command does with keys */
  constructor(signal: StopSignal, done: 'copied' | 'compared' = 'copied') {
    super('INTERRUPTED', `Stopped by ${nameOfSignal(signal)} before everything was ${done}`);
    this.signal = signal;
  }
}

/** The signal, as the operator knows it. */
export function nameOfSignal(signal: StopSignal): string {
  return signal === 'SIGINT' ? 'Ctrl-C' : signal;
}

/** Everything was copied, and everything that was compared is equal. */
export function isComplete(outcome: Outcome): boolean {
  if ('error' in outcome) return false;
  return (!('result' in outcome) || outcome.result.failed === 0) && !isDifferent(outcome) && !isUnsure(outcome);
}

/** A check found a difference. */
export function isDifferent(outcome: Outcome): boolean {
  return 'check' in outcome && outcome.check !== undefined && differencesOf(outcome.check) > 0;
}

function isUnsure(outcome: Outcome): boolean {
  const { check } = { check: undefined, ...outcome };
  return check !== undefined && (check.failed + check.notComparable > 0 || isInVain(check));
}
