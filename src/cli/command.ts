// What a command is, and what it is given to work with. commands.ts lists those that there are.

import type { Environment } from './flags/arguments.ts';
import type { OptionName, OptionValues } from './flags/options.ts';
import type { StdoutFlags } from './flags/refusals.ts';
import type { ExitCode } from './exit-codes.ts';
import type { StopSignal, Streams } from './show/output.ts';

export interface Command {
  /** The word that asks for it. */
  readonly name: string;
  /** What it is called in a sentence: `a copy`. */
  readonly noun: string;
  readonly help: CommandHelp;
  /** The flags that it takes; others are refused. Without a list none is refused. */
  readonly flags?: ReadonlySet<OptionName>;
  /** Words that may follow its name; by default none. */
  readonly operands?: 'anything' | 'a command';
  /** What COMMAND in its usage may be. */
  readonly subcommands?: readonly string[];
  readonly stdoutFlags?: StdoutFlags;
  /** @throws UsageError, before anything was done */
  run(request: Request, program: Program): Promise<ExitCode>;
}

/** The first one is the default: it needs no word. */
export type Commands = readonly [Command, ...Command[]];

export interface CommandHelp {
  /** Its line in the list of commands. */
  readonly summary: string;
  /** What follows its name on a command line; without it the help shows no usage of it. */
  readonly usage?: string;
  /** The first and the last part of the help about it; by default those of the help about everything. */
  readonly head?: string;
  readonly tail?: string;
}

/** A command line that was understood. */
export interface Request {
  readonly command: Command;
  readonly operands: readonly string[];
  /** From the command line and the environment. */
  readonly values: OptionValues;
  readonly environment: Environment;
  /** False where nothing at all was given. */
  readonly isAsked: boolean;
}

/** The process, as far as commands have to do with it. */
export interface Program extends Streams {
  readonly commands: Commands;
  readonly isStdinTerminal: boolean;
  /** stdout is the target: the copy that writes it reports its errors. */
  giveStdoutAway(): void;
  /**
   * The first signal of the system asks the work to stop and waits for it; the second one does not wait.
   * @param reasonOf called with the first one, for the reason that the abort signal carries
   * @param onInterrupt takes the first Ctrl-C, in place of all that
   */
  stoppable<T>(
    reasonOf: (signal: StopSignal) => Error,
    work: (signal: AbortSignal) => Promise<T>,
    onInterrupt?: () => void,
  ): Promise<T>;
}
