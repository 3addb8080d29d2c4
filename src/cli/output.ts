// What the operator sees of a run. One implementation for each way to show it.

import type { MigrateEvent } from '../sync/options.ts';
import type { StopSignal } from './interrupted.ts';
import type { Outcome } from './outcome.ts';

export interface Output {
  onEvent(event: MigrateEvent): void;
  /** The run was asked to stop, and is about to. */
  onInterrupt(signal: StopSignal): void;
  /** Once, and the last. */
  finish(outcome: Outcome): void;
}

export interface OutputOptions {
  /** Errors come with their stacks. */
  readonly debug: boolean;
  /** Nothing is written: what was found is the result. */
  readonly dryRun: boolean;
  /** stdout is the target, and takes no word. */
  readonly toStdout: boolean;
}

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
