// What the operator sees of a run. One implementation for each way to show it.

import type { MigrateEvent } from '../sync/options.ts';
import type { CheckEvent } from '../verify/options.ts';
import type { Combined } from './combined.ts';
import type { Task } from './commands.ts';
import type { StopSignal } from './interrupted.ts';
import type { Outcome } from './outcome.ts';

export type { Streams, TextStream } from './streams.ts';

/** What a copy tells, or a check, or a copy with a check behind it. */
export type RunEvent = MigrateEvent | CheckEvent;

export interface Output {
  onEvent(event: RunEvent): void;
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
  /** Default `copy`. */
  readonly task?: Task;
  /** Gets a line for every key. */
  readonly combined?: Combined | undefined;
}
