// What hears of a run beside its output has to be able to do. listeners.ts has those that there are.

import type { TapMaker } from '../server/server.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Outcome, RunEvent } from './show/output.ts';

export interface RunListener {
  /** What hears the bytes of all connections, where that is asked for as well. */
  readonly tap?: TapMaker | undefined;
  /** Whether it wants to hear what stands out of what is read. */
  readonly observes?: boolean | undefined;
  /** What its user should know before the run begins. */
  readonly warning?: string | undefined;
  onEvent(event: RunEvent): void;
  /** The run has ended. What cannot be written that was asked for besides is said, and changes nothing: the data are whole. */
  finish(outcome: Outcome, exitCode: ExitCode): void;
  /** Once, and the last; also where the run has never begun. */
  close(): void;
}
