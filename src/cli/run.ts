// One run of a copy or a check: its events are shown, a signal stops it, and its end becomes an exit code.

import type { Program } from './command.ts';
import { exitCodeOf, type ExitCode } from './exit-codes.ts';
import type { Environment } from './flags/environment.ts';
import type { SidesRequest } from './flags/sides.ts';
import { Interrupted, type Outcome } from './show/outcome.ts';
import { openOutput } from './show/open-output.ts';
import type { Output, OutputOptions, RunEvent } from './show/output.ts';

export class Run {
  readonly #program: Program;
  readonly #output: Output;
  /** Both sides are found good for the run. */
  #hasBegun = false;

  constructor(
    program: Program,
    environment: Environment,
    { debug, progress }: Pick<SidesRequest, 'debug' | 'progress'>,
    options: Omit<OutputOptions, 'debug'>,
  ) {
    this.#program = program;
    this.#output = openOutput(progress, { debug, ...options }, program, environment);
  }

  /** What the operator should know, whatever becomes of the run. */
  warnBefore(variables: readonly string[], readsStdin: boolean): void {
    for (const message of variables) this.#output.onEvent({ type: 'warning', code: 'UNKNOWN_VARIABLE', message });
    if (!readsStdin || !this.#program.isStdinTerminal) return;
    const message = 'waiting for a stream on stdin, which is a terminal';
    this.#output.onEvent({ type: 'warning', code: 'TERMINAL', message });
  }

  /** @param done what is to be done with everything */
  async work(
    done: 'copied' | 'compared',
    work: (told: { readonly signal: AbortSignal; readonly onEvent: (event: RunEvent) => void }) => Promise<Outcome>,
  ): Promise<Outcome> {
    const reasonOf = (signal: Interrupted['signal']): Error => {
      this.#output.onInterrupt(signal);
      return new Interrupted(signal, done);
    };
    const onEvent = (event: RunEvent): void => {
      this.#hasBegun ||= event.type === 'start';
      this.#output.onEvent(event);
    };
    try {
      return await this.#program.stoppable(reasonOf, (signal) => work({ signal, onEvent }));
    } catch (error) {
      return { error };
    }
  }

  /** Once, and the last. */
  finish(outcome: Outcome): ExitCode {
    this.#output.finish(outcome);
    return exitCodeOf(outcome, this.#hasBegun);
  }
}
