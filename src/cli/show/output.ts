// What the operator sees of a run, with one implementation for each way to show it; and how a run ended, as all of them are
// told.

import { RespError } from '../../../resp/errors.ts';
import type { MigrateEvent, MigrateResult } from '../../sync/options.ts';
import type { PartitionOptions } from '../../sync/workers-plan.ts';
import type { CheckEvent, CheckResult } from '../../verify/options.ts';
import { differencesOf, isInVain } from './texts.ts';

/** As much of a stream as an output needs. */
export interface TextStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  /** @param onWritten called once it is, or never will be */
  write(text: string, onWritten?: (error?: Error | null) => void): unknown;
}

export interface Streams {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
}

/** The events of a copy, of a check, or of a copy with a check behind it. */
export type RunEvent = MigrateEvent | CheckEvent;

export interface Output {
  onEvent(event: RunEvent): void;
  /** The run was asked to stop. */
  onInterrupt(signal: StopSignal): void;
  /** Ctrl-C has said that the writers have stopped. */
  onCutover(): void;
  /** Once, and the last. */
  finish(outcome: Outcome): void;
}

export interface OutputOptions {
  /** Errors come with their stacks. */
  readonly debug: boolean;
  /** Nothing is written to the target: what was found is the result. */
  readonly dryRun: boolean;
  /** stdout carries data: no words go there. */
  readonly stdoutTaken: boolean;
  /** Where keys that differ are listed: all on `stdout`, the first ones on `stderr`, or not by this output. */
  readonly differences: 'stdout' | 'stderr' | 'none';
  /** What the run is about, where that is one of several parts. */
  readonly partition?: PartitionOptions | undefined;
  /** Whether a check is to follow the copy. */
  readonly verifies?: boolean | undefined;
}

/** A copy, with the check behind it if one was asked for; a check alone; an inspection, which has words of its own; or none. */
export type Outcome =
  | { readonly inspected: true }
  | { readonly result: MigrateResult; readonly check?: CheckResult | undefined }
  | { readonly check: CheckResult }
  | { readonly error: unknown };

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The reason that the abort signal carries from the command line to the socket. `code` is `INTERRUPTED`. */
export class Interrupted extends RespError {
  override readonly name = 'Interrupted';
  readonly signal: StopSignal;

  /** @param before what had not come about yet */
  constructor(signal: StopSignal, before = 'everything was copied') {
    super('INTERRUPTED', `Stopped by ${nameOfSignal(signal)} before ${before}`);
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
  return (!('result' in outcome) || isWhole(outcome.result)) && !isDifferent(outcome) && !isUnsure(outcome);
}

/** Every key is on the target, and the writers were stopped. */
export function isWhole({ failed, stragglers = 0, doubtful = 0 }: MigrateResult): boolean {
  return failed + stragglers + doubtful === 0;
}

/** A check found a difference. */
export function isDifferent(outcome: Outcome): boolean {
  return 'check' in outcome && outcome.check !== undefined && differencesOf(outcome.check) > 0;
}

function isUnsure(outcome: Outcome): boolean {
  const { check } = { check: undefined, ...outcome };
  return check !== undefined && (check.failed + check.notComparable > 0 || isInVain(check));
}
