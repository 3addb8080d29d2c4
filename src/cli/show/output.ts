// What the operator sees of a run. One implementation for each way to show it.

import type { MigrateEvent } from '../../sync/options.ts';
import type { CheckEvent } from '../../verify/options.ts';
import type { Outcome, StopSignal } from './outcome.ts';

/** As much of a stream as an output needs. */
export interface TextStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
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
}
