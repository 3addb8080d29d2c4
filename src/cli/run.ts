// One run of a copy or a check: shows its events, stops it at a signal, and makes an exit code of its end.

import type { Program, Request } from './command.ts';
import { EXIT_CODES, exitCodeOf, type ExitCode } from './exit-codes.ts';
import type { Environment } from './flags/arguments.ts';
import type { ProgressStyle, SidesRequest } from './flags/sides.ts';
import { openListeners } from './listeners.ts';
import type { RunListener } from './run-listener.ts';
import { tapOf } from './tracing.ts';
import type { TapMaker } from '../server/server.ts';
import { BarOutput, DotsOutput } from './show/progress.ts';
import { JsonOutput } from './show/json.ts';
import {
  Interrupted,
  type Outcome,
  type Output,
  type OutputOptions,
  type RunEvent,
  type Streams,
} from './show/output.ts';
import { PlainOutput } from './show/report.ts';

const WHILE_LINGERING = 'it was known whether anybody still writes, and before the last look at the target';

/** What a run is given, beside what it was asked. */
interface Told {
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  readonly observe: boolean;
}

export class Run {
  readonly #program: Program;
  readonly #output: Output;
  readonly #listeners: readonly RunListener[];
  /** Both sides were reached and passed the preflight. */
  #hasBegun = false;

  /** @throws UsageError where somebody who is to hear of it cannot */
  static async open(
    program: Program,
    { command, values, environment }: Request,
    { debug, progress }: Pick<SidesRequest, 'debug' | 'progress'>,
    options: Omit<OutputOptions, 'debug'>,
  ): Promise<Run> {
    const listeners = await openListeners(values, command.name === 'check' ? 'check' : 'copy', program, options);
    const run = new Run(program, openOutput(progress, { debug, ...options }, program, environment), listeners);
    for (const { warning: message } of listeners)
      if (message !== undefined) run.#tell({ type: 'warning', code: 'OPEN_TO_OTHERS', message });
    return run;
  }

  private constructor(program: Program, output: Output, listeners: readonly RunListener[]) {
    this.#program = program;
    this.#output = output;
    this.#listeners = listeners;
  }

  /** What hears the bytes of all connections: this one, and whoever hears of the run. */
  tapWith(tap: TapMaker | undefined): TapMaker | undefined {
    return tapOf([tap, ...this.#listeners.map(({ tap }) => tap)].filter((each) => each !== undefined));
  }

  /** @param variables what is wrong with the environment */
  warnBefore(variables: readonly string[], readsStdin: boolean): void {
    for (const message of variables) this.#tell({ type: 'warning', code: 'UNKNOWN_VARIABLE', message });
    if (!readsStdin || !this.#program.isStdinTerminal) return;
    const message = 'waiting for a stream on stdin, which is a terminal';
    this.#tell({ type: 'warning', code: 'TERMINAL', message });
  }

  /**
   * @param done what the command does with keys
   * @param cutover what the first Ctrl-C asks for, where it does not end the run
   */
  async work(
    done: 'copied' | 'compared' | 'counted' | 'shown',
    work: (told: Told) => Promise<Outcome>,
    cutover?: AbortController,
  ): Promise<Outcome> {
    let before = `everything was ${done}`;
    const reasonOf = (signal: Interrupted['signal']): Error => {
      this.#output.onInterrupt(signal);
      return new Interrupted(signal, before);
    };
    const onEvent = (event: RunEvent): void => {
      // The check behind a copy begins as well.
      if (event.type === 'start' && this.#hasBegun) before = 'everything was compared';
      this.#hasBegun ||= event.type === 'start';
      if (event.type === 'phase' && event.phase === 'lingering') before = WHILE_LINGERING;
      this.#tell(event);
    };
    const onInterrupt = (): void => {
      this.#output.onCutover();
      cutover!.abort();
    };
    try {
      const observe = this.#listeners.some(({ observes }) => observes);
      const told = (signal: AbortSignal): Promise<Outcome> => work({ signal, onEvent, observe });
      return await this.#program.stoppable(reasonOf, told, cutover && onInterrupt);
    } catch (error) {
      return { error };
    }
  }

  /** Once, and the last. @param isUnwritten whether a list that the command was asked for could not be written */
  finish(outcome: Outcome, isUnwritten = false): ExitCode {
    this.#output.finish(outcome);
    const code = exitCodeOf(outcome, this.#hasBegun) || (isUnwritten ? EXIT_CODES.failed : EXIT_CODES.done);
    for (const listener of this.#listeners) listener.finish(outcome, code);
    for (const listener of this.#listeners) listener.close();
    return code;
  }

  #tell(event: RunEvent): void {
    this.#output.onEvent(event);
    for (const listener of this.#listeners) listener.onEvent(event);
  }
}

export function openOutput(
  progress: ProgressStyle,
  options: OutputOptions,
  streams: Streams,
  environment: Environment,
): Output {
  // A bar is redrawn in place, which a file and a dumb terminal cannot do.
  const isTerminal = streams.stderr.isTTY === true && environment['TERM'] !== 'dumb';
  // Nor beside data that goes to the same screen.
  const canRedraw = isTerminal && !(options.stdoutTaken && streams.stdout.isTTY === true);
  switch (progress) {
    case 'silent':
      return new PlainOutput(streams, options, true);
    case 'json':
      return new JsonOutput(streams, options);
    case 'dots':
      return new DotsOutput(streams, options);
    case 'none':
      return new PlainOutput(streams, options);
    case 'bar':
      return canRedraw ? new BarOutput(streams, options) : new PlainOutput(streams, options);
    default:
      if (canRedraw) return new BarOutput(streams, options);
      // Dots have no place on a stdout that is a list of differences.
      return options.stdoutTaken || options.differences === 'stdout'
        ? new PlainOutput(streams, options)
        : new DotsOutput(streams, options);
  }
}
